//! Why the tables of a database server cannot be read. No message holds a password.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::endpoint::Endpoint;
use super::{Database, Engine, Password};

/// A problem with the database, with its URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read xCAT's tables from {database}: {problem}")]
pub struct DatabaseError {
    /// The database's URL.
    pub database: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// Nothing listens.
    #[error("cannot connect to {endpoint}: {reason}. Check that {product} runs and listens there")]
    Unreachable {
        /// Address and port, or the socket.
        endpoint: String,
        /// What listens there.
        product: &'static str,
        /// What the kernel says.
        reason: String,
    },
    /// No socket at any of the usual paths.
    #[error(
        "found no socket of {product} at {}. Check that it runs on this machine, or name the socket: socket=PATH in the URL",
        .looked_for.join(" or ")
    )]
    NoSocket {
        /// What should listen.
        product: &'static str,
        /// The usual paths.
        looked_for: Vec<String>,
    },
    /// The server's name has no address.
    #[error("cannot resolve the name {host}: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// A server on another machine, which would get password and tables in clear text.
    #[error(
        "{host} is another machine, and xdock reads databases without TLS. Forward the server's socket with ssh, or accept a connection in clear text: plaintext = true in [database] of xdock.toml (see docs/databases.md)"
    )]
    Remote {
        /// The server's host.
        host: String,
    },
    /// It accepted the connection, and then nothing came.
    #[error("the server did not answer within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// The server's rules admit this user not from here, or not to this database.
    #[error(
        "the server does not admit user {user}: {reason}. Check the database's name, and the server's rules for this user and this machine"
    )]
    NotAdmitted {
        /// The user.
        user: String,
        /// The server's message.
        reason: String,
    },
    /// Wrong user or password.
    #[error("the server refuses user {user}: {reason}. {}", check_password(password))]
    Login {
        /// The user.
        user: String,
        /// The server's message.
        reason: String,
        /// Where the password was read; `None`: there is none.
        password: Option<String>,
    },
    /// The server has no such database.
    #[error("the server has no such database: {reason}. Check its name in cfgloc or in the URL")]
    NoDatabase {
        /// The server's message.
        reason: String,
    },
    /// The database has no table `nodelist` that the user sees.
    #[error(
        "user {user} sees no table nodelist there. Check the database's name, and that the user may use the schema of xCAT's tables"
    )]
    NoTables {
        /// The user.
        user: String,
    },
    /// The user lacks a right.
    #[error("user {user} may not read table {table}. Grant it SELECT on this table (see docs/databases.md)")]
    Denied {
        /// The user.
        user: String,
        /// The table.
        table: &'static str,
    },
    /// The table is not xCAT's.
    #[error("table {table} has no column {column}, so it is no table of xCAT. Check the database's name")]
    Column {
        /// The table.
        table: &'static str,
        /// The column that every table of that name has.
        column: &'static str,
    },
    /// Another failure.
    #[error("{step}: {reason}")]
    Failed {
        /// What was tried.
        step: String,
        /// What the server or the driver says.
        reason: String,
    },
}

fn check_password(origin: &Option<String>) -> String {
    match origin {
        Some(origin) => format!("Check the password in {origin}"),
        None => "xdock has no password for this database: set password_file in [database] of xdock.toml"
            .to_owned(),
    }
}

impl Problem {
    pub(super) fn unreachable(engine: Engine, endpoint: &Endpoint, reason: &dyn fmt::Display) -> Self {
        Self::Unreachable {
            endpoint: endpoint.to_string(),
            product: engine.product(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn login(database: &Database, reason: &str) -> Self {
        let password = database.password.as_ref().map(|password| Password::origin(password).to_owned());
        Self::Login { user: database.user.clone(), reason: reason.to_owned(), password }
    }

    pub(super) fn not_admitted(database: &Database, reason: String) -> Self {
        Self::NotAdmitted { user: database.user.clone(), reason }
    }

    pub(super) fn failed(step: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Failed { step: step.into(), reason: reason.into() }
    }

    pub(super) fn of(self, database: &Database) -> DatabaseError {
        DatabaseError { database: database.to_string(), problem: self }
    }
}
