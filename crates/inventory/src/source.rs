//! Where tables come from: xCAT's SQLite files or database server, or a stanza file.

mod cfgloc;
mod database;
mod sqlite;
mod url;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use durable::FileError;
use thiserror::Error;

pub use cfgloc::{Cfgloc, CfglocError, Choice, Malformed, XcatTables};
pub use database::{Database, DatabaseError, DatabaseUrlError, Engine, Password, Problem, Server};
pub use url::{InventoryUrl, UrlError};

use crate::attributes::schema::TableSpec;
use crate::stanza::{self, StanzaError, StanzaFile};
use crate::tables::Row;

/// Tables that can be read.
#[derive(Debug)]
pub(crate) enum Source {
    /// A directory with one SQLite file for each table.
    Sqlite(PathBuf),
    /// A stanza file, already read.
    Stanza { path: Option<PathBuf>, rows: HashMap<&'static str, Vec<Row>> },
    /// The tables of a database server, already read.
    Database(database::Tables),
}

/// Why tables cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The directory of the tables is not one.
    #[error("no xCAT tables in {}: it has no nodelist.sqlite", path.display())]
    NoTables {
        /// The directory.
        path: PathBuf,
    },
    /// The file of a table cannot be read as SQLite.
    #[error("cannot read table {}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// SQLite's message.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file system does not answer whether the file exists.
    #[error(transparent)]
    File(#[from] FileError),
    /// The stanza file.
    #[error(transparent)]
    Stanza(#[from] StanzaError),
    /// A database server.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Source {
    /// Opens what the URL names. Rows of SQLite tables are read when they are needed, those of a server at once.
    pub(crate) fn open(url: &InventoryUrl) -> Result<Self, SourceError> {
        match url {
            InventoryUrl::Xcat(path) if path.join("nodelist.sqlite").is_file() => {
                Ok(Self::Sqlite(path.clone()))
            }
            InventoryUrl::Xcat(path) => Err(SourceError::NoTables { path: path.clone() }),
            InventoryUrl::Database(database) => Ok(Self::Database(database::read(database)?)),
            InventoryUrl::File(path) => {
                let document = StanzaFile::new(path).read()?;
                let rows = stanza::rows(&document).map_err(|error| error.of(path))?;
                Ok(Self::Stanza { path: Some(path.clone()), rows })
            }
        }
    }

    /// The objects of a text.
    pub(crate) fn from_stanzas(text: &str) -> Result<Self, SourceError> {
        let rows = stanza::rows(&stanza::parse(text)?)?;
        Ok(Self::Stanza { path: None, rows })
    }

    /// All rows of a table, also those that are hidden. No file: no rows.
    pub(crate) fn rows(&self, table: &TableSpec) -> Result<Vec<Row>, SourceError> {
        match self {
            Self::Sqlite(directory) => sqlite::rows(&file_of(directory, table.name), table.name),
            Self::Stanza { rows, .. } => Ok(rows.get(table.name).cloned().unwrap_or_default()),
            Self::Database(tables) => Ok(tables.rows(table.name)?.to_vec()),
        }
    }

    /// Shows name, groups and line of each visible row of `nodelist`, which may be very long: no row is kept.
    pub(crate) fn each_node(&self, see: &mut dyn FnMut(&str, &str, Option<u32>)) -> Result<(), SourceError> {
        match self {
            Self::Sqlite(directory) => {
                sqlite::each_node(&file_of(directory, "nodelist"), &mut |node, groups| {
                    see(node, groups, None);
                })
            }
            Self::Stanza { rows, .. } => {
                each_visible(rows.get("nodelist").map(Vec::as_slice).unwrap_or_default(), see);
                Ok(())
            }
            Self::Database(tables) => {
                each_visible(tables.rows("nodelist")?, see);
                Ok(())
            }
        }
    }

    /// Where the row of that key is, for messages.
    pub(crate) fn origin(&self, table: &str, key: &str, line: Option<u32>) -> String {
        match self {
            Self::Sqlite(directory) => {
                format!("{table} row {key} in {}", file_of(directory, table).display())
            }
            Self::Stanza { path, .. } => {
                let file = path.as_deref().unwrap_or(Path::new("the stanza text"));
                let line = line.map(|line| format!(" line {line}")).unwrap_or_default();
                format!("{key} in {}{line}", file.display())
            }
            Self::Database(tables) => format!("{table} row {key} in {}", tables.database()),
        }
    }
}

/// The URL.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(directory) => write!(f, "xcat://{}", directory.display()),
            Self::Stanza { path: Some(path), .. } => write!(f, "file:{}", path.display()),
            Self::Stanza { path: None, .. } => f.write_str("the stanza text"),
            Self::Database(tables) => tables.database().fmt(f),
        }
    }
}

fn each_visible(rows: &[Row], see: &mut dyn FnMut(&str, &str, Option<u32>)) {
    for row in rows.iter().filter(|row| row.is_visible()) {
        let cell = |name| row.get(name).unwrap_or_default();
        see(cell("node"), cell("groups"), row.line());
    }
}

fn file_of(directory: &Path, table: &str) -> PathBuf {
    directory.join(format!("{table}.sqlite"))
}
