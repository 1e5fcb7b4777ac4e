//! A value in a table that breaks its column's rule: one form of message for all tables.

use thiserror::Error;

/// Names the column, the value, the row and the rule, so that an administrator knows what to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{column}={value} of {row}: {rule}")]
pub struct CellError {
    /// `table.column`.
    pub column: &'static str,
    /// The row: a node's or a network's name.
    pub row: String,
    /// The value, or the part of it that is wrong.
    pub value: String,
    /// What the value must be.
    pub rule: String,
}

/// A row that is being read, for the messages of its cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) column: &'static str,
    pub(crate) row: &'a str,
}

impl<'a> Cell<'a> {
    pub(crate) fn new(column: &'static str, row: &'a str) -> Self {
        Self { column, row }
    }

    /// The error that `value` breaks `rule`.
    pub(crate) fn refuse(self, value: &str, rule: &(impl ToString + ?Sized)) -> CellError {
        CellError {
            column: self.column,
            row: self.row.to_owned(),
            value: shortened(value),
            rule: rule.to_string(),
        }
    }
}

/// Docker JSON and long lists are told by their beginning.
fn shortened(value: &str) -> String {
    const SHOWN: usize = 60;
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
