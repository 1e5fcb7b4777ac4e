//! Typed access to columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Row, RowError};
use crate::value::{Atom, Uuid, Value};

/// Getters for a column with one atom, an optional atom, and a set.
macro_rules! getters {
    ($($one:ident, $optional:ident, $all:ident -> $type:ty, $wanted:literal, $pattern:pat => $value:expr;)*) => {
        impl Row {
            $(
                #[doc = concat!("The column as ", $wanted, ".")]
                ///
                /// # Errors
                /// The column is missing, or does not contain exactly one of these.
                pub fn $one(&self, column: &str) -> Result<$type, RowError> {
                    self.$optional(column)?.ok_or_else(|| self.wrong(column, $wanted))
                }

                #[doc = concat!("The column as ", $wanted, ", or `None` for the empty set.")]
                ///
                /// # Errors
                /// The column is missing, or contains something else.
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
                /// The column is missing, a map, or contains something else.
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
    /// The column as a real number. JSON represents whole numbers as integers.
    ///
    /// # Errors
    /// The column is missing, or does not contain exactly one number.
    pub fn real(&self, column: &str) -> Result<f64, RowError> {
        match self.atoms(column, "a number")? {
            [Atom::Real(value)] => Ok(*value),
            // the server wrote a real without fraction, so it has at most 53 bits
            #[allow(clippy::cast_precision_loss)]
            [Atom::Integer(value)] => Ok(*value as f64),
            _ => Err(self.wrong(column, "a number")),
        }
    }

    /// The column as a map from strings to strings, such as `external_ids`.
    ///
    /// # Errors
    /// The column is missing, not a map, or has other types.
    pub fn map_of_strings(&self, column: &str) -> Result<BTreeMap<&str, &str>, RowError> {
        let wrong = || self.wrong(column, "a map from strings to strings");
        let pairs = self.pairs(column, wrong)?.iter().map(|pair| match pair {
            (Atom::String(key), Atom::String(value)) => Ok((key.as_str(), value.as_str())),
            _ => Err(wrong()),
        });
        pairs.collect()
    }

    /// The column as a map of any types, such as `QoS.queues` from integers to UUIDs.
    ///
    /// # Errors
    /// The column is missing, or not a map.
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
