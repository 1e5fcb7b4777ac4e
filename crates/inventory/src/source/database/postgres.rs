//! PostgreSQL. The one module that names its driver.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;

use postgres::error::SqlState;
use postgres::types::{FromSql, Type};
use postgres::{Client, Config, Error, NoTls};

use super::endpoint::Endpoint;
use super::read::{CONNECT_TIMEOUT, Session, columns};
use super::{Database, Engine, Problem, Server};
use crate::attributes::schema::{TABLES, TableSpec};
use crate::tables::Row;

/// The columns of xCAT's tables that the user's search path reaches, and whether the user may read each.
const CATALOG: &str = "SELECT n.nspname::text, c.relname::text, a.attname::text, \
     has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') \
     FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     WHERE c.relname::text = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY c.oid, a.attnum";

/// A database without an encoding (`SQL_ASCII`) gives its bytes only to a client that wants no encoding either. Each statement is
/// sent alone: several together are one transaction already.
const BEGIN: [&str; 2] = [
    "SELECT set_config('client_encoding', 'SQL_ASCII', false) WHERE current_setting('server_encoding') = 'SQL_ASCII'",
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
];

/// An open transaction.
struct Transaction {
    client: Client,
    user: String,
    catalog: HashMap<String, Known>,
}

/// A table of the catalog.
#[derive(Default)]
struct Known {
    schema: String,
    columns: Vec<String>,
    denied: bool,
}

/// Connects and begins the transaction.
pub(super) fn connect(database: &Database, endpoint: &Endpoint) -> Result<Box<dyn Session>, Problem> {
    let mut client =
        config(database, endpoint).connect(NoTls).map_err(|error| refused(database, endpoint, &error))?;
    let failed = |error: Error| Problem::failed("cannot begin a transaction", message(&error));
    BEGIN.iter().try_for_each(|statement| client.batch_execute(statement)).map_err(failed)?;
    let catalog =
        catalog(&mut client).map_err(|error| Problem::failed("cannot list the tables", message(&error)))?;
    Ok(Box::new(Transaction { client, user: database.user.clone(), catalog }))
}

fn config(database: &Database, endpoint: &Endpoint) -> Config {
    let (Server::Socket { port, .. } | Server::Tcp { port, .. }) = &database.server;
    let mut config = Config::new();
    config
        .user(&database.user)
        .dbname(&database.name)
        .port(*port)
        .application_name("xdock")
        .connect_timeout(CONNECT_TIMEOUT);
    if let Some(password) = &database.password {
        config.password(&password.text);
    }
    match endpoint {
        // the driver adds the socket's own name
        Endpoint::Socket(path) => config.host_path(path.parent().unwrap_or(path)),
        Endpoint::Tcp(address) => config.host(&address.ip().to_string()),
    };
    config
}

fn catalog(client: &mut Client) -> Result<HashMap<String, Known>, Error> {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    let mut tables: HashMap<String, Known> = HashMap::new();
    for row in client.query_typed(CATALOG, &[(&names, Type::TEXT_ARRAY)])? {
        let known = tables.entry(row.try_get(1)?).or_default();
        known.schema = row.try_get(0)?;
        known.columns.push(row.try_get(2)?);
        known.denied |= !row.try_get::<_, bool>(3)?;
    }
    Ok(tables)
}

impl Session for Transaction {
    fn rows(&mut self, table: &'static TableSpec) -> Result<Option<Vec<Row>>, Problem> {
        let Some(known) = self.catalog.get(table.name) else { return Ok(None) };
        if known.denied {
            return Err(Problem::Denied { user: self.user.clone(), table: table.name });
        }
        let columns = columns(table, known.columns.iter().map(String::as_str))?;
        let list: Vec<String> = columns.iter().map(|(_, name)| format!("{}::text", quoted(name))).collect();
        let query =
            format!("SELECT {} FROM {}.{}", list.join(", "), quoted(&known.schema), quoted(table.name));
        let names: Arc<[Box<str>]> = columns.iter().map(|(_, name)| (*name).into()).collect();
        let failed =
            |error: Error| Problem::failed(format!("cannot read table {}", table.name), message(&error));
        let found = self.client.query_typed(&query, &[]).map_err(failed)?;
        let row = |row: &postgres::Row| -> Result<Row, Error> {
            let cell = |at| Ok(row.try_get::<_, Option<Cell>>(at)?.map(|cell| cell.0));
            Ok(Row::new(names.clone(), (0..names.len()).map(cell).collect::<Result<_, Error>>()?, None))
        };
        found.iter().map(row).collect::<Result<_, _>>().map(Some).map_err(failed)
    }
}

/// The names of tables and columns are those of the schema, a schema's name is the database's.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value as text. A database whose encoding is `SQL_ASCII` may hold bytes that are no UTF-8; SQLite's are read the same way.
struct Cell(Box<str>);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(raw).into()))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TEXT
    }
}

/// The error classes of PostgreSQL (its manual, appendix A) that say what an administrator can do.
fn refused(database: &Database, endpoint: &Endpoint, error: &Error) -> Problem {
    let text = message(error);
    match error.code() {
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => Problem::NoDatabase { reason: text },
        Some(code) if *code == SqlState::INVALID_PASSWORD => Problem::login(database, &text),
        Some(code) if NOT_ADMITTED.contains(code) => Problem::not_admitted(database, text),
        Some(_) => Problem::failed("cannot log in", text),
        None if database.password.is_none() && text.contains("password missing") => {
            Problem::login(database, "it asks for a password")
        }
        None => match error.source() {
            Some(source) if source.is::<std::io::Error>() => {
                Problem::unreachable(Engine::Postgres, endpoint, &source)
            }
            _ => Problem::failed(format!("cannot connect to {endpoint}"), text),
        },
    }
}

/// No line of `pg_hba.conf` for the user, or no right to connect to the database.
const NOT_ADMITTED: [SqlState; 2] =
    [SqlState::INVALID_AUTHORIZATION_SPECIFICATION, SqlState::INSUFFICIENT_PRIVILEGE];

/// The server's own message; the driver's text says only "db error".
fn message(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(server), _) => server.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
