//! Errors of calls.

mod connection;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::remote::Remote;

pub use connection::{ConnectionError, UnusableServer};

/// Why a call failed.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The options contain no remote.
    #[error("no address for database {database}: the usual one is unix:/run/openvswitch/db.sock")]
    NoRemote {
        /// The database.
        database: Arc<str>,
    },
    /// The certificates or the key are invalid.
    #[error("invalid certificates for database {database}")]
    Tls {
        /// The database.
        database: Arc<str>,
        /// Cause.
        #[source]
        source: TlsError,
    },
    /// No server could be used within the time limit. Nothing was sent.
    #[error(
        "{method}: no server of database {database} within {} s ({remotes}): check that ovsdb-server runs there",
        deadline.as_secs_f32()
    )]
    Unreachable {
        /// The method.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// All remotes.
        remotes: String,
        /// The time limit.
        deadline: Duration,
        /// Why the last attempt failed.
        #[source]
        source: Option<Arc<ConnectionError>>,
    },
    /// The connection ended before the answer. A transaction may have been executed or not: read before you send it
    /// again, or make it idempotent (with a `wait` on what it changes).
    #[error(
        "{method} on database {database} at {remote}: the connection ended before the answer; it may have been executed"
    )]
    Disconnected {
        /// The method.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// The server.
        remote: Remote,
        /// Why it ended.
        #[source]
        source: Arc<ConnectionError>,
    },
    /// The call was sent, and there was no answer within the time limit. As with [`Error::Disconnected`], a
    /// transaction may have been executed.
    #[error(
        "{method} on database {database} at {remote}: no answer within {} s; it may have been executed",
        deadline.as_secs_f32()
    )]
    Deadline {
        /// The method.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// The server.
        remote: Remote,
        /// The time limit.
        deadline: Duration,
    },
    /// The server refused the call.
    #[error("{method} on database {database} at {remote}: refused: {error}{}", suffix(details))]
    Refused {
        /// The method.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// The server.
        remote: Remote,
        /// The error's name, as in RFC 7047 section 4.1.
        error: String,
        /// The server's details, or empty.
        details: String,
    },
    /// An operation failed, so the transaction was not executed.
    #[error(
        "transact on database {database}: operation {index} ({operation}{}): {error}{}",
        of(table.as_deref()), suffix(details)
    )]
    Operation {
        /// The database.
        database: Arc<str>,
        /// Index of the operation; the number of operations if the commit failed.
        index: usize,
        /// Its name; `commit` if the commit failed (constraints, references, the server's disk).
        operation: &'static str,
        /// Its table.
        table: Option<Arc<str>>,
        /// The error's name, as in RFC 7047 sections 3.1 and 5.2.
        error: String,
        /// The server's details, or empty.
        details: String,
    },
    /// The answer does not conform to RFC 7047.
    #[error("{method} on database {database} at {remote}: invalid answer: {problem}")]
    Unexpected {
        /// The method.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// The server.
        remote: Remote,
        /// The problem.
        problem: String,
    },
    /// The server does not support conditions of monitors.
    #[error("{method} on database {database} at {remote}: needs monitor_cond (Open vSwitch 2.6 or later)")]
    TooOld {
        /// The method.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// The server.
        remote: Remote,
    },
    /// The connection's task has ended, because its runtime was shut down.
    #[error("database {database}: the client's runtime was shut down")]
    Closed {
        /// The database.
        database: Arc<str>,
    },
}

fn suffix(details: &str) -> String {
    if details.is_empty() { String::new() } else { format!(": {details}") }
}

fn of(table: Option<&str>) -> String {
    table.map(|table| format!(" {table}")).unwrap_or_default()
}

/// Invalid certificates or key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// The PEM text contains no certificate.
    #[error("{0}: no certificate in PEM form")]
    NoCertificate(&'static str),
    /// The PEM text contains no private key.
    #[error("key: no private key in PEM form: {0}")]
    NoKey(String),
    /// rustls refused them.
    #[error("{0}: {1}")]
    Refused(&'static str, String),
}
