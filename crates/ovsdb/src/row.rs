//! Rows.

mod columns;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::value::{NotationError, Value};

/// The columns of one row with their values.
///
/// A row from a server knows its table, and names it in errors. Two rows are equal if their columns are.
#[derive(Debug, Clone, Default)]
pub struct Row {
    table: Arc<str>,
    columns: BTreeMap<String, Value>,
}

/// A missing column, or a column of another type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowError {
    /// The column is missing.
    #[error("table {table}: the row has no column {column}: select or monitor it")]
    Missing {
        /// The table of the row.
        table: Arc<str>,
        /// The column.
        column: String,
    },
    /// The column has another type.
    #[error("table {table}: column {column} is {found}, not {wanted}")]
    Type {
        /// The table of the row.
        table: Arc<str>,
        /// The column.
        column: String,
        /// The requested type.
        wanted: &'static str,
        /// Its value, in the notation of the protocol.
        found: String,
    },
}

impl Row {
    /// A row without columns; a server adds the default values of its schema.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column.
    #[must_use]
    pub fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.set(column, value);
        self
    }

    /// Sets a column.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.columns.insert(column.to_owned(), value.into());
    }

    /// Its table; empty for a row that was created here.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// All columns by their names.
    pub fn columns(&self) -> &BTreeMap<String, Value> {
        &self.columns
    }

    /// A column, whatever its type.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns.get(column)
    }

    pub(crate) fn of(table: &Arc<str>) -> Self {
        Self { table: Arc::clone(table), columns: BTreeMap::new() }
    }

    pub(crate) fn into_columns(self) -> BTreeMap<String, Value> {
        self.columns
    }

    pub(crate) fn to_json(&self) -> Json {
        let columns = self.columns.iter().map(|(column, value)| (column.clone(), value.to_json()));
        Json::Object(columns.collect())
    }

    pub(crate) fn from_json(table: &Arc<str>, columns: Map<String, Json>) -> Result<Self, NotationError> {
        let parsed = columns.into_iter().map(|(column, json)| Ok((column, Value::from_json(json)?)));
        Ok(Self { table: Arc::clone(table), columns: parsed.collect::<Result<_, NotationError>>()? })
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

impl Eq for Row {}

impl<C: Into<String>, V: Into<Value>> FromIterator<(C, V)> for Row {
    fn from_iter<I: IntoIterator<Item = (C, V)>>(columns: I) -> Self {
        let columns = columns.into_iter().map(|(column, value)| (column.into(), value.into())).collect();
        Self { table: Arc::default(), columns }
    }
}

#[cfg(test)]
mod tests;
