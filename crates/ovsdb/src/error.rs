//! What can go wrong, and what to do about it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::framer::FramerError;
use crate::message::MessageError;
use crate::remote::Remote;

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
        source: Option<ConnectionError>,
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
        source: ConnectionError,
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

/// Why a connection could not be made or was given up.
#[derive(Debug, Clone, Error)]
pub enum ConnectionError {
    /// No connection.
    #[error("cannot connect to {remote}")]
    Connect {
        /// The server.
        remote: Remote,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Not ready in time.
    #[error("{remote} did not answer within {} s", limit.as_secs_f32())]
    Slow {
        /// The server.
        remote: Remote,
        /// How long it had.
        limit: Duration,
    },
    /// An `ssl:` remote without certificates.
    #[error("{0} needs certificates: give Options::tls")]
    NoTls(Remote),
    /// TLS failed; most often one side does not trust the other's certificate.
    #[error("{remote}: TLS failed: is its certificate, and ours, of the CA that both were given?")]
    Handshake {
        /// The server.
        remote: Remote,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Reading or writing failed.
    #[error("the connection to {remote} broke")]
    Broken {
        /// The server.
        remote: Remote,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The server closed the connection.
    #[error("{0} closed the connection")]
    Ended(Remote),
    /// Nothing was heard of it, not even the answer to an echo.
    #[error("{remote} has been silent for {} s", silence.as_secs_f32())]
    Silent {
        /// The server.
        remote: Remote,
        /// How long.
        silence: Duration,
    },
    /// What it sends are no messages.
    #[error("{remote} does not speak OVSDB")]
    Frame {
        /// The server.
        remote: Remote,
        /// Why.
        #[source]
        source: FramerError,
    },
    /// What it sends are no messages.
    #[error("{remote} does not speak OVSDB")]
    Message {
        /// The server.
        remote: Remote,
        /// Why.
        #[source]
        source: MessageError,
    },
    /// What it sends can not be understood.
    #[error("{remote} sent what makes no sense: {problem}")]
    Senseless {
        /// The server.
        remote: Remote,
        /// What is wrong.
        problem: String,
    },
    /// It serves the database, but not for us, or not now.
    #[error("{remote} can not be used for database {database}: {why}")]
    Unfit {
        /// The server.
        remote: Remote,
        /// The database.
        database: Arc<str>,
        /// Why not.
        why: Unfit,
    },
}

/// Why a server that can be reached is not used (the `_Server` database, ovsdb-server(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unfit {
    /// It does not serve the database.
    #[error("it has no such database")]
    NoDatabase,
    /// Its copy is not there yet.
    #[error("it has not joined its cluster, or not reached its relay's source, yet")]
    NoSchema,
    /// It is cut off from its cluster or its relay's source.
    #[error("it is cut off from its cluster or its relay's source")]
    CutOff,
    /// Only the leader will do.
    #[error("it is not the leader")]
    NotLeader,
    /// We have seen newer data already.
    #[error("its data are older than what was seen already")]
    Stale,
    /// The database was removed while it was monitored.
    #[error("the database was removed or replaced")]
    Removed,
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
