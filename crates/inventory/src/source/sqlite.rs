//! xCAT's SQLite files: one a table, read only. The one module that knows the SQLite library.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Statement, types::ValueRef};

use super::SourceError;
use crate::tables::Row;

/// xCAT writes a row in milliseconds, with the file locked; a reader waits that out.
const BUSY: Duration = Duration::from_secs(5);

/// The rows of a table; only some columns if `columns` says so. A missing file is an empty table.
pub(super) fn rows(path: &Path, table: &str, columns: Option<&[&str]>) -> Result<Vec<Row>, SourceError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let failed = |error| SourceError::Table { path: path.to_owned(), source: words(&error).into() };
    let connection = open(path).map_err(failed)?;
    let mut statement = connection.prepare(&query(table, columns)).map_err(failed)?;
    read(&mut statement).map_err(failed)
}

/// SQLite's own words; the error's Display and source would say them twice.
fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words.clone(),
        other => other.to_string(),
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Names of tables and columns are those of our schema, never a user's text.
fn query(table: &str, columns: Option<&[&str]>) -> String {
    let columns = match columns {
        Some(names) => names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(","),
        None => "*".to_owned(),
    };
    format!("SELECT {columns} FROM \"{table}\"")
}

fn read(statement: &mut Statement<'_>) -> rusqlite::Result<Vec<Row>> {
    let columns: Arc<[Box<str>]> = statement.column_names().map(Into::into).collect();
    let mut rows = Vec::new();
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let cells =
            (0..columns.len()).map(|at| row.get_ref(at).map(text)).collect::<rusqlite::Result<_>>()?;
        rows.push(Row::new(columns.clone(), cells, None));
    }
    Ok(rows)
}

/// xCAT declares all columns TEXT, but SQLite keeps what was given.
fn text(value: ValueRef<'_>) -> Option<Box<str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into()),
        ValueRef::Real(number) => Some(number.to_string().into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into()),
    }
}
