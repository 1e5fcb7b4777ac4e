//! One row: columns and their values.

mod columns;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::value::{NotationError, Value};

/// Columns and their values, of one row.
///
/// Rows that come from a server know the table they are of, and say it when a column is not what was asked for.
/// Two rows are equal when their columns are.
#[derive(Debug, Clone, Default)]
pub struct Row {
    table: Arc<str>,
    columns: BTreeMap<String, Value>,
}

/// A column that is not there or not of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowError {
    /// It is not there.
    #[error("table {table}: the row has no column {column}: select or monitor it")]
    Missing {
        /// The table of the row.
        table: Arc<str>,
        /// The column.
        column: String,
    },
    /// It holds something else.
    #[error("table {table}: column {column} is {found}, not {wanted}")]
    Type {
        /// The table of the row.
        table: Arc<str>,
        /// The column.
        column: String,
        /// What was asked for.
        wanted: &'static str,
        /// What it holds, in the notation of the protocol.
        found: String,
    },
}

impl Row {
    /// A row without columns; a server fills in the defaults of its schema.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with this column.
    #[must_use]
    pub fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.set(column, value);
        self
    }

    /// Sets a column.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.columns.insert(column.to_owned(), value.into());
    }

    /// The table it is of; empty for a row that was made here.
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
