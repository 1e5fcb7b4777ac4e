//! What callers want of the connection's task.

use std::sync::Arc;

use serde_json::Value as Json;
use tokio::sync::{oneshot, watch};

use crate::condition::Condition;
use crate::error::Error;
use crate::monitor::{MonitorRequest, Shared};

/// Where the answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What callers want.
pub(crate) enum Command {
    /// An ordinary request, already written.
    Call(Call),
    /// The caller has given up.
    Abandon { id: u64 },
    /// `cancel` of RFC 7047 section 4.1.4.
    Cancel { id: u64 },
    /// A new monitor.
    Monitor { id: u64, requests: Vec<MonitorRequest>, shared: Arc<Shared>, reply: Reply<()> },
    /// New conditions for a monitor's table.
    Conditions { monitor: u64, table: String, conditions: Vec<Condition>, reply: Reply<()> },
    /// The end of a monitor.
    Unmonitor { monitor: u64 },
    /// A lock, by `lock` or `steal`.
    Lock { id: u64, name: String, method: &'static str, held: watch::Sender<bool>, reply: Reply<()> },
    /// The end of a lock.
    Unlock { id: u64, name: String, reply: Option<Reply<Json>> },
}

pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) method: &'static str,
    pub(crate) text: String,
    pub(crate) reply: Reply<Json>,
}
