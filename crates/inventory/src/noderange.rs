//! xCAT's language for sets of nodes (xCAT `NodeRange.pm`).
//!
//! ```text
//! range   = element { "," element }          union; exclusions apply last, at any position
//! element = [ "-" ] factor { "@" factor }    intersection
//! factor  = "(" range ")" | "/" regex | "^" file | criterion | word
//! ```
//!
//! A word is a node, a group, a number (`3` is `node3`), or expands to several names: `n[1-3,5]`, `n1-n3`,
//! `n1:n3`, `n1+2`. The meaning of a word depends on the existing nodes and groups, so it is resolved when the
//! expression is evaluated.

mod criterion;
mod evaluate;
mod expand;
mod lexer;
mod names;
mod parse;
mod set;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use criterion::{Criterion, Operator};
pub(crate) use evaluate::{Cluster, NodeSet, by_criterion, evaluate};
pub use expand::NumberNames;
pub use names::names;

/// Maximum number of names in a noderange. A larger one is a typing error.
pub const LIMIT: usize = 1_000_000;

/// A union of elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// In the order in which they are written.
    pub elements: Vec<Element>,
}

/// An intersection of factors, added to or taken from the union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Whether the element is excluded.
    pub exclude: bool,
    /// At least one.
    pub factors: Vec<Factor>,
}

/// An operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// `(RANGE)`.
    Nested(Range),
    /// `/REGEX`, of the whole name.
    Regex(String),
    /// `^FILE`, with a noderange a line.
    File(PathBuf),
    /// A criterion such as `TABLE.COLUMN==VALUE`.
    Criterion(Criterion),
    /// Anything else.
    Word(String),
}

/// Error in a noderange.
#[derive(Debug, Error)]
pub enum NoderangeError {
    /// Members that are neither nodes nor groups, or not of the grammar. The text is xCAT's, scripts match it.
    #[error("Invalid nodes and/or groups in noderange: {}", members.join(","))]
    Invalid {
        /// All of them, as written.
        members: Vec<String>,
    },
    /// A member that expands to too many names.
    #[error("{member} expands the noderange to more than {LIMIT} names; give a smaller range")]
    TooMany {
        /// As written.
        member: String,
    },
    /// Invalid regular expression.
    #[error("{pattern:?} in the noderange is not a valid regular expression")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: regex::Error,
    },
    /// A file of noderanges.
    #[error("cannot read {} of the noderange", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Files that include each other.
    #[error("{} of the noderange: files include each other; write the nodes instead", path.display())]
    FileDepth {
        /// The file at the nesting limit.
        path: PathBuf,
    },
}

/// Parses a noderange. Quotes are removed, as in xCAT.
///
/// # Errors
/// The members that do not match the grammar.
pub fn parse(text: &str) -> Result<Range, NoderangeError> {
    parse::range(text)
}

#[cfg(test)]
mod tests;
