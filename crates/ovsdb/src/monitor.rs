//! Monitors: copies of a part of a database that are kept up to date.

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

/// Change of a row since the last report.
///
/// Changes between two calls of [`Monitor::changed`] are combined: a row that was inserted and deleted in between is
/// not reported. So a slow reader blocks nobody and uses no extra memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The row is new, or meets the conditions now.
    Insert {
        /// The row.
        new: Arc<Row>,
    },
    /// Some columns changed.
    Modify {
        /// The row of the last report.
        old: Arc<Row>,
        /// The current row.
        new: Arc<Row>,
    },
    /// The row was deleted, or no longer meets the conditions.
    Delete {
        /// The row of the last report.
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
    /// Its change.
    pub change: Change,
}

/// Rows of some tables, as last received from the server, also over reconnects.
///
/// The server sends the changes of a transaction before the answer to the transaction (ovsdb-server(7) section
/// 4.1.5), so after [`crate::Client::transact`] the monitor contains them. Changes of one transaction appear
/// together. Dropping this ends the monitor.
#[derive(Debug)]
pub struct Monitor {
    pub(crate) id: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) caller: Caller,
}

/// State that the connection's task writes and the monitor reads.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) replica: Replica,
    /// Whether the server currently sends changes.
    pub(crate) live: bool,
    pub(crate) failed: Option<Error>,
}

impl Shared {
    /// Changes the state, and wakes the reader.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.lock());
        self.changed.notify_one();
        done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // nothing that panics runs with the lock held, and the replica is consistent after each statement
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor {
    /// The current rows of a table; empty for a table that is not monitored.
    pub fn rows(&self, table: &str) -> BTreeMap<Uuid, Arc<Row>> {
        self.shared.lock().replica.rows(table)
    }

    /// One current row.
    pub fn row(&self, table: &str, uuid: Uuid) -> Option<Arc<Row>> {
        self.shared.lock().replica.row(table, uuid)
    }

    /// Whether the server currently sends changes. While the client reconnects this is false, and the rows are the
    /// last received ones.
    pub fn is_live(&self) -> bool {
        self.shared.lock().live
    }

    /// Waits for changes since the monitor was created, or since the last return. Dropping the future loses nothing.
    ///
    /// # Errors
    /// After a reconnect the new server refused the monitor (for example a missing column), or sent an invalid
    /// message. The monitor has ended.
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

    /// Replaces the conditions of a table: rows that meet any of them are monitored; without conditions, all rows.
    /// Rows that start or cease to meet them are reported like other changes, before this returns.
    ///
    /// # Errors
    /// The server refused them (the old ones stay), or is older than Open vSwitch 2.6. After [`Error::Deadline`] and
    /// [`Error::Unreachable`] the new conditions apply when a server has received them.
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
        self.caller.send(Command::Unmonitor { monitor: self.id });
    }
}
