//! xCAT's SQLite files: one a table, read only. The one module that knows the SQLite library.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Statement, types::ValueRef};

use super::SourceError;
use crate::tables::{Row, VISIBLE};

/// xCAT writes a row in milliseconds, with the file locked; a reader waits that out.
const BUSY: Duration = Duration::from_secs(5);

/// The rows of a table, whose name is one of our schema, never a user's text. A missing file is an empty table.
pub(super) fn rows(path: &Path, table: &str) -> Result<Vec<Row>, SourceError> {
    with(path, &format!("SELECT * FROM \"{table}\""), Vec::new(), |statement, rows| {
        let columns: Arc<[Box<str>]> = statement.column_names().map(Into::into).collect();
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let cell = |at| row.get_ref(at).map(|value| text(value).map(Into::into));
            let cells = (0..columns.len()).map(cell).collect::<rusqlite::Result<_>>()?;
            rows.push(Row::new(columns.clone(), cells, None));
        }
        Ok(())
    })
}

/// Shows name and groups of each visible row of `nodelist`.
pub(super) fn each_node(path: &Path, see: &mut dyn FnMut(&str, &str)) -> Result<(), SourceError> {
    let visible = VISIBLE.map(|value| format!("'{value}'")).join(",");
    let query =
        format!("SELECT node, groups FROM nodelist WHERE \"disable\" IS NULL OR \"disable\" IN ({visible})");
    with(path, &query, (), |statement, ()| {
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let (node, groups) = (text(row.get_ref(0)?), text(row.get_ref(1)?));
            see(&node.unwrap_or_default(), &groups.unwrap_or_default());
        }
        Ok(())
    })
}

/// Collects what a query gives.
fn with<T>(
    path: &Path,
    query: &str,
    mut collected: T,
    collect: impl FnOnce(&mut Statement<'_>, &mut T) -> rusqlite::Result<()>,
) -> Result<T, SourceError> {
    if !durable::exists(path)? {
        return Ok(collected);
    }
    let connection = open(path).map_err(failed(path))?;
    let mut statement = connection.prepare(query).map_err(failed(path))?;
    collect(&mut statement, &mut collected).map_err(failed(path))?;
    Ok(collected)
}

fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> SourceError + '_ {
    |error| SourceError::Table { path: path.to_owned(), source: message(&error).into() }
}

/// SQLite's message alone: the error and its source both contain it.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// xCAT declares all columns TEXT, but SQLite keeps what was given.
fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into()),
        ValueRef::Real(number) => Some(number.to_string().into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
    }
}
