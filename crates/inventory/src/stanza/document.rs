//! A stanza file as it is written: its lines, and the objects in them.

use super::Kind;

/// The content of a file; every line is kept as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The lines without their ends.
    pub(super) lines: Vec<String>,
    /// In the order of the file.
    pub(super) objects: Vec<Object>,
}

/// A named object and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its `objtype`.
    pub kind: Kind,
    /// The number of the line `NAME:`, from 1.
    pub line: u32,
    /// The number of its last line.
    pub(super) last: u32,
    /// Its attributes but `objtype`, in the order of the file.
    pub attrs: Vec<Attr>,
}

/// A line `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attr {
    /// As written.
    pub name: String,
    /// As written, without blanks around it.
    pub value: String,
    /// The number of the line, from 1.
    pub line: u32,
}

impl Document {
    /// The objects in the order of the file.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

impl Object {
    /// The value of the attribute of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|attr| attr.name == name).map(|attr| attr.value.as_str())
    }
}
