//! MySQL and MariaDB. The one module that names their driver.

use std::sync::Arc;

use mysql::prelude::Queryable as _;
use mysql::{Conn, DriverError, Error, OptsBuilder, Value};

use super::encoding::repaired;
use super::endpoint::Endpoint;
use super::read::{CONNECT_TIMEOUT, Session, columns};
use super::{Database, Engine, Problem};
use crate::attributes::schema::TableSpec;
use crate::tables::Row;

/// An open transaction.
struct Transaction {
    connection: Conn,
    user: String,
}

/// Connects and begins the transaction.
pub(super) fn connect(database: &Database, endpoint: &Endpoint) -> Result<Box<dyn Session>, Problem> {
    let mut connection =
        Conn::new(options(database, endpoint)).map_err(|error| refused(database, endpoint, &error))?;
    for statement in [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ] {
        let failed = |error: Error| Problem::failed("cannot begin a transaction", message(&error));
        connection.query_drop(statement).map_err(failed)?;
    }
    Ok(Box::new(Transaction { connection, user: database.user.clone() }))
}

fn options(database: &Database, endpoint: &Endpoint) -> OptsBuilder {
    let password = database.password.as_ref().map(|password| password.text.as_str());
    let options = OptsBuilder::new()
        .user(Some(&database.user))
        .pass(password)
        .db_name(Some(&database.name))
        .tcp_connect_timeout(Some(CONNECT_TIMEOUT))
        .stmt_cache_size(0)
        // the driver would leave the chosen port for a socket that the server names
        .prefer_socket(false);
    match endpoint {
        Endpoint::Socket(path) => options.socket(path.to_str()),
        Endpoint::Tcp(address) => {
            options.ip_or_hostname(Some(address.ip().to_string())).tcp_port(address.port())
        }
    }
}

impl Session for Transaction {
    fn rows(&mut self, table: &'static TableSpec) -> Result<Option<Vec<Row>>, Problem> {
        let failed =
            |error: Error| Problem::failed(format!("cannot read table {}", table.name), message(&error));
        let mut result = match self.connection.query_iter(format!("SELECT * FROM `{}`", table.name)) {
            Ok(result) => result,
            Err(error) => {
                return match code(&error) {
                    Some(NO_TABLE) => Ok(None),
                    Some(TABLE_DENIED | COLUMN_DENIED) => {
                        Err(Problem::Denied { user: self.user.clone(), table: table.name })
                    }
                    _ => Err(failed(error)),
                };
            }
        };
        let present: Vec<String> =
            result.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
        let columns = columns(table, present.iter().map(String::as_str))?;
        let names: Arc<[Box<str>]> = columns.iter().map(|(_, name)| (*name).into()).collect();
        let mut rows = Vec::new();
        for row in result.by_ref() {
            let row = row.map_err(failed)?;
            let cells =
                columns.iter().map(|(at, _)| row.as_ref(*at).and_then(text).map(Into::into)).collect();
            rows.push(Row::new(names.clone(), cells, None));
        }
        Ok(Some(rows))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(repaired(String::from_utf8_lossy(bytes).into_owned())),
        // the text protocol has no other; a number's text is its SQL
        other => Some(other.as_sql(true)),
    }
}

/// `ER_NO_SUCH_TABLE`. These numbers are the same in MySQL and MariaDB (MySQL Server Error Message Reference).
const NO_TABLE: u16 = 1146;
/// `ER_TABLEACCESS_DENIED_ERROR`.
const TABLE_DENIED: u16 = 1142;
/// `ER_COLUMNACCESS_DENIED_ERROR`.
const COLUMN_DENIED: u16 = 1143;
/// `ER_BAD_DB_ERROR`.
const NO_DATABASE: u16 = 1049;
/// `ER_ACCESS_DENIED_ERROR`.
const LOGIN: u16 = 1045;
/// `ER_DBACCESS_DENIED_ERROR`, `ER_HOST_NOT_PRIVILEGED`, `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`.
const NOT_ADMITTED: [u16; 3] = [1044, 1130, 1698];

fn refused(database: &Database, endpoint: &Endpoint, error: &Error) -> Problem {
    match (code(error), error) {
        (Some(NO_DATABASE), _) => Problem::NoDatabase { reason: message(error) },
        (Some(LOGIN), _) => Problem::login(database, &message(error)),
        (Some(code), _) if NOT_ADMITTED.contains(&code) => Problem::not_admitted(database, message(error)),
        (None, Error::IoError(source)) => Problem::unreachable(Engine::Mysql, endpoint, source),
        (None, Error::DriverError(DriverError::CouldNotConnect(Some((_, _, kind))))) => {
            Problem::unreachable(Engine::Mysql, endpoint, kind)
        }
        (None, Error::DriverError(DriverError::ConnectTimeout)) => {
            Problem::unreachable(Engine::Mysql, endpoint, &"connection timed out")
        }
        _ => Problem::failed(format!("cannot connect to {endpoint}"), message(error)),
    }
}

fn code(error: &Error) -> Option<u16> {
    match error {
        Error::MySqlError(server) => Some(server.code),
        _ => None,
    }
}

/// The server's own message.
fn message(error: &Error) -> String {
    match error {
        Error::MySqlError(server) => server.message.clone(),
        other => other.to_string(),
    }
}
