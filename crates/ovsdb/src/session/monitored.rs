//! One monitor: applies the server's answers to its rows.

use std::mem::take;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::command::Reply;
use crate::monitor::{MonitorRequest, Reading, Replica, Shared, UpdateError};
use crate::options::MonitorMethod;
use crate::schema::DatabaseSchema;
use crate::value::Uuid;

pub(super) struct Monitored {
    pub(super) requests: Vec<MonitorRequest>,
    pub(super) shared: Arc<Shared>,
    /// The last transaction in the replica; zero: request all rows.
    pub(super) last: Uuid,
    pub(super) used: MonitorMethod,
    /// Answers that wait for the first rows.
    pub(super) waiting: Vec<Reply<()>>,
    /// Whether the first rows were received.
    pub(super) begun: bool,
    /// Whether it was requested on this connection.
    pub(super) asked: bool,
}

impl Monitored {
    /// Handles the answer to the request: all rows, or the changes since the last connection.
    pub(super) fn begin(&mut self, schema: &DatabaseSchema, result: Json) -> Result<(), String> {
        let (found, last, updates) = match (self.used, result) {
            (MonitorMethod::MonitorCondSince, Json::Array(parts)) => {
                let [found, last, updates] =
                    <[Json; 3]>::try_from(parts).map_err(|_| "it does not have three parts")?;
                (found == json!(true), transaction_id(&last)?, updates)
            }
            (MonitorMethod::MonitorCondSince, other) => return Err(format!("{other} is not an array")),
            (_, updates) => (false, Uuid::ZERO, updates),
        };
        let shared = Arc::clone(&self.shared);
        let applied = shared.write(|state| {
            if !found {
                state.replica.clear();
            }
            let applied = apply(&mut state.replica, (schema, &self.requests, self.used), updates);
            if !self.begun {
                // the first rows are no changes
                state.replica.take_updates();
            }
            state.live = true;
            applied
        });
        applied.map_err(|error| error.to_string())?;
        (self.last, self.begun) = (last, true);
        for reply in take(&mut self.waiting) {
            let _ = reply.send(Ok(()));
        }
        Ok(())
    }

    /// Handles a notification.
    pub(super) fn update(&mut self, schema: &DatabaseSchema, updates: Json) -> Result<(), UpdateError> {
        let how = (schema, &*self.requests, self.used);
        self.shared.write(|state| apply(&mut state.replica, how, updates))
    }
}

fn apply(
    replica: &mut Replica,
    (schema, requests, used): (&DatabaseSchema, &[MonitorRequest], MonitorMethod),
    updates: Json,
) -> Result<(), UpdateError> {
    match used {
        MonitorMethod::Monitor => replica.apply(updates),
        _ => replica.apply_differences(Reading { schema, requests }, updates),
    }
}

pub(super) fn transaction_id(json: &Json) -> Result<Uuid, String> {
    json.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{json} is not a transaction ID"))
}
