//! Errors of connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::framer::FramerError;
use crate::message::MessageError;
use crate::remote::Remote;

/// Why a connection failed or was closed.
#[derive(Debug, Clone, Error)]
pub enum ConnectionError {
    /// Connecting failed.
    #[error("cannot connect to {remote}")]
    Connect {
        /// The server.
        remote: Remote,
        /// Cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// The server was not ready in time.
    #[error("{remote} did not answer within {} s", limit.as_secs_f32())]
    Timeout {
        /// The server.
        remote: Remote,
        /// Time limit.
        limit: Duration,
    },
    /// An `ssl:` remote without certificates.
    #[error("{0} needs certificates: set Options::tls")]
    NoTls(Remote),
    /// The TLS handshake failed, usually because one side does not trust the other's certificate.
    #[error("{remote}: TLS handshake failed: check that both certificates are signed by the given CA")]
    Handshake {
        /// The server.
        remote: Remote,
        /// Cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// Reading or writing failed.
    #[error("the connection to {remote} failed")]
    Broken {
        /// The server.
        remote: Remote,
        /// Cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// The server closed the connection.
    #[error("{0} closed the connection")]
    Ended(Remote),
    /// The server sent no data, not even the answer to an echo request.
    #[error("{remote} sent nothing for {} s", silence.as_secs_f32())]
    Silent {
        /// The server.
        remote: Remote,
        /// Duration.
        silence: Duration,
    },
    /// The server's data are not messages.
    #[error("{remote} does not use the OVSDB protocol")]
    Frame {
        /// The server.
        remote: Remote,
        /// Cause.
        #[source]
        source: FramerError,
    },
    /// The server sent an invalid message.
    #[error("{remote} does not use the OVSDB protocol")]
    Message {
        /// The server.
        remote: Remote,
        /// Cause.
        #[source]
        source: MessageError,
    },
    /// The server sent a message with invalid content.
    #[error("{remote} sent an invalid message: {problem}")]
    InvalidMessage {
        /// The server.
        remote: Remote,
        /// The problem.
        problem: String,
    },
    /// The server cannot be used.
    #[error("{remote} cannot be used for database {database}: {reason}")]
    Unusable {
        /// The server.
        remote: Remote,
        /// The database.
        database: Arc<str>,
        /// The reason.
        reason: UnusableServer,
    },
}

/// Why a reachable server cannot be used (according to its `_Server` database, ovsdb-server(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnusableServer {
    /// It does not serve the database.
    #[error("it has no such database")]
    NoDatabase,
    /// It is disconnected from its cluster or its relay's source, or has not reached them yet.
    #[error("it is not connected to its cluster, or to the server that it relays")]
    Disconnected,
    /// It is not the leader, and [`crate::Options::leader_only`] is set.
    #[error("it is not the leader")]
    NotLeader,
    /// The client has already received newer data.
    #[error("its data are older than data received before")]
    Stale,
    /// The database was removed while it was monitored.
    #[error("the database was removed or replaced")]
    Removed,
}
