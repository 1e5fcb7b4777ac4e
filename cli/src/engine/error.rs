//! How an engine says no.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error as Bollard;
use thiserror::Error;

use super::connect::{ConnectError, Unconnected};

/// How a call of an engine failed.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    /// The engine refused, in its own words.
    #[error("{message}")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// There is no connection.
    #[error("cannot reach the engine of {host}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Unconnected,
    },
    /// A connection, but no answer.
    #[error("the engine of {host} did not answer within {} s", deadline.as_secs())]
    Silent {
        /// The host.
        host: String,
        /// How long it had.
        deadline: Duration,
    },
    /// An answer that is none, or a connection that broke.
    #[error("no usable answer from the engine of {host}")]
    Answer {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Bollard,
    },
    /// It made something, and did not say what.
    #[error("the engine of {host} created a {kind} without returning its ID")]
    NoId {
        /// The host.
        host: String,
        /// What was to be made.
        kind: &'static str,
    },
    /// What is sent can not be read as a request of the engine's API.
    #[error("Docker's API rejects the container")]
    Body(#[source] serde_json::Error),
    /// A key that would be lost on the way.
    #[error("Docker's API does not have {path}")]
    UnknownKey {
        /// The key with those above it, joined by dots.
        path: String,
    },
}

impl EngineError {
    /// There is no such thing, as the engine would say it.
    pub(crate) fn absent(message: String) -> Self {
        Self::Refused { status: 404, message }
    }

    /// Gives what bollard said its meaning.
    pub(super) fn of(host: &str, deadline: Duration, error: Bollard) -> Self {
        let host = host.to_owned();
        match error {
            Bollard::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message: message.trim_end().to_owned() }
            }
            Bollard::DockerStreamError { error } => Self::Refused { status: 500, message: error },
            Bollard::RequestTimeoutError => Self::Silent { host, deadline },
            Bollard::IOError { err } => match unconnected(&err) {
                Some(source) => Self::Unreachable { host, source },
                None => Self::Answer { host, source: Bollard::IOError { err } },
            },
            source => Self::Answer { host, source },
        }
    }

    /// Whether nothing at all came back in time: to ask again, or otherwise, would take as long.
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Unreachable { source, .. } => matches!(&*source.0, ConnectError::Silent { .. }),
            _ => false,
        }
    }

    /// Whether the engine said that there is no such thing.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Hyper's error as bollard's, so that [`EngineError::of`] finds the connector's own error again.
pub(super) fn transport(error: hyper_util::client::legacy::Error) -> Bollard {
    let mut next = error.source();
    while let Some(cause) = next {
        // the connector's own, or what a stream of ours said
        let of_stream = cause.downcast_ref::<io::Error>().and_then(unconnected);
        if let Some(found) = cause.downcast_ref::<Unconnected>().cloned().or(of_stream) {
            return Bollard::IOError { err: io::Error::other(found) };
        }
        next = cause.source();
    }
    Bollard::HyperLegacyError { err: error }
}

fn unconnected(error: &io::Error) -> Option<Unconnected> {
    error.get_ref()?.downcast_ref::<Unconnected>().cloned()
}
