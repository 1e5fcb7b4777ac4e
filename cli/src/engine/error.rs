//! Errors of engine requests.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error as Bollard;
use thiserror::Error;

use super::connect::{ConnectError, ConnectFailed};

/// Why a request to an engine failed.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    /// The engine refused the request.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The engine's message.
        message: String,
    },
    /// No connection.
    #[error("cannot reach the engine of {host}")]
    Unreachable {
        host: String,
        #[source]
        source: ConnectFailed,
    },
    /// No answer.
    #[error("the engine of {host} did not answer within {} s", deadline.as_secs())]
    Silent {
        host: String,
        /// How long it had.
        deadline: Duration,
    },
    /// Invalid answer or broken connection.
    #[error("no usable answer from the engine of {host}")]
    Answer {
        host: String,
        #[source]
        source: Bollard,
    },
    /// The answer to a create request has no ID.
    #[error("the engine of {host} created a {kind} without returning its ID")]
    NoId {
        host: String,
        /// The object.
        kind: &'static str,
    },
    /// The body is not valid for the engine's API.
    #[error("Docker's API rejects the container")]
    Body(#[source] serde_json::Error),
    /// Unknown key.
    #[error("Docker's API does not have {path}")]
    UnknownKey {
        /// Path of the key, joined by dots.
        path: String,
    },
}

impl EngineError {
    /// A 404 answer.
    pub(crate) fn absent(message: String) -> Self {
        Self::Refused { status: 404, message }
    }

    /// Converts an error of bollard.
    pub(super) fn of(host: &str, deadline: Duration, error: Bollard) -> Self {
        let host = host.to_owned();
        match error {
            Bollard::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message: message.trim_end().to_owned() }
            }
            Bollard::DockerStreamError { error } => Self::Refused { status: 500, message: error },
            Bollard::RequestTimeoutError => Self::Silent { host, deadline },
            Bollard::IOError { err } => match connect_failed(&err) {
                Some(source) => Self::Unreachable { host, source },
                None => Self::Answer { host, source: Bollard::IOError { err } },
            },
            source => Self::Answer { host, source },
        }
    }

    /// Whether it is a timeout. A retry would take as long.
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Unreachable { source, .. } => matches!(&*source.0, ConnectError::Silent { .. }),
            _ => false,
        }
    }

    /// Whether it is a 404 answer.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Wraps hyper's error in bollard's, so that [`EngineError::of`] finds the connector's error.
pub(super) fn transport(error: hyper_util::client::legacy::Error) -> Bollard {
    let mut next = error.source();
    while let Some(cause) = next {
        // error of the connector or of our stream
        let of_stream = cause.downcast_ref::<io::Error>().and_then(connect_failed);
        if let Some(found) = cause.downcast_ref::<ConnectFailed>().cloned().or(of_stream) {
            return Bollard::IOError { err: io::Error::other(found) };
        }
        next = cause.source();
    }
    Bollard::HyperLegacyError { err: error }
}

fn connect_failed(error: &io::Error) -> Option<ConnectFailed> {
    error.get_ref()?.downcast_ref::<ConnectFailed>().cloned()
}
