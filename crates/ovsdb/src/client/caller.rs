//! Sends calls to the connection's task, and waits for their answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::Status;
use crate::error::Error;
use crate::message::Message;
use crate::options::Options;
use crate::session::{Call, Command, Ids};

/// Sends calls to the connection's task, and waits for their answers.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) ids: Ids,
    pub(super) status: watch::Receiver<Status>,
    pub(super) options: Arc<Options>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.options, *self.status.borrow())
    }
}

/// A pending call. Dropping it abandons the call.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: u64,
    method: &'static str,
    answer: Option<oneshot::Receiver<Result<Json, Error>>>,
    pub(super) caller: Caller,
}

impl Pending {
    pub(super) async fn result(mut self) -> Result<Json, Error> {
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
            self.caller.send(Command::Abandon { id: self.id });
        }
    }
}

impl Caller {
    /// Sends a command that has no answer. Ignored if the runtime was shut down.
    pub(crate) fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    pub(crate) async fn ask<T>(
        &self,
        method: &'static str,
        command: Command,
        mut answer: oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        self.send(command);
        self.wait(method, &mut answer).await
    }

    pub(super) fn call(&self, method: &'static str, params: Json) -> Pending {
        let id = self.ids.next();
        let request = Message::Request { method: method.to_owned(), params, id: json!(id) };
        let (reply, answer) = oneshot::channel();
        // serialized here and not in the connection's task, which all callers share
        self.send(Command::Call(Call { id, method, text: request.to_json().to_string(), reply }));
        Pending { id, method, answer: Some(answer), caller: self.clone() }
    }

    pub(super) async fn wait<T>(
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

    /// With a connection the call was sent and not answered; without one nothing was sent.
    pub(super) fn too_late(&self, method: &'static str, deadline: Duration) -> Error {
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

    pub(super) fn unexpected(&self, method: &'static str, problem: String) -> Error {
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
