//! A part of a database, kept up to date.

mod diff;
mod replica;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::client::Caller;
use crate::condition::Condition;
use crate::error::Error;
use crate::row::Row;
use crate::session::Command;
use crate::value::Uuid;

pub(crate) use replica::{Reading, Replica, UpdateError};
pub use request::MonitorRequest;
pub(crate) use request::to_json as requests_to_json;

/// What happened to a row since it was last reported.
///
/// Changes that came between two calls of [`Monitor::changed`] are one: a row that was inserted and deleted in between
/// is not reported. So a slow reader holds up nobody and costs no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new, or meets the conditions now.
    Insert {
        /// The row.
        new: Arc<Row>,
    },
    /// Some of its columns changed.
    Modify {
        /// The row as last reported.
        old: Arc<Row>,
        /// The row now.
        new: Arc<Row>,
    },
    /// It is gone, or does not meet the conditions any more.
    Delete {
        /// The row as last reported.
        old: Arc<Row>,
    },
}

/// A changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Its table.
    pub table: Arc<str>,
    /// Its UUID.
    pub uuid: Uuid,
    /// What happened to it.
    pub change: Change,
}

/// Rows of some tables, always as the server last told, over reconnects too.
///
/// The server tells of a transaction's changes before it answers the transaction (ovsdb-server(7) section 4.1.5):
/// after [`crate::Client::transact`] the rows are as the transaction left them. Changes of one transaction are seen
/// together. Dropping this ends the monitoring.
#[derive(Debug)]
pub struct Monitor {
    pub(crate) id: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) caller: Caller,
}

/// What the connection's task writes and the monitor reads.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) replica: Replica,
    /// Is the server telling us of changes at present?
    pub(crate) live: bool,
    pub(crate) failed: Option<Error>,
}

impl Shared {
    /// Changes the state, and wakes who waits for changes.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.lock());
        self.changed.notify_one();
        done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // nothing that panics is called with the lock held, and a replica is whole after every statement
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor {
    /// The rows of a table as they are now; none for a table that is not monitored.
    pub fn rows(&self, table: &str) -> BTreeMap<Uuid, Arc<Row>> {
        self.shared.lock().replica.rows(table)
    }

    /// One row as it is now.
    pub fn row(&self, table: &str, uuid: Uuid) -> Option<Arc<Row>> {
        self.shared.lock().replica.row(table, uuid)
    }

    /// Does the server tell of changes at present? False while the connection is being made again: rows are then as
    /// they were before.
    pub fn is_live(&self) -> bool {
        self.shared.lock().live
    }

    /// Waits for changes since the monitor was made, or since this last returned. A future that is dropped loses
    /// nothing.
    ///
    /// # Errors
    /// After a reconnect the new server refused the monitor (a column that it does not have), or sent what can not be
    /// understood. The monitor is over then.
    pub async fn changed(&mut self) -> Result<Vec<Update>, Error> {
        loop {
            {
                let mut state = self.shared.lock();
                let updates = state.replica.take_updates();
                if !updates.is_empty() {
                    return Ok(updates);
                }
                if let Some(error) = &state.failed {
                    return Err(error.clone());
                }
            }
            self.shared.changed.notified().await;
        }
    }

    /// Replaces the conditions of a table: rows that meet any of them are monitored; all, for none given. Rows that
    /// enter or leave by it are reported like others, and are there when this returns.
    ///
    /// # Errors
    /// The server refuses them (the old ones stay), or is older than Open vSwitch 2.6. After [`Error::Deadline`] and
    /// [`Error::Unreachable`] the new conditions hold as soon as a server hears of them.
    pub async fn set_conditions(
        &self,
        table: &str,
        conditions: impl IntoIterator<Item = Condition>,
    ) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let conditions = conditions.into_iter().collect();
        let command = Command::Conditions { monitor: self.id, table: table.to_owned(), conditions, reply };
        self.caller.ask("monitor_cond_change", command, answer).await
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.caller.tell(Command::Unmonitor { monitor: self.id });
    }
}
