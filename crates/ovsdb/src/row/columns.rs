//! Columns as the types of Rust.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Row, RowError};
use crate::value::{Atom, Uuid, Value};

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

    /// The column as a map, whatever its types, as `QoS.queues` is from integers to UUIDs.
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
