//! Which rows, and how columns change: `<condition>` and `<mutation>` of RFC 7047 section 5.1.

use serde_json::{Value as Json, json};

use crate::value::Value;

/// How a column is compared, `<function>` of RFC 7047 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `<`, for one number.
    Less,
    /// `<=`, for one number.
    LessOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`, for one number.
    GreaterOrEqual,
    /// `>`, for one number.
    Greater,
    /// `includes`: the column has all elements of the value.
    Includes,
    /// `excludes`: the column has no element of the value.
    Excludes,
}

impl Function {
    fn text(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
            Self::Includes => "includes",
            Self::Excludes => "excludes",
        }
    }
}

/// One condition on a row.
///
/// Operations of a transaction take rows that meet all of theirs (RFC 7047 section 5.1), monitors rows that meet any
/// (ovsdb-server(7) section 4.1.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A column compared with a value.
    Column(String, Function, Value),
    /// Every row or none: an extension of ovsdb-server, for monitors (ovsdb-server(7) section 5.1).
    Constant(bool),
}

impl Condition {
    /// A column compared with a value.
    pub fn new(column: &str, function: Function, value: impl Into<Value>) -> Self {
        Self::Column(column.to_owned(), function, value.into())
    }

    /// The column is exactly this.
    pub fn equal(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Function::Equal, value)
    }

    /// The column has all of these elements; for a map: all of these pairs.
    pub fn includes(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Function::Includes, value)
    }

    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Column(column, function, value) => json!([column, function.text(), value.to_json()]),
            Self::Constant(value) => json!(value),
        }
    }
}

/// How a column changes, `<mutator>` of RFC 7047 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutator {
    /// `+=`, for numbers.
    Add,
    /// `-=`, for numbers.
    Subtract,
    /// `*=`, for numbers.
    Multiply,
    /// `/=`, for numbers.
    Divide,
    /// `%=`, for integers.
    Remainder,
    /// `insert` into a set or a map; keys that are there keep their values.
    Insert,
    /// `delete` from a set or a map; a map also takes a set of keys.
    Delete,
}

impl Mutator {
    fn text(self) -> &'static str {
        match self {
            Self::Add => "+=",
            Self::Subtract => "-=",
            Self::Multiply => "*=",
            Self::Divide => "/=",
            Self::Remainder => "%=",
            Self::Insert => "insert",
            Self::Delete => "delete",
        }
    }
}

/// One change of a column in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    column: String,
    mutator: Mutator,
    value: Value,
}

impl Mutation {
    /// A change of a column in place.
    pub fn new(column: &str, mutator: Mutator, value: impl Into<Value>) -> Self {
        Self { column: column.to_owned(), mutator, value: value.into() }
    }

    /// Adds elements to a set or a map.
    pub fn insert(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Mutator::Insert, value)
    }

    /// Takes elements from a set or a map.
    pub fn delete(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Mutator::Delete, value)
    }

    pub(crate) fn to_json(&self) -> Json {
        json!([self.column, self.mutator.text(), self.value.to_json()])
    }
}
