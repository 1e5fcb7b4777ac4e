//! xCAT's data object stanza file (`lsdef -z`): read, and changed in place.
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

/// The first line of a file that we make.
pub const HEADER: &str = "# <xCAT data object stanza file>";

/// Reads the text of a stanza file.
///
/// # Errors
/// Names the line, and what is wrong there.
pub fn parse(text: &str) -> Result<Document, StanzaError> {
    parse::document(text)
}

/// Why a stanza file can not be used or changed; nothing was changed.
#[derive(Debug, Error)]
pub enum StanzaError {
    /// A line is none of the forms.
    #[error("line {line}: {text:?} is {what}")]
    Line {
        /// Its number.
        line: u32,
        /// The line.
        text: String,
        /// What is wrong and what is expected.
        what: &'static str,
    },
    /// The same object twice.
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
    /// A type that we do not know.
    #[error("{} is not one of {}", at(*line, &format!("objtype={kind}")), Kind::names())]
    Type {
        /// 0 when it comes from a command line.
        line: u32,
        /// As written.
        kind: String,
    },
    /// An attribute that objects of this type do not have.
    #[error("{} is not an attribute of a {kind}{}", at(*line, attribute), hint(near))]
    Attribute {
        /// 0 when it comes from a command line.
        line: u32,
        /// As written.
        attribute: String,
        /// `objtype`.
        kind: Kind,
        /// Names that may have been meant.
        near: Vec<&'static str>,
    },
    /// A value that can not stand in the column.
    #[error("{} of {object}: {what}", at(*line, attribute))]
    Value {
        /// 0 when it comes from a command line.
        line: u32,
        /// As written.
        attribute: String,
        /// The object's name.
        object: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A name that no object can have.
    #[error("{name:?} cannot be the name of an object: it is empty or contains a blank, '=' or '#'")]
    Name {
        /// As given.
        name: String,
    },
    /// A name that no node can have.
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
    /// The file is not there, or cannot be locked or made.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The new text can not be written.
    #[error("stanza file is unchanged")]
    Write(#[source] durable::FileError),
    /// The content of a file.
    #[error("{}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
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
