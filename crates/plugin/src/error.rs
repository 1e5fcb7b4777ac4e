//! A call that is refused at the door: nothing has happened.

use std::error::Error as _;

use thiserror::Error;

use crate::reply::Answer;

/// Why a request is no call.
#[derive(Debug, Error)]
pub enum CallError {
    /// No call of ours; dockerd tolerates a 404 where a call is newer than the plugin.
    #[error("{path}: no such call here")]
    UnknownPath {
        /// The path that was asked, shortened.
        path: String,
    },
    /// dockerd re-uses a spent buffer when it tries a call again: the second try has an empty body
    /// (moby `pkg/plugins/client.go`), and an answer at once ends it.
    #[error(
        "{call}: the request's body is empty; docker is trying a call again that was cut off, start the container again"
    )]
    EmptyBody {
        /// Name of the call.
        call: &'static str,
    },
    /// Not JSON.
    #[error("{call}: the request's body is not JSON")]
    Json {
        /// Name of the call.
        call: &'static str,
        /// Where, and what is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// JSON, but a value is missing or not what it must be.
    #[error("{call}: {field} is {value}: {rule}")]
    Value {
        /// Name of the call.
        call: &'static str,
        /// Path of the field.
        field: String,
        /// The value as JSON, shortened.
        value: String,
        /// What it must be.
        rule: String,
    },
}

impl CallError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownPath { .. } => 404,
            Self::EmptyBody { .. } | Self::Json { .. } | Self::Value { .. } => 400,
        }
    }

    /// The whole answer; this is the edge where the chain of errors becomes text.
    pub fn answer(&self) -> Answer {
        let message = match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        Answer::error(self.status(), &message)
    }
}
