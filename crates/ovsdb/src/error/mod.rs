//! What can go wrong, and what to do about it.

mod connection;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::remote::Remote;

pub use connection::{ConnectionError, Unfit};

/// A call that failed.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The options name no remote.
    #[error("no remote is given for database {database}: unix:/run/openvswitch/db.sock is the usual one")]
    NoRemote {
        /// The database.
        database: Arc<str>,
    },
    /// The certificates or the key can not be used.
    #[error("the certificates for database {database} can not be used")]
    Tls {
        /// The database.
        database: Arc<str>,
        /// Why.
        #[source]
        source: TlsError,
    },
    /// No server could be used within the deadline. Nothing was sent.
    #[error(
        "{method}: no server of database {database} within {} s ({remotes}): check that ovsdb-server runs there",
        deadline.as_secs_f32()
    )]
    Unreachable {
        /// What was to be done.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// All remotes.
        remotes: String,
        /// How long was tried.
        deadline: Duration,
        /// How the last attempt ended.
        #[source]
        source: Option<Arc<ConnectionError>>,
    },
    /// The connection ended before the answer came. A transaction may have been applied, or may not: read before it
    /// is sent again, or make it so that it can be applied twice (a `wait` on what it changes).
    #[error(
        "{method} on database {database} at {remote}: the connection ended before the answer; it may have happened"
    )]
    Disconnected {
        /// What was asked.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// Who was asked.
        remote: Remote,
        /// How it ended.
        #[source]
        source: Arc<ConnectionError>,
    },
    /// The call was sent, and no answer came within the deadline. As with [`Error::Disconnected`], a transaction may
    /// have been applied.
    #[error(
        "{method} on database {database} at {remote}: no answer within {} s; it may have happened",
        deadline.as_secs_f32()
    )]
    Deadline {
        /// What was asked.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// Who was asked.
        remote: Remote,
        /// How long was waited.
        deadline: Duration,
    },
    /// The server refused the call as a whole.
    #[error("{method} on database {database} at {remote}: refused: {error}{}", told(details))]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// Who was asked.
        remote: Remote,
        /// The error's name, as RFC 7047 section 4.1 has them.
        error: String,
        /// The server's words, if it has some.
        details: String,
    },
    /// An operation of a transaction failed; none of the transaction was applied.
    #[error(
        "transact on database {database}: operation {index} ({operation}{}): {error}{}",
        of(table.as_deref()), told(details)
    )]
    Operation {
        /// The database.
        database: Arc<str>,
        /// The place of the operation, from 0; as many as there are operations: all together failed.
        index: usize,
        /// Its name; `commit` if all together failed (constraints, references, the server's disk).
        operation: &'static str,
        /// The table it works on.
        table: Option<Arc<str>>,
        /// The error's name, as RFC 7047 sections 3.1 and 5.2 have them.
        error: String,
        /// The server's words, if it has some.
        details: String,
    },
    /// The answer is not as RFC 7047 has it.
    #[error("{method} on database {database} at {remote}: the answer makes no sense: {problem}")]
    Unexpected {
        /// What was asked.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// Who was asked.
        remote: Remote,
        /// What is wrong with it.
        problem: String,
    },
    /// The server is too old for conditions in monitors.
    #[error("{method} on database {database} at {remote}: needs monitor_cond, of Open vSwitch 2.6 or newer")]
    TooOld {
        /// What was asked.
        method: &'static str,
        /// The database.
        database: Arc<str>,
        /// Who was asked.
        remote: Remote,
    },
    /// The task that owned the connection is gone: its runtime was shut down.
    #[error("database {database}: the client's runtime was shut down")]
    Closed {
        /// The database.
        database: Arc<str>,
    },
}

fn told(details: &str) -> String {
    if details.is_empty() { String::new() } else { format!(": {details}") }
}

fn of(table: Option<&str>) -> String {
    table.map(|table| format!(" {table}")).unwrap_or_default()
}

/// Certificates or a key that can not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// No certificate in the PEM text.
    #[error("{0}: no certificate in PEM form")]
    NoCertificate(&'static str),
    /// No key in the PEM text.
    #[error("key: no private key in PEM form: {0}")]
    NoKey(String),
    /// The library refused them.
    #[error("{0}: {1}")]
    Refused(&'static str, String),
}
