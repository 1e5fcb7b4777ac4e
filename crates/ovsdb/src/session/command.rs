//! Commands to the connection's task.

use std::sync::Arc;

use serde_json::Value as Json;
use tokio::sync::oneshot;

use crate::condition::Condition;
use crate::error::Error;
use crate::monitor::{MonitorRequest, Shared};

/// Takes the answer.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// A command.
pub(crate) enum Command {
    /// A request, already serialized.
    Call(Call),
    /// Abandon a call.
    Abandon { id: u64 },
    /// Start a monitor.
    Monitor { id: u64, requests: Vec<MonitorRequest>, shared: Arc<Shared>, reply: Reply<()> },
    /// Replace the conditions of a monitor's table.
    Conditions { monitor: u64, table: String, conditions: Vec<Condition>, reply: Reply<()> },
    /// End a monitor.
    Unmonitor { monitor: u64 },
}

pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) method: &'static str,
    pub(crate) text: String,
    pub(crate) reply: Reply<Json>,
}
