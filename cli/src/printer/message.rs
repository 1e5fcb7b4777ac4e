//! Messages of commands, independent of their format.

use serde_json::{Map, Value};

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// Success of a node.
    Done {
        node: &'a str,
        status: &'a str,
        /// Only in JSON.
        fields: &'a Map<String, Value>,
    },
    /// Progress of a node.
    Step { node: &'a str, text: &'a str },
    /// Failure of a node.
    Failed { node: &'a str, error: &'a str, hint: Option<&'a str> },
    /// Failure of a node with the message of its engine.
    Refused { node: &'a str, message: &'a str, hint: Option<&'a str> },
    /// Failure of a node whose engine is unreachable.
    Unavailable { node: &'a str, error: &'a str },
    /// Failure of the command.
    Error(&'a str),
    /// Warning of the command.
    Warning(&'a str),
    /// Invalid noderange. xCAT's client finds it itself, so the message has no machine name there.
    NoNodes(&'a str),
    /// A line as it is.
    Line(&'a str),
}

/// A text with its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OutputLine {
    /// Standard output.
    Out(String),
    /// Standard error.
    Err(String),
}
