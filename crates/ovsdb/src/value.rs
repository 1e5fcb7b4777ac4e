//! Values of columns, in the notation of RFC 7047 section 5.1.

mod atom;
mod uuid;

use serde_json::{Value as Json, json};
use thiserror::Error;

pub use atom::Atom;
pub use uuid::{Uuid, UuidError};

/// JSON that does not conform to the notation of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found} is not {wanted}")]
pub struct NotationError {
    wanted: &'static str,
    found: String,
}

impl NotationError {
    pub(crate) fn new(wanted: &'static str, found: &Json) -> Self {
        // long enough to identify the value, and short enough for a log
        Self { wanted, found: found.to_string().chars().take(120).collect() }
    }
}

/// The value of a column.
///
/// The protocol represents a set of one atom as the atom, so these are equal. Sets and maps are equal in any order.
#[derive(Debug, Clone)]
pub enum Value {
    /// One atom.
    Atom(Atom),
    /// A set. An empty set represents a missing optional value.
    Set(Vec<Atom>),
    /// A map.
    Map(Vec<(Atom, Atom)>),
}

impl Value {
    /// The empty set: an optional column without a value.
    pub fn empty() -> Self {
        Self::Set(Vec::new())
    }

    /// A set of atoms.
    pub fn set<A: Into<Atom>>(atoms: impl IntoIterator<Item = A>) -> Self {
        Self::Set(atoms.into_iter().map(Into::into).collect())
    }

    /// A map.
    pub fn map<K: Into<Atom>, V: Into<Atom>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// The row that the same transaction inserts as `name`.
    pub fn named(name: &str) -> Self {
        Self::Atom(Atom::NamedUuid(name.to_owned()))
    }

    /// In the notation of the protocol.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Atom(atom) => atom.to_json(),
            Self::Set(atoms) => match atoms.as_slice() {
                [one] => one.to_json(),
                many => json!(["set", many.iter().map(Atom::to_json).collect::<Vec<_>>()]),
            },
            Self::Map(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(key, value)| json!([key.to_json(), value.to_json()])).collect();
                json!(["map", pairs])
            }
        }
    }

    /// Parses the notation of the protocol.
    ///
    /// # Errors
    /// The JSON is not a `<value>`.
    pub fn from_json(json: Json) -> Result<Self, NotationError> {
        match json {
            Json::Array(pair) => Self::from_pair(pair),
            scalar => Atom::from_json(scalar).map(Self::Atom),
        }
    }

    fn from_pair(pair: Vec<Json>) -> Result<Self, NotationError> {
        let tag = match pair.as_slice() {
            [Json::String(tag), Json::Array(_)] => tag.clone(),
            _ => return Atom::from_json(Json::Array(pair)).map(Self::Atom),
        };
        let Some(Json::Array(elements)) = pair.into_iter().nth(1) else {
            return Ok(Self::empty());
        };
        match tag.as_str() {
            "set" => elements.into_iter().map(Atom::from_json).collect::<Result<_, _>>().map(Self::Set),
            "map" => elements.into_iter().map(key_and_value).collect::<Result<_, _>>().map(Self::Map),
            _ => Err(NotationError::new("a set or a map", &json!([tag, elements]))),
        }
    }

    /// The atoms of an atom or set; `None` for a map.
    pub fn atoms(&self) -> Option<&[Atom]> {
        match self {
            Self::Atom(atom) => Some(std::slice::from_ref(atom)),
            Self::Set(atoms) => Some(atoms),
            Self::Map(_) => None,
        }
    }
}

fn key_and_value(json: Json) -> Result<(Atom, Atom), NotationError> {
    match json {
        Json::Array(pair) => match <[Json; 2]>::try_from(pair) {
            Ok([key, value]) => Ok((Atom::from_json(key)?, Atom::from_json(value)?)),
            Err(other) => Err(NotationError::new("a pair", &Json::Array(other))),
        },
        other => Err(NotationError::new("a pair", &other)),
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Map(a), Self::Map(b)) => sorted(a) == sorted(b),
            (a, b) => match (a.atoms(), b.atoms()) {
                (Some(a), Some(b)) => a == b || (a.len() == b.len() && sorted(a) == sorted(b)),
                _ => false,
            },
        }
    }
}

impl Eq for Value {}

fn sorted<T: Ord>(elements: &[T]) -> Vec<&T> {
    let mut sorted: Vec<&T> = elements.iter().collect();
    sorted.sort_unstable();
    sorted
}

impl<A: Into<Atom>> From<A> for Value {
    fn from(atom: A) -> Self {
        Self::Atom(atom.into())
    }
}

#[cfg(test)]
mod tests;
