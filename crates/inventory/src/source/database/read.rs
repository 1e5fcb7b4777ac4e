//! Reads all tables in one transaction, on a thread of its own.
//!
//! The driver of PostgreSQL runs an executor, which must not be started inside the command's. The thread also gives every wait an
//! end: a server that accepts connections and never answers cannot hold a command.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use super::endpoint::{Endpoint, endpoints};
use super::{Database, DatabaseError, Engine, Problem, mysql, postgres};
use crate::attributes::schema::{TABLES, TableSpec};
use crate::tables::{Row, sort_by_key};

/// How long a server has to accept a connection and log the user in.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server has to send a table.
const TABLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The rows of each table that exists. A table that the user may not read is an error for the command that needs it.
#[derive(Debug)]
pub(crate) struct Tables {
    database: Database,
    tables: HashMap<&'static str, Result<Vec<Row>, Problem>>,
}

/// A session with a server, in one read-only transaction that sees all tables as they were when it began.
pub(super) trait Session {
    /// All rows of a table in any order; `None` if there is no such table.
    fn rows(&mut self, table: &'static TableSpec) -> Result<Option<Vec<Row>>, Problem>;
}

/// A message from the thread.
enum Progress {
    Connected,
    Table(&'static str, Result<Option<Vec<Row>>, Problem>),
    Finished(Result<(), Problem>),
}

impl Tables {
    /// The rows of a table, in the order of their keys.
    pub(crate) fn rows(&self, table: &str) -> Result<&[Row], DatabaseError> {
        match self.tables.get(table) {
            None => Ok(&[]),
            Some(Ok(rows)) => Ok(rows),
            Some(Err(problem)) => Err(problem.clone().of(&self.database)),
        }
    }

    /// The database.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

/// Reads all tables of a database as they are at one moment.
pub(crate) fn read(database: &Database) -> Result<Tables, DatabaseError> {
    let (sender, receiver) = mpsc::channel();
    let job = database.clone();
    let started = thread::Builder::new().name("database".into()).spawn(move || {
        let done = work(&job, &sender);
        // after a timeout, the receiver no longer exists
        let _ = sender.send(Progress::Finished(done));
    });
    let read = match started {
        Ok(_) => collect(&receiver),
        Err(error) => Err(Problem::failed("cannot start a thread", error.to_string())),
    };
    let tables = read.and_then(|tables| usable(database, tables)).map_err(|problem| problem.of(database))?;
    Ok(Tables { database: database.clone(), tables })
}

fn work(database: &Database, sender: &Sender<Progress>) -> Result<(), Problem> {
    let mut session = connect(database)?;
    let _ = sender.send(Progress::Connected);
    for table in TABLES {
        let rows = session.rows(table);
        if sender.send(Progress::Table(table.name, rows)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Tries each address of a name; one that does not answer is passed over.
fn connect(database: &Database) -> Result<Box<dyn Session>, Problem> {
    let mut last = None;
    for endpoint in endpoints(database)? {
        match session(database, &endpoint) {
            Err(problem @ Problem::Unreachable { .. }) => last = Some(problem),
            done => return done,
        }
    }
    Err(last.unwrap_or_else(|| Problem::failed("cannot connect", "no address")))
}

fn session(database: &Database, endpoint: &Endpoint) -> Result<Box<dyn Session>, Problem> {
    match database.engine {
        Engine::Postgres => postgres::connect(database, endpoint),
        Engine::Mysql => mysql::connect(database, endpoint),
    }
}

type Read = HashMap<&'static str, Result<Vec<Row>, Problem>>;

fn collect(receiver: &Receiver<Progress>) -> Result<Read, Problem> {
    let mut tables = HashMap::new();
    let mut timeout = CONNECT_TIMEOUT;
    loop {
        match receiver.recv_timeout(timeout) {
            Ok(Progress::Connected) => timeout = TABLE_TIMEOUT,
            Ok(Progress::Table(name, Ok(Some(rows)))) => drop(tables.insert(name, Ok(rows))),
            Ok(Progress::Table(_, Ok(None))) => {}
            Ok(Progress::Table(name, Err(problem))) => drop(tables.insert(name, Err(problem))),
            Ok(Progress::Finished(done)) => return done.map(|()| tables),
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(Problem::Silent(timeout)),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Problem::failed("cannot read the tables", "the driver stopped"));
            }
        }
    }
}

/// Sorts the rows: a server gives them in any order, and another one after each change. Without `nodelist` there is no inventory.
fn usable(database: &Database, mut tables: Read) -> Result<Read, Problem> {
    match tables.get("nodelist") {
        None => return Err(Problem::NoTables { user: database.user.clone() }),
        Some(Err(problem)) => return Err(problem.clone()),
        Some(Ok(_)) => {}
    }
    for table in TABLES {
        if let Some(Ok(rows)) = tables.get_mut(table.name) {
            sort_by_key(rows, table.key);
        }
    }
    Ok(tables)
}

/// The columns of a table that the schema knows, by their places in what the server has. Every table has its key and `disable`:
/// without them, rows would be taken for absent or for visible.
pub(super) fn columns<'a>(
    table: &'static TableSpec,
    present: impl Iterator<Item = &'a str>,
) -> Result<Vec<(usize, &'static str)>, Problem> {
    let known = |(at, name): (usize, &str)| Some((at, table.columns().find(|known| *known == name)?));
    let found: Vec<_> = present.enumerate().filter_map(known).collect();
    for column in [table.key, "disable"] {
        if !found.iter().any(|(_, name)| *name == column) {
            return Err(Problem::Column { table: table.name, column });
        }
    }
    Ok(found)
}
