//! One row, and its columns as the types of Rust.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::value::{Atom, NotationError, Uuid, Value};

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

/// A getter of one atom, and the one of an optional column beside it.
macro_rules! getters {
    ($($one:ident, $optional:ident, $all:ident -> $type:ty, $wanted:literal, $pattern:pat => $value:expr;)*) => {
        impl Row {
            $(
                #[doc = concat!("The column as ", $wanted, ".")]
                ///
                /// # Errors
                /// The column is not there, or not exactly one of these.
                pub fn $one(&self, column: &str) -> Result<$type, RowError> {
                    self.$optional(column)?.ok_or_else(|| self.wrong(column, $wanted))
                }

                #[doc = concat!("The column as ", $wanted, ", or nothing where it is the empty set.")]
                ///
                /// # Errors
                /// The column is not there, or something else.
                pub fn $optional(&self, column: &str) -> Result<Option<$type>, RowError> {
                    match self.atoms(column, $wanted)? {
                        [] => Ok(None),
                        [$pattern] => Ok(Some($value)),
                        _ => Err(self.wrong(column, $wanted)),
                    }
                }

                #[doc = concat!("The column as a set, each element ", $wanted, ".")]
                ///
                /// # Errors
                /// The column is not there, a map, or holds something else.
                pub fn $all(&self, column: &str) -> Result<Vec<$type>, RowError> {
                    let atoms = self.atoms(column, concat!("a set, each element ", $wanted))?.iter();
                    let values = atoms.map(|atom| match atom {
                        $pattern => Ok($value),
                        _ => Err(self.wrong(column, concat!("a set, each element ", $wanted))),
                    });
                    values.collect()
                }
            )*
        }
    };
}

getters! {
    string, optional_string, set_of_strings -> &str, "a string", Atom::String(value) => value.as_str();
    integer, optional_integer, set_of_integers -> i64, "an integer", Atom::Integer(value) => *value;
    boolean, optional_boolean, set_of_booleans -> bool, "a boolean", Atom::Boolean(value) => *value;
    uuid, optional_uuid, set_of_uuids -> Uuid, "a UUID", Atom::Uuid(value) => *value;
}

impl Row {
    /// The column as a real number; a whole one is an integer on the wire.
    ///
    /// # Errors
    /// The column is not there, or not exactly one number.
    pub fn real(&self, column: &str) -> Result<f64, RowError> {
        match self.atoms(column, "a number")? {
            [Atom::Real(value)] => Ok(*value),
            // the server wrote a real without its fraction: it had 53 bits before
            #[allow(clippy::cast_precision_loss)]
            [Atom::Integer(value)] => Ok(*value as f64),
            _ => Err(self.wrong(column, "a number")),
        }
    }

    /// The column as a map from strings to strings, as `external_ids` is.
    ///
    /// # Errors
    /// The column is not there, no map, or has another type of key or value.
    pub fn map_of_strings(&self, column: &str) -> Result<BTreeMap<&str, &str>, RowError> {
        let wrong = || self.wrong(column, "a map from strings to strings");
        let pairs = self.pairs(column, wrong)?.iter().map(|pair| match pair {
            (Atom::String(key), Atom::String(value)) => Ok((key.as_str(), value.as_str())),
            _ => Err(wrong()),
        });
        pairs.collect()
    }

    /// The column as a map from strings to UUIDs, as `QoS.queues` is with integers.
    ///
    /// # Errors
    /// The column is not there, or no map.
    pub fn map(&self, column: &str) -> Result<&[(Atom, Atom)], RowError> {
        self.pairs(column, || self.wrong(column, "a map"))
    }

    fn pairs(&self, column: &str, wrong: impl Fn() -> RowError) -> Result<&[(Atom, Atom)], RowError> {
        match self.present(column)? {
            Value::Map(pairs) => Ok(pairs),
            _ => Err(wrong()),
        }
    }

    fn atoms(&self, column: &str, wanted: &'static str) -> Result<&[Atom], RowError> {
        self.present(column)?.atoms().ok_or_else(|| self.wrong(column, wanted))
    }

    fn present(&self, column: &str) -> Result<&Value, RowError> {
        let missing = || RowError::Missing { table: Arc::clone(&self.table), column: column.to_owned() };
        self.columns.get(column).ok_or_else(missing)
    }

    fn wrong(&self, column: &str, wanted: &'static str) -> RowError {
        let value = self.columns.get(column).map(|value| value.to_json().to_string()).unwrap_or_default();
        let found = value.chars().take(120).collect();
        RowError::Type { table: Arc::clone(&self.table), column: column.to_owned(), wanted, found }
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
mod tests {
    use super::*;

    fn row() -> Row {
        let mut row = Row::of(&"Port".into());
        row.set("name", "p1");
        row.set("tag", Value::empty());
        row.set("trunks", Value::set([1, 2]));
        row.set("external_ids", Value::map([("node", "c1")]));
        row.set("load", 2);
        row
    }

    #[test]
    fn columns_as_types() {
        let row = row();
        assert_eq!(row.string("name"), Ok("p1"));
        assert_eq!(row.optional_integer("tag"), Ok(None));
        assert_eq!(row.set_of_integers("trunks"), Ok(vec![1, 2]));
        assert_eq!(row.set_of_strings("name"), Ok(vec!["p1"]));
        assert_eq!(row.map_of_strings("external_ids"), Ok(BTreeMap::from([("node", "c1")])));
        assert_eq!(row.real("load"), Ok(2.0));
    }

    #[test]
    fn what_they_are_not() {
        let row = row();
        for (error, told) in [
            (
                row.string("nome").map(drop).unwrap_err(),
                "table Port: the row has no column nome: select or monitor it",
            ),
            (
                row.integer("tag").map(drop).unwrap_err(),
                r#"table Port: column tag is ["set",[]], not an integer"#,
            ),
            (row.boolean("name").map(drop).unwrap_err(), r#"table Port: column name is "p1", not a boolean"#),
            (
                row.set_of_uuids("trunks").map(drop).unwrap_err(),
                r#"table Port: column trunks is ["set",[1,2]], not a set, each element a UUID"#,
            ),
            (
                row.map_of_strings("name").map(drop).unwrap_err(),
                r#"table Port: column name is "p1", not a map from strings to strings"#,
            ),
        ] {
            assert_eq!(error.to_string(), told);
        }
    }
}
