//! xCAT's tables in a PostgreSQL, MySQL or MariaDB server: which server, as which user.

mod encoding;
mod endpoint;
mod error;
mod mysql;
mod postgres;
mod read;
mod url;

use std::fmt;
use std::path::PathBuf;

pub use error::{DatabaseError, Problem};
pub use url::DatabaseUrlError;

pub(super) use read::{Tables, read};
pub(super) use url::engine_of;

/// A database that holds xCAT's tables. Its text form is a URL without the password.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    /// The kind of server.
    pub engine: Engine,
    /// Where it listens.
    pub server: Server,
    /// The database's name: `xcatdb`.
    pub name: String,
    /// Who logs in.
    pub user: String,
    /// The user's password. Without one, the server must accept the user by its own rules.
    pub password: Option<Password>,
    /// Allows a connection to another machine without TLS.
    pub plaintext: bool,
}

/// A kind of database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Server {
    /// A unix socket.
    Socket {
        /// For PostgreSQL its directory, for MySQL the socket itself. `None`: where distributions put it.
        path: Option<PathBuf>,
        /// PostgreSQL names the socket after its port.
        port: u16,
    },
    /// A TCP port.
    Tcp {
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
    },
}

/// A password, and where it was read. Only the drivers see its text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password {
    text: String,
    origin: String,
}

impl Password {
    /// Keeps a password that was read from `origin`, such as `/etc/xcat/cfgloc`.
    pub fn new(text: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { text: text.into(), origin: origin.into() }
    }

    /// Where it was read, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password(from {})", self.origin)
    }
}

impl Engine {
    /// Its name for people.
    pub(crate) fn product(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL or MariaDB",
        }
    }

    /// The port that it has by default.
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}

impl Database {
    /// Whether both name the same database and user.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.engine, &self.server, &self.name, &self.user)
            == (other.engine, &other.server, &other.name, &other.user)
    }
}
