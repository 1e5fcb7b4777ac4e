//! Error of an invalid table value. All tables share this message format.

use thiserror::Error;

/// Invalid value of a table. The message names column, value, row and rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{column}={value} of {row}: {rule}")]
pub struct CellError {
    /// `table.column`.
    pub column: &'static str,
    /// Row: the name of a node or network.
    pub row: String,
    /// The invalid value, or its invalid part.
    pub value: String,
    /// Rule for valid values.
    pub rule: String,
}

/// Column and row of a cell, for its error messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) column: &'static str,
    pub(crate) row: &'a str,
}

impl<'a> Cell<'a> {
    pub(crate) fn new(column: &'static str, row: &'a str) -> Self {
        Self { column, row }
    }

    /// Error: `value` breaks `rule`.
    pub(crate) fn refuse(self, value: &str, rule: &(impl ToString + ?Sized)) -> CellError {
        CellError {
            column: self.column,
            row: self.row.to_owned(),
            value: shortened(value),
            rule: rule.to_string(),
        }
    }
}

/// Shortens long values such as Docker JSON and lists.
fn shortened(value: &str) -> String {
    const SHOWN: usize = 60;
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
