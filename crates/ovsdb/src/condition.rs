//! Conditions on rows, and changes of columns: `<condition>` and `<mutation>` of RFC 7047 section 5.1.

use serde_json::{Value as Json, json};

use crate::value::Value;

/// Comparison of a column with a value: `<function>` of RFC 7047 section 5.1.
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
/// An operation of a transaction applies to rows that meet all its conditions (RFC 7047 section 5.1), a monitor to
/// rows that meet any (ovsdb-server(7) section 4.1.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A column compared with a value.
    Column(String, Function, Value),
    /// Every row or none: an extension of ovsdb-server for monitors (ovsdb-server(7) section 5.1).
    Constant(bool),
}

impl Condition {
    /// A column compared with a value.
    pub fn new(column: &str, function: Function, value: impl Into<Value>) -> Self {
        Self::Column(column.to_owned(), function, value.into())
    }

    /// The column equals the value.
    pub fn equal(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Function::Equal, value)
    }

    /// The column contains all these elements, or pairs of a map.
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

/// Change of a column: `<mutator>` of RFC 7047 section 5.1.
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
    /// `insert` into a set or map; existing keys keep their values.
    Insert,
    /// `delete` from a set or map; a map also accepts a set of keys.
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

/// A change of a column's current value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    column: String,
    mutator: Mutator,
    value: Value,
}

impl Mutation {
    /// A change of a column's current value.
    pub fn new(column: &str, mutator: Mutator, value: impl Into<Value>) -> Self {
        Self { column: column.to_owned(), mutator, value: value.into() }
    }

    /// Adds elements to a set or a map.
    pub fn insert(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Mutator::Insert, value)
    }

    /// Removes elements from a set or map.
    pub fn delete(column: &str, value: impl Into<Value>) -> Self {
        Self::new(column, Mutator::Delete, value)
    }

    pub(crate) fn to_json(&self) -> Json {
        json!([self.column, self.mutator.text(), self.value.to_json()])
    }
}
