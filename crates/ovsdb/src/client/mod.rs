//! What a caller holds: cheap to clone, each call with a deadline.

mod caller;
mod submitted;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::error::{ConnectionError, Error};
use crate::lock::Lock;
use crate::monitor::{Monitor, MonitorRequest, Shared};
use crate::options::{Certificates, Options};
use crate::outcome::OperationResult;
use crate::remote::Remote;
use crate::schema::DatabaseSchema;
use crate::session::{Command, Driver, Ids, Session};
use crate::transaction::Transaction;
use crate::transport::Dialer;

pub(crate) use caller::Caller;
pub use submitted::Submitted;

/// Is there a connection?
#[derive(Debug, Clone)]
pub enum Status {
    /// Not at present; one is being made.
    Connecting {
        /// How the last one ended, if there was one.
        last: Option<Arc<ConnectionError>>,
    },
    /// To a server that will do.
    Ready {
        /// The server.
        remote: Remote,
    },
}

/// A client of one database.
///
/// A task of the runtime in which it was made owns the connection, and ends when the last clone, [`Monitor`] and
/// [`Lock`] are dropped. A call without a connection waits for one, as long as its deadline allows.
#[derive(Debug, Clone)]
pub struct Client {
    caller: Caller,
}

impl Client {
    /// Connects: when this returns, a server that will do was found.
    ///
    /// # Errors
    /// The options can not be used, or no server was found within the deadline ([`Error::Unreachable`]; then nothing
    /// goes on trying).
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

    /// The same without waiting for a server: for programs that start before their server does. Must be called in a
    /// tokio runtime.
    ///
    /// # Errors
    /// The options can not be used.
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

    /// The database that this is a client of.
    pub fn database(&self) -> &str {
        &self.caller.options.database
    }

    /// Whether there is a connection, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.caller.status.clone()
    }

    /// A client of the same connection with another deadline for its calls.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let options = Options { deadline, ..(*self.caller.options).clone() };
        Self { caller: Caller { options: Arc::new(options), ..self.caller.clone() } }
    }

    /// Executes a transaction: all of it or nothing. The results are in the order of the operations.
    ///
    /// A future that is dropped cancels the transaction, if it is not too late.
    ///
    /// # Errors
    /// [`Error::Operation`] says that nothing was applied; [`Error::Disconnected`] and [`Error::Deadline`] leave open
    /// whether everything or nothing was.
    pub async fn transact(&self, transaction: Transaction) -> Result<Vec<OperationResult>, Error> {
        self.submit(transaction).results().await
    }

    /// Sends a transaction, and answers with what it takes to cancel it: for those that `wait`.
    #[allow(clippy::needless_pass_by_value)]
    pub fn submit(&self, transaction: Transaction) -> Submitted {
        let params = transaction.params(self.database());
        let pending = self.caller.call("transact", params);
        Submitted { pending, operations: transaction.operations().to_vec() }
    }

    /// Monitors tables, each named once. When this returns, their rows are there.
    ///
    /// # Errors
    /// The server refuses (a table or column that is not there), or the deadline.
    pub async fn monitor(&self, requests: Vec<MonitorRequest>) -> Result<Monitor, Error> {
        let (id, shared) = (self.caller.ids.next(), Arc::new(Shared::default()));
        // made first, so that a future that is dropped ends the monitoring too
        let monitor = Monitor { id, shared: Arc::clone(&shared), caller: self.caller.clone() };
        let (reply, answer) = oneshot::channel();
        self.caller.ask("monitor", Command::Monitor { id, requests, shared, reply }, answer).await?;
        Ok(monitor)
    }

    /// Asks for a lock (RFC 7047 section 4.1.8). It may be held by somebody else still: [`Lock::acquired`].
    ///
    /// # Errors
    /// This client has it or asked for it already; or the deadline.
    pub async fn lock(&self, name: &str) -> Result<Lock, Error> {
        self.take_lock(name, "lock").await
    }

    /// Takes a lock away from whoever holds it.
    ///
    /// # Errors
    /// As with [`Client::lock`].
    pub async fn steal(&self, name: &str) -> Result<Lock, Error> {
        self.take_lock(name, "steal").await
    }

    async fn take_lock(&self, name: &str, method: &'static str) -> Result<Lock, Error> {
        let (sender, held) = watch::channel(false);
        let (id, (reply, answer)) = (self.caller.ids.next(), oneshot::channel());
        // made first, so that a future that is dropped gives the lock back too
        let lock = Lock::new(id, name, held, self.caller.clone());
        let command = Command::Lock { id, name: name.to_owned(), method, held: sender, reply };
        self.caller.ask(method, command, answer).await?;
        Ok(lock)
    }

    /// The databases of the server.
    ///
    /// # Errors
    /// The server's, or the deadline.
    pub async fn list_dbs(&self) -> Result<Vec<String>, Error> {
        let result = self.caller.call("list_dbs", json!([])).result().await?;
        serde_json::from_value(result).map_err(|error| self.caller.unexpected("list_dbs", error.to_string()))
    }

    /// The schema of the database.
    ///
    /// # Errors
    /// The server's, or the deadline.
    pub async fn get_schema(&self) -> Result<DatabaseSchema, Error> {
        let result = self.caller.call("get_schema", json!([self.database()])).result().await?;
        DatabaseSchema::from_json(&result)
            .map_err(|error| self.caller.unexpected("get_schema", error.to_string()))
    }

    /// Asks the server for a sign of life, over the connection that calls use.
    ///
    /// # Errors
    /// The deadline, or the connection ended.
    pub async fn echo(&self) -> Result<(), Error> {
        self.caller.call("echo", json!([])).result().await.map(drop)
    }
}
