//! Why there is no connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::framer::FramerError;
use crate::message::MessageError;
use crate::remote::Remote;

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
    /// It is cut off from its cluster or its relay's source, or has not reached them yet.
    #[error("it has no contact to its cluster, or to the server that it relays")]
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
