//! Invalid requests. They change nothing.

use std::error::Error as _;

use thiserror::Error;

use crate::reply::Answer;

/// Why a request is invalid.
#[derive(Debug, Error)]
pub enum CallError {
    /// Unknown path. dockerd accepts a 404 for calls that are newer than the plugin.
    #[error("{path}: unknown call")]
    UnknownPath {
        /// The requested path, shortened.
        path: String,
    },
    /// dockerd reuses a consumed buffer when it retries a call, so that the retry has an empty body (moby
    /// `pkg/plugins/client.go`). An immediate answer ends its retries.
    #[error(
        "{call}: the request body is empty: docker retries a call that was interrupted; start the container again"
    )]
    EmptyBody {
        /// The call.
        call: &'static str,
    },
    /// Not JSON.
    #[error("{call}: the request body is not JSON")]
    Json {
        /// The call.
        call: &'static str,
        /// Cause, with its position.
        #[source]
        source: serde_json::Error,
    },
    /// Valid JSON with a missing or invalid value.
    #[error("{call}: {field} is {value}: {rule}")]
    Value {
        /// The call.
        call: &'static str,
        /// Path of the field.
        field: String,
        /// The value as JSON, shortened.
        value: String,
        /// The expected form.
        rule: String,
    },
}

impl CallError {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownPath { .. } => 404,
            Self::EmptyBody { .. } | Self::Json { .. } | Self::Value { .. } => 400,
        }
    }

    /// The whole answer, with the causes of the error.
    pub fn answer(&self) -> Answer {
        let message = match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        Answer::error(self.status(), &message)
    }
}
