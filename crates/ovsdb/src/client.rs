//! What a caller holds: cheap to clone, each call with a deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::error::{ConnectionError, Error};
use crate::lock::Lock;
use crate::message::Message;
use crate::monitor::{Monitor, MonitorRequest, Shared};
use crate::options::Options;
use crate::outcome::{Failure, OperationResult, outcomes};
use crate::remote::Remote;
use crate::schema::DatabaseSchema;
use crate::session::{Call, Command, Driver, Ids, Session};
use crate::tls;
use crate::transaction::{Operation, Transaction};
use crate::transport::Dialer;

/// Is there a connection?
#[derive(Debug, Clone)]
pub enum Status {
    /// Not at present; one is being made.
    Connecting {
        /// How the last one ended, if there was one.
        last: Option<ConnectionError>,
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

/// What every handle needs to talk to the connection's task.
#[derive(Clone)]
pub(crate) struct Caller {
    commands: UnboundedSender<Command>,
    ids: Ids,
    status: watch::Receiver<Status>,
    options: Arc<Options>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.options, *self.status.borrow())
    }
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
        let tls = options.tls.as_ref().map(tls::config).transpose();
        let tls = tls.map_err(|source| Error::Tls { database, source })?.map(Arc::new);
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
        let (reply, answer) = oneshot::channel();
        let command = Command::Lock { name: name.to_owned(), method, held: sender, reply };
        self.caller.ask(method, command, answer).await?;
        Ok(Lock::new(name, held, self.caller.clone()))
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

/// A transaction on its way. Dropping it cancels it, if it is not too late.
#[derive(Debug)]
pub struct Submitted {
    pending: Pending,
    operations: Vec<Operation>,
}

impl Submitted {
    /// Asks the server to forget it (RFC 7047 section 4.1.4); [`Submitted::results`] then fails with
    /// [`Error::Refused`], `canceled`, unless it was done already.
    pub fn cancel(&self) {
        self.pending.caller.tell(Command::Cancel { id: self.pending.id });
    }

    /// Waits for the results, within the client's deadline from here on.
    ///
    /// # Errors
    /// As with [`Client::transact`].
    pub async fn results(self) -> Result<Vec<OperationResult>, Error> {
        let caller = self.pending.caller.clone();
        let result = self.pending.result().await?;
        outcomes(&self.operations, result).map_err(|failure| match failure {
            Failure::Operation { index, operation, table, error, details } => {
                let database = Arc::clone(&caller.options.database);
                Error::Operation { database, index, operation, table, error, details }
            }
            Failure::Unexpected(problem) => caller.unexpected("transact", problem),
        })
    }
}

/// A call on its way; who drops it has given up.
#[derive(Debug)]
struct Pending {
    id: u64,
    method: &'static str,
    answer: Option<oneshot::Receiver<Result<Json, Error>>>,
    caller: Caller,
}

impl Pending {
    async fn result(mut self) -> Result<Json, Error> {
        let Some(answer) = self.answer.as_mut() else { return Err(self.caller.closed()) };
        let result = self.caller.wait(self.method, answer).await;
        if !matches!(result, Err(Error::Deadline { .. } | Error::Unreachable { .. })) {
            self.answer = None;
        }
        result
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.caller.tell(Command::Abandon { id: self.id });
        }
    }
}

impl Caller {
    /// Says something that has no answer; to nobody, if the runtime was shut down.
    pub(crate) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    pub(crate) async fn ask<T>(
        &self,
        method: &'static str,
        command: Command,
        mut answer: oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        self.tell(command);
        self.wait(method, &mut answer).await
    }

    fn call(&self, method: &'static str, params: Json) -> Pending {
        let id = self.ids.next();
        let request = Message::Request { method: method.to_owned(), params, id: json!(id) };
        let (reply, answer) = oneshot::channel();
        // written here, not in the connection's task, which all callers share
        self.tell(Command::Call(Call { id, method, text: request.to_json().to_string(), reply }));
        Pending { id, method, answer: Some(answer), caller: self.clone() }
    }

    async fn wait<T>(
        &self,
        method: &'static str,
        answer: &mut oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout(self.options.deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.closed()),
            Err(_) => Err(self.too_late(method, self.options.deadline)),
        }
    }

    /// What is sent while there is a connection is answered or fails with it; so without one nothing was sent.
    fn too_late(&self, method: &'static str, deadline: Duration) -> Error {
        let database = Arc::clone(&self.options.database);
        match &*self.status.borrow() {
            Status::Ready { remote } => {
                Error::Deadline { method, database, remote: remote.clone(), deadline }
            }
            Status::Connecting { last } => {
                let remotes = self.options.all_remotes();
                Error::Unreachable { method, database, remotes, deadline, source: last.clone() }
            }
        }
    }

    pub(crate) fn closed(&self) -> Error {
        Error::Closed { database: Arc::clone(&self.options.database) }
    }

    fn unexpected(&self, method: &'static str, problem: String) -> Error {
        let remote = match &*self.status.borrow() {
            Status::Ready { remote } => Some(remote.clone()),
            Status::Connecting { .. } => self.options.remotes.first().cloned(),
        };
        let database = Arc::clone(&self.options.database);
        match remote {
            Some(remote) => Error::Unexpected { method, database, remote, problem },
            None => Error::NoRemote { database },
        }
    }
}
