//! Copies of rows, and their changes since the last report. No I/O.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::{Change, MonitorRequest, Update, diff};
use crate::row::Row;
use crate::schema::{DatabaseSchema, TableSchema};
use crate::value::{NotationError, Uuid};

type Rows = BTreeMap<Uuid, Arc<Row>>;

/// An invalid update.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UpdateError {
    #[error("an update of {0} does not conform to RFC 7047 section 4.1.6 or ovsdb-server(7) section 4.1.14")]
    Form(String),
    #[error("an update modifies row {1} of {0}, which was not sent before")]
    UnknownRow(Arc<str>, Uuid),
    #[error("an update of {0}: {1}")]
    Value(Arc<str>, NotationError),
}

#[derive(Debug, Default)]
pub(crate) struct Replica {
    tables: BTreeMap<Arc<str>, Rows>,
    /// Rows that changed since the last report, with their value at that time.
    touched: BTreeMap<(Arc<str>, Uuid), Option<Arc<Row>>>,
}

/// Schema and requests, for parsing an update.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) schema: &'a DatabaseSchema,
    pub(crate) requests: &'a [MonitorRequest],
}

impl Replica {
    pub(crate) fn rows(&self, table: &str) -> Rows {
        self.tables.get(table).cloned().unwrap_or_default()
    }

    pub(crate) fn row(&self, table: &str, uuid: Uuid) -> Option<Arc<Row>> {
        self.tables.get(table)?.get(&uuid).cloned()
    }

    /// The changes since the last call.
    pub(crate) fn take_updates(&mut self) -> Vec<Update> {
        let mut updates = Vec::new();
        for ((table, uuid), old) in take(&mut self.touched) {
            let change = match (old, self.row(&table, uuid)) {
                (None, Some(new)) => Change::Insert { new },
                (Some(old), Some(new)) if old != new => Change::Modify { old, new },
                (Some(old), None) => Change::Delete { old },
                _ => continue,
            };
            updates.push(Update { table, uuid, change });
        }
        updates
    }

    /// Removes all rows: a row that the next updates do not contain is deleted.
    pub(crate) fn clear(&mut self) {
        for (table, rows) in take(&mut self.tables) {
            for (uuid, row) in rows {
                self.touched.entry((Arc::clone(&table), uuid)).or_insert(Some(row));
            }
        }
    }

    /// Applies `<table-updates>` of RFC 7047 section 4.1.6: whole rows.
    pub(crate) fn apply(&mut self, updates: Json) -> Result<(), UpdateError> {
        for (table, uuid, mut members) in each_row(updates)? {
            match (members.remove("new"), members.remove("old")) {
                (Some(Json::Object(columns)), _) => {
                    let row = parse(&table, columns)?;
                    self.put(&table, uuid, Some(row));
                }
                (None, Some(_)) => self.put(&table, uuid, None),
                _ => return Err(UpdateError::Form(table.to_string())),
            }
        }
        Ok(())
    }

    /// Applies `<table-updates2>` of ovsdb-server(7) section 4.1.14: differences, without default values.
    pub(crate) fn apply_differences(
        &mut self,
        reading: Reading<'_>,
        updates: Json,
    ) -> Result<(), UpdateError> {
        for (table, uuid, members) in each_row(updates)? {
            let wrong = || UpdateError::Form(table.to_string());
            let schema = reading.schema.tables.get(&*table).ok_or_else(wrong)?;
            match members.into_iter().next().ok_or_else(wrong)? {
                (kind, Json::Object(columns)) if kind == "initial" || kind == "insert" => {
                    let row = complete(parse(&table, columns)?, schema, reading.requests);
                    self.put(&table, uuid, Some(row));
                }
                (kind, Json::Object(columns)) if kind == "modify" => {
                    let old = self.row(&table, uuid);
                    let old = old.ok_or_else(|| UpdateError::UnknownRow(Arc::clone(&table), uuid))?;
                    let row = modified(&old, parse(&table, columns)?, schema);
                    self.put(&table, uuid, Some(row));
                }
                (kind, _) if kind == "delete" => self.put(&table, uuid, None),
                _ => return Err(wrong()),
            }
        }
        Ok(())
    }

    fn put(&mut self, table: &Arc<str>, uuid: Uuid, row: Option<Row>) {
        let rows = self.tables.entry(Arc::clone(table)).or_default();
        let old = match row {
            Some(row) => rows.insert(uuid, Arc::new(row)),
            None => rows.remove(&uuid),
        };
        self.touched.entry((Arc::clone(table), uuid)).or_insert(old);
    }
}

type RowUpdate = (Arc<str>, Uuid, Map<String, Json>);

fn each_row(updates: Json) -> Result<Vec<RowUpdate>, UpdateError> {
    let Json::Object(tables) = updates else { return Err(UpdateError::Form("the database".to_owned())) };
    let mut all = Vec::new();
    for (table, rows) in tables {
        let wrong = || UpdateError::Form(table.clone());
        let Json::Object(rows) = rows else { return Err(wrong()) };
        let name: Arc<str> = table.as_str().into();
        for (uuid, members) in rows {
            let Json::Object(members) = members else { return Err(wrong()) };
            all.push((Arc::clone(&name), uuid.parse().map_err(|_| wrong())?, members));
        }
    }
    Ok(all)
}

fn parse(table: &Arc<str>, columns: Map<String, Json>) -> Result<Row, UpdateError> {
    Row::from_json(table, columns).map_err(|error| UpdateError::Value(Arc::clone(table), error))
}

/// Adds the default values, which the server omits.
fn complete(mut row: Row, schema: &TableSchema, requests: &[MonitorRequest]) -> Row {
    let request = requests.iter().find(|request| *request.table == *row.table());
    let wanted = |name: &String| {
        let columns = request.and_then(|request| request.columns.as_ref());
        columns.is_none_or(|columns| columns.contains(name))
    };
    for (name, column) in schema.columns.iter().filter(|(name, _)| wanted(name)) {
        if row.get(name).is_none() {
            row.set(name, column.kind.default());
        }
    }
    row
}

fn modified(old: &Row, differences: Row, schema: &TableSchema) -> Row {
    let mut row = old.clone();
    for (name, difference) in differences.into_columns() {
        let new = match (schema.columns.get(&name), old.get(&name)) {
            (Some(column), Some(value)) => diff::apply(&column.kind, value, difference),
            // a column without schema (_version) has one value
            _ => difference,
        };
        row.set(&name, new);
    }
    row
}

#[cfg(test)]
mod tests;
