//! The schema of a database: the part of `<database-schema>` (RFC 7047 section 3.2) that a client needs.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::value::{Atom, Uuid, Value};

/// A database.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DatabaseSchema {
    /// Its name.
    pub name: String,
    /// Version of the schema, such as `8.3.1`.
    pub version: String,
    /// Its tables by name.
    pub tables: BTreeMap<String, TableSchema>,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSchema {
    /// Its columns by name, without `_uuid` and `_version`.
    pub columns: BTreeMap<String, ColumnSchema>,
    /// Maximum number of rows, if limited.
    pub max_rows: Option<u64>,
    /// Whether rows exist without being referenced.
    pub is_root: bool,
    /// Sets of columns that must be unique.
    pub indexes: Vec<Vec<String>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSchema {
    /// Its type.
    pub kind: ColumnType,
    /// Whether it is lost when the server restarts.
    pub ephemeral: bool,
    /// Whether it may change after the row's insertion.
    pub mutable: bool,
}

/// Type of a column: `<type>`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnType {
    /// Type of the elements, or of a map's keys.
    pub key: BaseType,
    /// Type of a map's values; `None`: not a map.
    pub value: Option<BaseType>,
    /// Minimum number of elements: 0 or 1.
    pub min: u64,
    /// Maximum number of elements; `None`: unlimited.
    pub max: Option<u64>,
}

/// Type of an element: `<base-type>`.
#[derive(Debug, Clone, PartialEq)]
pub struct BaseType {
    /// Atomic type.
    pub kind: AtomKind,
    /// The only allowed values, if restricted.
    pub allowed: Option<Value>,
    /// For a UUID: the table of the referenced rows.
    pub references: Option<String>,
}

/// `<atomic-type>`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtomKind {
    /// 64 bits.
    Integer,
    /// A floating-point number.
    Real,
    /// A boolean.
    Boolean,
    /// A string.
    String,
    /// The UUID of a row.
    Uuid,
}

/// A schema that does not conform to RFC 7047.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the schema's {place} does not conform to RFC 7047 section 3.2")]
pub struct SchemaError {
    place: String,
}

fn wrong(place: impl Into<String>) -> SchemaError {
    SchemaError { place: place.into() }
}

impl DatabaseSchema {
    /// Parses `<database-schema>`, from a server or from a file such as `vswitch.ovsschema`.
    ///
    /// # Errors
    /// It does not conform to RFC 7047 section 3.2; the error names table and column.
    pub fn from_json(json: &Json) -> Result<Self, SchemaError> {
        let text = |member: &str| json.get(member).and_then(Json::as_str).map(str::to_owned);
        let tables = members(json, "tables").ok_or_else(|| wrong("list of tables"))?;
        let tables =
            tables.iter().map(|(name, json)| Ok((name.clone(), TableSchema::from_json(name, json)?)));
        Ok(Self {
            name: text("name").ok_or_else(|| wrong("name"))?,
            version: text("version").unwrap_or_default(),
            tables: tables.collect::<Result<_, SchemaError>>()?,
        })
    }
}

impl TableSchema {
    fn from_json(table: &str, json: &Json) -> Result<Self, SchemaError> {
        let columns = members(json, "columns").ok_or_else(|| wrong(format!("table {table}")))?;
        let columns = columns.iter().map(|(name, json)| {
            let column = ColumnSchema::from_json(json);
            Ok((name.clone(), column.ok_or_else(|| wrong(format!("column {name} of table {table}")))?))
        });
        let indexes = json.get("indexes").and_then(Json::as_array).into_iter().flatten();
        let names = |index: &Json| {
            let columns = index.as_array().into_iter().flatten();
            columns.filter_map(|column| column.as_str().map(str::to_owned)).collect()
        };
        Ok(Self {
            columns: columns.collect::<Result<_, SchemaError>>()?,
            max_rows: json.get("maxRows").and_then(Json::as_u64),
            is_root: flag(json, "isRoot", false),
            indexes: indexes.map(names).collect(),
        })
    }
}

impl ColumnSchema {
    fn from_json(json: &Json) -> Option<Self> {
        let kind = ColumnType::from_json(json.get("type")?)?;
        Some(Self { kind, ephemeral: flag(json, "ephemeral", false), mutable: flag(json, "mutable", true) })
    }
}

impl ColumnType {
    fn from_json(json: &Json) -> Option<Self> {
        if json.is_string() {
            return Some(Self { key: BaseType::from_json(json)?, value: None, min: 1, max: Some(1) });
        }
        let value = json.get("value").map(|value| BaseType::from_json(value).ok_or(()));
        let max = match json.get("max") {
            None => Some(1),
            Some(Json::String(text)) if text == "unlimited" => None,
            Some(number) => Some(number.as_u64()?),
        };
        Some(Self {
            key: BaseType::from_json(json.get("key")?)?,
            value: value.transpose().ok()?,
            min: json.get("min").map_or(Some(1), Json::as_u64)?,
            max,
        })
    }

    /// Value of the column in a row that was inserted without it (RFC 7047 section 5.2.1).
    pub fn default(&self) -> Value {
        match (self.min, &self.value) {
            (0, None) => Value::empty(),
            (0, Some(_)) => Value::Map(Vec::new()),
            (_, None) => Value::Atom(self.key.kind.default()),
            (_, Some(value)) => Value::Map(vec![(self.key.kind.default(), value.kind.default())]),
        }
    }

    /// Whether it can contain more than one element. If so, `update2` contains differences, otherwise new values.
    pub(crate) fn is_composite(&self) -> bool {
        self.max != Some(1)
    }
}

impl BaseType {
    fn from_json(json: &Json) -> Option<Self> {
        if json.is_string() {
            return Some(Self { kind: AtomKind::from_json(json)?, allowed: None, references: None });
        }
        let allowed = json.get("enum").map(|json| Value::from_json(json.clone()));
        Some(Self {
            kind: AtomKind::from_json(json.get("type")?)?,
            allowed: allowed.transpose().ok()?,
            references: json.get("refTable").and_then(Json::as_str).map(str::to_owned),
        })
    }
}

impl AtomKind {
    fn from_json(json: &Json) -> Option<Self> {
        match json.as_str()? {
            "integer" => Some(Self::Integer),
            "real" => Some(Self::Real),
            "boolean" => Some(Self::Boolean),
            "string" => Some(Self::String),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    fn default(self) -> Atom {
        match self {
            Self::Integer => Atom::Integer(0),
            Self::Real => Atom::Real(0.0),
            Self::Boolean => Atom::Boolean(false),
            Self::String => Atom::String(String::new()),
            Self::Uuid => Atom::Uuid(Uuid::ZERO),
        }
    }
}

fn members<'a>(json: &'a Json, member: &str) -> Option<&'a Map<String, Json>> {
    json.get(member).and_then(Json::as_object)
}

fn flag(json: &Json, member: &str, default: bool) -> bool {
    json.get(member).and_then(Json::as_bool).unwrap_or(default)
}

#[cfg(test)]
mod tests;
