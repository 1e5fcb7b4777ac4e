//! One thing that is wrong.

use std::fmt;

use serde::Serialize;

use crate::name::NodeName;

/// Something that an administrator should change in the tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Row or column: `d1`, `networks net98`, `hosts.ip of d1, hosts.ip of d2`.
    pub place: String,
    /// The whole message; it names the row, column and value by itself.
    pub text: String,
    /// The nodes that can not be made because of it.
    pub nodes: Vec<NodeName>,
}

/// Whether something can be made of the tables all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It can; it may not be what is meant.
    Warning,
    /// It can not.
    Error,
}

impl Finding {
    pub(super) fn error(
        place: impl Into<String>,
        text: &impl ToString,
        nodes: impl IntoIterator<Item = NodeName>,
    ) -> Self {
        Self::new(Severity::Error, place.into(), text, nodes)
    }

    pub(super) fn warning(
        place: impl Into<String>,
        text: &impl ToString,
        nodes: impl IntoIterator<Item = NodeName>,
    ) -> Self {
        Self::new(Severity::Warning, place.into(), text, nodes)
    }

    fn new(
        severity: Severity,
        place: String,
        text: &impl ToString,
        nodes: impl IntoIterator<Item = NodeName>,
    ) -> Self {
        Self { severity, place, text: text.to_string(), nodes: nodes.into_iter().collect() }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.text)
    }
}
