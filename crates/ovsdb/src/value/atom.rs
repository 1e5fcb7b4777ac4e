//! Scalars, in the notation of RFC 7047 section 5.1 (`<atom>`).

use std::cmp::Ordering;

use serde_json::{Value as Json, json};

use super::{NotationError, Uuid};

/// A scalar.
///
/// JSON has one number type: a whole number of a real column arrives as [`Atom::Integer`], and ovsdb-server accepts
/// an integer for a real column. [`crate::Row::real`] accepts both.
#[derive(Debug, Clone)]
pub enum Atom {
    /// A 64-bit integer.
    Integer(i64),
    /// A real number. JSON has no infinity and NaN: they are sent as `null`, and the server refuses them.
    Real(f64),
    /// A boolean.
    Boolean(bool),
    /// A string, Unicode without U+0000.
    String(String),
    /// The UUID of a row.
    Uuid(Uuid),
    /// The name of a row that the same transaction inserts (`<named-uuid>`). Only in requests.
    NamedUuid(String),
}

impl Atom {
    /// In the notation of the protocol.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Integer(value) => json!(value),
            Self::Real(value) => json!(value),
            Self::Boolean(value) => json!(value),
            Self::String(value) => json!(value),
            Self::Uuid(value) => json!(["uuid", value.to_string()]),
            Self::NamedUuid(name) => json!(["named-uuid", name]),
        }
    }

    /// Parses the notation of the protocol.
    ///
    /// # Errors
    /// The JSON is not an `<atom>`, or a number that fits neither 64 bits nor a real.
    pub fn from_json(json: Json) -> Result<Self, NotationError> {
        match json {
            Json::Bool(value) => Ok(Self::Boolean(value)),
            Json::String(value) => Ok(Self::String(value)),
            Json::Number(ref number) => match (number.as_i64(), number.is_u64(), number.as_f64()) {
                (Some(value), ..) => Ok(Self::Integer(value)),
                (None, false, Some(value)) => Ok(Self::Real(value)),
                _ => Err(NotationError::new("a 64-bit number", &json)),
            },
            Json::Array(ref pair) => match pair.as_slice() {
                [Json::String(tag), Json::String(text)] if tag == "uuid" => {
                    text.parse().map(Self::Uuid).map_err(|_| NotationError::new("a UUID", &json))
                }
                [Json::String(tag), Json::String(name)] if tag == "named-uuid" => {
                    Ok(Self::NamedUuid(name.clone()))
                }
                _ => Err(NotationError::new("an atom", &json)),
            },
            Json::Null | Json::Object(_) => Err(NotationError::new("an atom", &json)),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Integer(_) => 0,
            Self::Real(_) => 1,
            Self::Boolean(_) => 2,
            Self::String(_) => 3,
            Self::Uuid(_) => 4,
            Self::NamedUuid(_) => 5,
        }
    }
}

/// Orders by type, then by value; reals have a total order, so that sets can be compared.
impl Ord for Atom {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) | (Self::NamedUuid(a), Self::NamedUuid(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Atom {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Atom {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Atom {}

impl From<i64> for Atom {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Atom {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Atom {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for Atom {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Atom {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Uuid> for Atom {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}
