//! Transactions: operations of RFC 7047 section 5.2.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::condition::{Condition, Mutation};
use crate::row::Row;

/// Operations that are executed together or not at all.
///
/// ```
/// use ovsdb::{Condition, Mutation, Row, Transaction, Value};
///
/// let attach = Transaction::new()
///     .insert("Interface", Row::new().with("name", "veth0"), Some("interface"))
///     .insert("Port", Row::new().with("name", "veth0").with("interfaces", Value::named("interface")), Some("port"))
///     .mutate(
///         "Bridge",
///         [Condition::equal("name", "br0")],
///         [Mutation::insert("ports", Value::named("port"))],
///     )
///     .comment("attach veth0");
/// assert_eq!(attach.len(), 4);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transaction {
    operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) table: Option<Arc<str>>,
    pub(crate) members: Map<String, Json>,
}

/// The condition of a [`Wait`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The rows equal the given ones.
    Equal,
    /// The rows differ from the given ones.
    NotEqual,
}

/// A `wait` (RFC 7047 section 5.2.6): waits until the rows of a table that meet the conditions, reduced to some
/// columns, equal (or differ from) the given rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    table: String,
    conditions: Vec<Condition>,
    columns: Vec<String>,
    until: Until,
    rows: Vec<Row>,
    timeout: Option<Duration>,
}

impl Wait {
    /// Waits for `rows` in `table` without time limit: the time limit of the call cancels it.
    pub fn new(table: &str, until: Until, rows: impl IntoIterator<Item = Row>) -> Self {
        Self {
            table: table.to_owned(),
            conditions: Vec::new(),
            columns: Vec::new(),
            until,
            rows: rows.into_iter().collect(),
            timeout: None,
        }
    }

    /// Considers only rows that meet all conditions.
    #[must_use]
    pub fn when(mut self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        self.conditions.extend(conditions);
        self
    }

    /// Compares these columns; by default those of the given rows.
    #[must_use]
    pub fn columns<'a>(mut self, columns: impl IntoIterator<Item = &'a str>) -> Self {
        self.columns.extend(columns.into_iter().map(str::to_owned));
        self
    }

    /// Fails with `timed out` after this time, in whole milliseconds; zero: checks without waiting.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl Transaction {
    /// A transaction without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of operations.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether it has no operations.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Selects rows that meet all conditions, with these columns; all columns if `columns` is empty.
    #[must_use]
    pub fn select<'a>(
        self,
        table: &str,
        conditions: impl IntoIterator<Item = Condition>,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let columns: Vec<_> = columns.into_iter().collect();
        let mut members = json!({ "where": where_clause(conditions) });
        if let (false, Json::Object(members)) = (columns.is_empty(), &mut members) {
            members.insert("columns".to_owned(), json!(columns));
        }
        self.push("select", Some(table), members)
    }

    /// Inserts a row. Other operations of this transaction can refer to it with [`crate::Value::named`]. A name
    /// begins with a letter or `_`, followed by letters, digits, `_` (RFC 7047 section 3.1, `<id>`).
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn insert(self, table: &str, row: Row, uuid_name: Option<&str>) -> Self {
        let mut members = json!({ "row": row.to_json() });
        if let (Some(name), Json::Object(members)) = (uuid_name, &mut members) {
            members.insert("uuid-name".to_owned(), json!(name));
        }
        self.push("insert", Some(table), members)
    }

    /// Sets columns of rows that meet all conditions.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn update(self, table: &str, conditions: impl IntoIterator<Item = Condition>, row: Row) -> Self {
        self.push("update", Some(table), json!({ "where": where_clause(conditions), "row": row.to_json() }))
    }

    /// Changes the current values of columns, in rows that meet all conditions.
    #[must_use]
    pub fn mutate(
        self,
        table: &str,
        conditions: impl IntoIterator<Item = Condition>,
        mutations: impl IntoIterator<Item = Mutation>,
    ) -> Self {
        let mutations: Vec<_> = mutations.into_iter().map(|mutation| mutation.to_json()).collect();
        self.push("mutate", Some(table), json!({ "where": where_clause(conditions), "mutations": mutations }))
    }

    /// Deletes rows that meet all conditions.
    #[must_use]
    pub fn delete(self, table: &str, conditions: impl IntoIterator<Item = Condition>) -> Self {
        self.push("delete", Some(table), json!({ "where": where_clause(conditions) }))
    }

    /// Delays the transaction until its condition is true.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn wait(self, wait: Wait) -> Self {
        let mut columns = wait.columns;
        if columns.is_empty() {
            columns.extend(wait.rows.iter().flat_map(|row| row.columns().keys().cloned()));
            columns.sort_unstable();
            columns.dedup();
        }
        let mut members = json!({
            "where": where_clause(wait.conditions),
            "columns": columns,
            "until": match wait.until { Until::Equal => "==", Until::NotEqual => "!=" },
            "rows": wait.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        });
        if let (Some(timeout), Json::Object(members)) = (wait.timeout, &mut members) {
            let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            members.insert("timeout".to_owned(), json!(milliseconds));
        }
        self.push("wait", Some(&wait.table), members)
    }

    /// With `durable`, the answer comes when the transaction is on disk.
    #[must_use]
    pub fn commit(self, durable: bool) -> Self {
        self.push("commit", None, json!({ "durable": durable }))
    }

    /// A comment for the server's log, stored with the transaction.
    #[must_use]
    pub fn comment(self, text: &str) -> Self {
        self.push("comment", None, json!({ "comment": text }))
    }

    /// Fails with `aborted`.
    #[must_use]
    pub fn abort(self) -> Self {
        self.push("abort", None, json!({}))
    }

    fn push(mut self, name: &'static str, table: Option<&str>, members: Json) -> Self {
        let members = match members {
            Json::Object(members) => members,
            _ => Map::new(),
        };
        self.operations.push(Operation { name, table: table.map(Arc::from), members });
        self
    }

    pub(crate) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Parameters of `transact` (RFC 7047 section 4.1.3).
    pub(crate) fn params(&self, database: &str) -> Json {
        let operations = self.operations.iter().map(|operation| {
            let mut members = operation.members.clone();
            members.insert("op".to_owned(), json!(operation.name));
            if let Some(table) = &operation.table {
                members.insert("table".to_owned(), json!(**table));
            }
            Json::Object(members)
        });
        std::iter::once(json!(database)).chain(operations).collect()
    }
}

fn where_clause(conditions: impl IntoIterator<Item = Condition>) -> Json {
    conditions.into_iter().map(|condition| condition.to_json()).collect()
}
