//! Results of a transaction's operations (RFC 7047 section 4.1.3: the result of `transact`).

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::message::error_and_details;
use crate::row::Row;
use crate::transaction::Operation;
use crate::value::{Uuid, Value};

/// Result of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationResult {
    /// `insert`: UUID of the new row.
    Inserted(Uuid),
    /// `select`: the rows.
    Rows(Vec<Row>),
    /// `update`, `mutate`, `delete`: number of affected rows.
    Count(u64),
    /// `wait`, `commit`, `comment`: no data.
    Done,
}

impl OperationResult {
    /// UUID of an inserted row.
    pub fn uuid(&self) -> Option<Uuid> {
        match self {
            Self::Inserted(uuid) => Some(*uuid),
            _ => None,
        }
    }

    /// Rows of a `select`; empty for other operations.
    pub fn rows(&self) -> &[Row] {
        match self {
            Self::Rows(rows) => rows,
            _ => &[],
        }
    }

    /// Number of rows that an `update`, `mutate` or `delete` affected; 0 for other operations.
    pub fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            _ => 0,
        }
    }
}

/// Why there are no results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An operation failed, or the commit (then `operation` is `commit`).
    Operation {
        index: usize,
        operation: &'static str,
        table: Option<Arc<str>>,
        error: String,
        details: String,
    },
    /// The answer does not conform to the RFC.
    Unexpected(String),
}

/// Parses the result of `transact`: one element per operation, and one more if the commit failed (constraints,
/// references, disk).
pub(crate) fn outcomes(operations: &[Operation], result: Json) -> Result<Vec<OperationResult>, Failure> {
    let Json::Array(elements) = result else {
        return Err(Failure::Unexpected(format!("the result is not an array: {}", short(&result))));
    };
    let failed = |element: &Json| element.get("error").is_some_and(|error| !error.is_null());
    if let Some((index, element)) = elements.iter().enumerate().find(|(_, element)| failed(element)) {
        let (error, details) = error_and_details(element);
        let at = operations.get(index);
        let (operation, table) = at.map_or(("commit", None), |at| (at.name, at.table.clone()));
        return Err(Failure::Operation { index, operation, table, error, details });
    }
    if elements.len() != operations.len() {
        let (wanted, found) = (operations.len(), elements.len());
        return Err(Failure::Unexpected(format!("{found} results for {wanted} operations")));
    }
    operations.iter().zip(elements).map(|(operation, element)| one(operation, element)).collect()
}

fn one(operation: &Operation, element: Json) -> Result<OperationResult, Failure> {
    let wrong =
        |element: &Json| Failure::Unexpected(format!("{} returned {}", operation.name, short(element)));
    let Json::Object(mut members) = element else { return Err(wrong(&element)) };
    let parsed = match operation.name {
        "insert" => inserted(&mut members),
        "select" => rows(operation, &mut members)?,
        "update" | "mutate" | "delete" => {
            members.get("count").and_then(Json::as_u64).map(OperationResult::Count)
        }
        _ => Some(OperationResult::Done),
    };
    parsed.ok_or_else(|| wrong(&Json::Object(members)))
}

fn inserted(members: &mut Map<String, Json>) -> Option<OperationResult> {
    match Value::from_json(members.get("uuid")?.clone()) {
        Ok(Value::Atom(crate::Atom::Uuid(uuid))) => Some(OperationResult::Inserted(uuid)),
        _ => None,
    }
}

fn rows(operation: &Operation, members: &mut Map<String, Json>) -> Result<Option<OperationResult>, Failure> {
    let (Some(table), Some(Json::Array(rows))) = (&operation.table, members.remove("rows")) else {
        return Ok(None);
    };
    let mut parsed = Vec::with_capacity(rows.len());
    for row in rows {
        let Json::Object(columns) = row else { return Ok(None) };
        let row = Row::from_json(table, columns);
        parsed.push(row.map_err(|error| Failure::Unexpected(format!("a row of {table}: {error}")))?);
    }
    Ok(Some(OperationResult::Rows(parsed)))
}

fn short(json: &Json) -> String {
    json.to_string().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Transaction;

    fn failure(index: usize, operation: &'static str, table: Option<&str>, words: [&str; 2]) -> Failure {
        let [error, details] = words.map(str::to_owned);
        Failure::Operation { index, operation, table: table.map(Arc::from), error, details }
    }

    #[test]
    fn results_by_operation() {
        let tx = Transaction::new()
            .insert("T", Row::new(), None)
            .select("T", [], [])
            .delete("T", [])
            .comment("words");
        let uuid = Uuid::from_u128(7);
        let result = json!([{"uuid": ["uuid", uuid.to_string()]}, {"rows": [{"a": 1}]}, {"count": 2}, {}]);
        let wanted = vec![
            OperationResult::Inserted(uuid),
            OperationResult::Rows(vec![Row::new().with("a", 1)]),
            OperationResult::Count(2),
            OperationResult::Done,
        ];
        assert_eq!(outcomes(tx.operations(), result), Ok(wanted));
    }

    #[test]
    fn the_failed_one_is_found() {
        let tx = Transaction::new().comment("words").delete("T", []);
        let result = json!([{}, {"error": "referential integrity violation", "details": "why"}, null]);
        let wanted = failure(1, "delete", Some("T"), ["referential integrity violation", "why"]);
        assert_eq!(outcomes(tx.operations(), result), Err(wanted));
        // one more than there are operations: the commit failed
        let result = json!([{}, {"count": 1}, {"error": "constraint violation"}]);
        assert_eq!(
            outcomes(tx.operations(), result),
            Err(failure(2, "commit", None, ["constraint violation", ""]))
        );
    }

    #[test]
    fn what_is_no_result() {
        let tx = Transaction::new().delete("T", []);
        for (result, told) in [
            (json!({}), "the result is not an array: {}"),
            (json!([]), "0 results for 1 operations"),
            (json!([{}]), "delete returned {}"),
            (json!([null]), "delete returned null"),
        ] {
            assert_eq!(outcomes(tx.operations(), result), Err(Failure::Unexpected(told.into())));
        }
    }
}
