//! xCAT's language for sets of nodes (xCAT `NodeRange.pm`).
//!
//! ```text
//! range   = element { "," element }          union; exclusions are taken away last, wherever they stand
//! element = [ "-" ] factor { "@" factor }    intersection
//! factor  = "(" range ")" | "/" regex | "^" file | criterion | word
//! ```
//!
//! A word is a node, a group, a number (`3` is `node3`), or stands for several names: `n[1-3,5]`, `n1-n3`,
//! `n1:n3`, `n1+2`. What a word means depends on which nodes and groups there are, so it is decided when the
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

/// A noderange that stands for more names than this is a typing error.
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
    /// Whether it is taken away.
    pub exclude: bool,
    /// At least one.
    pub factors: Vec<Factor>,
}

/// What stands between the operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// `(RANGE)`.
    Nested(Range),
    /// `/REGEX`, of the whole name.
    Regex(String),
    /// `^FILE`, with a noderange a line.
    File(PathBuf),
    /// `TABLE.COLUMN==VALUE` and its kin.
    Criterion(Criterion),
    /// Anything else.
    Word(String),
}

/// Why a noderange selects nothing.
#[derive(Debug, Error)]
pub enum NoderangeError {
    /// Members that are neither nodes nor groups, or not of the grammar. The text is xCAT's, scripts match it.
    #[error("Invalid nodes and/or groups in noderange: {}", members.join(","))]
    Invalid {
        /// All of them, as written.
        members: Vec<String>,
    },
    /// A member that stands for too many names.
    #[error("{member} expands the noderange to more than {LIMIT} names; give a smaller range")]
    TooMany {
        /// As written.
        member: String,
    },
    /// A regular expression that is none.
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
    /// Files that name files that name files.
    #[error("{} of the noderange: files include each other; write the nodes instead", path.display())]
    FileDepth {
        /// The file at which we stopped.
        path: PathBuf,
    },
}

/// The expression that a noderange is. Quotes are dropped, as in xCAT.
///
/// # Errors
/// Names the members that are not of the grammar.
pub fn parse(text: &str) -> Result<Range, NoderangeError> {
    parse::range(text)
}

#[cfg(test)]
mod tests;
