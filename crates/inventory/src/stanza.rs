//! Reads and changes xCAT's data object stanza file (`lsdef -z`).
//!
//! ```text
//! # <xCAT data object stanza file>
//!
//! d1:
//!     objtype=node
//!     ip=10.99.1.1
//! ```

mod define;
mod document;
mod file;
mod kind;
mod parse;
mod rows;

pub use document::{Attr, Document, Object};
pub use file::StanzaFile;
pub use kind::Kind;

use std::io;
use std::path::PathBuf;

use durable::FileError;
use thiserror::Error;

use crate::name::NameError;

pub(crate) use rows::rows;

/// First line of a new file.
pub const HEADER: &str = "# <xCAT data object stanza file>";

/// Reads the text of a stanza file.
///
/// # Errors
/// Names the line and the error in it.
pub fn parse(text: &str) -> Result<Document, StanzaError> {
    parse::document(text)
}

/// Error in a stanza file, or in a change of it. The file is unchanged.
#[derive(Debug, Error)]
pub enum StanzaError {
    /// Invalid line.
    #[error("line {line}: {text:?} is {what}")]
    Line {
        /// Its number.
        line: u32,
        /// The line.
        text: String,
        /// The error and the expected form.
        what: &'static str,
    },
    /// Duplicate object.
    #[error("line {line}: {kind} {name} is already defined in line {first}; merge the two")]
    ObjectTwice {
        /// Of the second.
        line: u32,
        /// Of the first.
        first: u32,
        /// `objtype`.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// The same attribute twice in an object, or two names of one column that differ.
    #[error("line {line}: {attribute} of {object} contradicts line {first} ({other}); keep one of them")]
    Contradiction {
        /// Of the second.
        line: u32,
        /// Of the first.
        first: u32,
        /// The second, as written.
        attribute: String,
        /// The first, as written.
        other: String,
        /// The object's name.
        object: String,
    },
    /// An object without a type.
    #[error("line {line}: {object} has no objtype; add a line such as `    objtype=node`")]
    NoType {
        /// Of the object.
        line: u32,
        /// Its name.
        object: String,
    },
    /// Unknown type.
    #[error("{} is not one of {}", at(*line, &format!("objtype={kind}")), Kind::names())]
    Type {
        /// 0 when it comes from a command line.
        line: u32,
        /// As written.
        kind: String,
    },
    /// Unknown attribute of objects of this type.
    #[error("{} is not an attribute of a {kind}{}", at(*line, attribute), hint(near))]
    Attribute {
        /// 0 when it comes from a command line.
        line: u32,
        /// As written.
        attribute: String,
        /// `objtype`.
        kind: Kind,
        /// Similar names.
        near: Vec<&'static str>,
    },
    /// Invalid value.
    #[error("{} of {object}: {what}", at(*line, attribute))]
    Value {
        /// 0 when it comes from a command line.
        line: u32,
        /// As written.
        attribute: String,
        /// The object's name.
        object: String,
        /// The error and the remedy.
        what: String,
    },
    /// Invalid name of an object.
    #[error("{name:?} cannot be the name of an object: it is empty or contains a blank, '=' or '#'")]
    Name {
        /// As given.
        name: String,
    },
    /// Invalid name of a node.
    #[error(transparent)]
    NodeName(#[from] NameError),
    /// Objects that are not in the file.
    #[error("not defined in the stanza file: {}", names.join(","))]
    Unknown {
        /// Their names.
        names: Vec<String>,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Read(FileError),
    /// The file does not exist, or cannot be locked or created.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// Operation that failed.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The new text cannot be written.
    #[error("stanza file is unchanged")]
    Write(#[source] durable::FileError),
    /// The content of a file.
    #[error("{}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        source: Box<StanzaError>,
    },
}

fn at(line: u32, what: &str) -> String {
    if line == 0 { what.to_owned() } else { format!("line {line}: {what}") }
}

fn hint(near: &[&str]) -> String {
    match near {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(", ")),
    }
}
