//! The client: cheap to clone, with a time limit for each call.

mod caller;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::error::{ConnectionError, Error};
use crate::monitor::{Monitor, MonitorRequest, Shared};
use crate::options::{Certificates, Options};
use crate::outcome::{Failure, OperationResult, outcomes};
use crate::remote::Remote;
use crate::schema::DatabaseSchema;
use crate::session::{Command, Driver, Ids, Session};
use crate::transaction::Transaction;
use crate::transport::Dialer;

pub(crate) use caller::Caller;

/// Status of the connection.
#[derive(Debug, Clone)]
pub enum Status {
    /// Not connected; connecting.
    Connecting {
        /// Why the last connection ended, if there was one.
        last: Option<Arc<ConnectionError>>,
    },
    /// Connected to a usable server.
    Ready {
        /// The server.
        remote: Remote,
    },
}

/// A client of one database.
///
/// A task of the calling runtime owns the connection, and ends when the last clone and [`Monitor`] are dropped. A
/// call without a connection waits for one until its time limit.
#[derive(Debug, Clone)]
pub struct Client {
    caller: Caller,
}

impl Client {
    /// Connects, and waits until a usable server was found.
    ///
    /// # Errors
    /// The options are invalid, or no server was found within the time limit ([`Error::Unreachable`]; then the client
    /// stops trying).
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let client = Self::start(options)?;
        let mut status = client.status();
        let ready = status.wait_for(|status| matches!(status, Status::Ready { .. }));
        match timeout(client.caller.options.deadline, ready).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(client.caller.closed()),
            Err(_) => return Err(client.caller.too_late("connect", client.caller.options.deadline)),
        }
        Ok(client)
    }

    /// Like [`Client::connect`], without waiting for a server: for programs that start before their server. Must be
    /// called in a tokio runtime.
    ///
    /// # Errors
    /// The options are invalid.
    pub fn start(options: Options) -> Result<Self, Error> {
        let database = Arc::clone(&options.database);
        let Some(first) = options.remotes.first().cloned() else { return Err(Error::NoRemote { database }) };
        let tls = options.tls.as_ref().map(Certificates::prepare).transpose();
        let tls = tls.map_err(|source| Error::Tls { database, source })?;
        let dialer = Dialer { tls, resolver: options.resolver.clone() };
        let (commands, inbox) = unbounded_channel();
        let (status, watched) = watch::channel(Status::Connecting { last: None });
        let ids = Ids::default();
        let session = Session::new(&options, first, ids.clone(), status);
        tokio::spawn(Driver::new(session, inbox, dialer, options.clone()).run());
        Ok(Self { caller: Caller { commands, ids, status: watched, options: Arc::new(options) } })
    }

    /// Name of the database.
    pub fn database(&self) -> &str {
        &self.caller.options.database
    }

    /// The connection's status, and its changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.caller.status.clone()
    }

    /// The same connection with another time limit for its calls.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let options = Options { deadline, ..(*self.caller.options).clone() };
        Self { caller: Caller { options: Arc::new(options), ..self.caller.clone() } }
    }

    /// Executes a transaction completely or not at all. The results have the order of the operations.
    ///
    /// Dropping the future cancels the transaction if it was not executed yet.
    ///
    /// # Errors
    /// [`Error::Operation`] means that nothing was changed. After [`Error::Disconnected`] and [`Error::Deadline`] the
    /// transaction may have been executed.
    #[allow(clippy::needless_pass_by_value)]
    pub async fn transact(&self, transaction: Transaction) -> Result<Vec<OperationResult>, Error> {
        let params = transaction.params(self.database());
        let result = self.caller.call("transact", params).result().await?;
        outcomes(transaction.operations(), result).map_err(|failure| match failure {
            Failure::Operation { index, operation, table, error, details } => {
                let database = Arc::clone(&self.caller.options.database);
                Error::Operation { database, index, operation, table, error, details }
            }
            Failure::Unexpected(problem) => self.caller.unexpected("transact", problem),
        })
    }

    /// Monitors tables, each named once. Waits until their rows are present.
    ///
    /// # Errors
    /// The server refused (a table or column does not exist), or the time limit.
    pub async fn monitor(&self, requests: Vec<MonitorRequest>) -> Result<Monitor, Error> {
        let (id, shared) = (self.caller.ids.next(), Arc::new(Shared::default()));
        // created first, so that dropping this future ends the monitor too
        let monitor = Monitor { id, shared: Arc::clone(&shared), caller: self.caller.clone() };
        let (reply, answer) = oneshot::channel();
        self.caller.ask("monitor", Command::Monitor { id, requests, shared, reply }, answer).await?;
        Ok(monitor)
    }

    /// Lists the databases of the server.
    ///
    /// # Errors
    /// The server refused, or the time limit.
    pub async fn list_dbs(&self) -> Result<Vec<String>, Error> {
        let result = self.caller.call("list_dbs", json!([])).result().await?;
        serde_json::from_value(result).map_err(|error| self.caller.unexpected("list_dbs", error.to_string()))
    }

    /// Reads the schema of the database.
    ///
    /// # Errors
    /// The server refused, or the time limit.
    pub async fn get_schema(&self) -> Result<DatabaseSchema, Error> {
        let result = self.caller.call("get_schema", json!([self.database()])).result().await?;
        DatabaseSchema::from_json(&result)
            .map_err(|error| self.caller.unexpected("get_schema", error.to_string()))
    }

    /// Sends an echo request over the connection of the calls.
    ///
    /// # Errors
    /// The time limit, or the connection ended.
    pub async fn echo(&self) -> Result<(), Error> {
        self.caller.call("echo", json!([])).result().await.map(drop)
    }
}
