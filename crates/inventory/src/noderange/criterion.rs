//! `mgt==docker`: nodes by the value of a column (xCAT `NodeRange.pm`, `nodesbycriteria`).

use regex::bytes::Regex;

use super::NoderangeError;
use super::evaluate::pattern;

/// A condition on the value that a column has for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// `TABLE.COLUMN`, or a short name such as `mgt`.
    pub column: String,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with.
    pub value: String,
    /// As written, for messages.
    pub text: String,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==` or `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

impl Criterion {
    /// Parses a criterion; `None`: the text has no operator.
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.find(['=', '~'])?;
        let (before, from) = text.split_at_checked(at)?;
        let (column, operator, value) = match before.strip_suffix('!') {
            Some(column) if from.starts_with('=') => (column, Operator::NotEqual, from.get(1..)?),
            Some(column) => (column, Operator::MatchesNot, from.get(1..)?),
            None if from.starts_with("=~") => (before, Operator::Matches, from.get(2..)?),
            None if from.starts_with("==") => (before, Operator::Equal, from.get(2..)?),
            None if from.starts_with('=') => (before, Operator::Equal, from.get(1..)?),
            None => return None,
        };
        let value = match operator {
            Operator::Matches | Operator::MatchesNot => without_slashes(value),
            Operator::Equal | Operator::NotEqual => value,
        };
        let [column, value, text] = [column.trim(), value, text].map(str::to_owned);
        Some(Self { column, operator, value, text })
    }

    /// Compiles the criterion to test many values.
    pub(super) fn compile(&self) -> Result<Test<'_>, NoderangeError> {
        Ok(match self.operator {
            Operator::Equal => Test::Text(&self.value, true),
            Operator::NotEqual => Test::Text(&self.value, false),
            Operator::Matches => Test::Regex(pattern(&self.value)?, true),
            Operator::MatchesNot => Test::Regex(pattern(&self.value)?, false),
        })
    }
}

/// The right side may have the form `/REGEX/`.
fn without_slashes(value: &str) -> &str {
    let value = value.strip_prefix('/').unwrap_or(value);
    value.strip_suffix('/').unwrap_or(value)
}

/// A compiled criterion, and whether it must hold or must not.
pub(super) enum Test<'a> {
    Text(&'a str, bool),
    Regex(Regex, bool),
}

impl Test<'_> {
    /// A node without a value is compared as the empty text.
    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Text(text, wanted) => (value == *text) == *wanted,
            Self::Regex(regex, wanted) => regex.is_match(value.as_bytes()) == *wanted,
        }
    }
}
