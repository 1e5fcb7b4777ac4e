//! One monitor: from the answers of the server to the rows that the caller reads.

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
    /// The last transaction that the replica has; zero: all must be sent.
    pub(super) last: Uuid,
    pub(super) used: MonitorMethod,
    /// Who waits until the rows are there.
    pub(super) waiting: Vec<Reply<()>>,
    /// Were the rows there ever?
    pub(super) begun: bool,
    /// Was it asked for on this connection?
    pub(super) asked: bool,
}

impl Monitored {
    /// Takes the answer to its beginning: the rows, or what changed since the last connection.
    pub(super) fn begin(&mut self, schema: &DatabaseSchema, result: Json) -> Result<(), String> {
        let (found, last, updates) = match (self.used, result) {
            (MonitorMethod::MonitorCondSince, Json::Array(parts)) => {
                let [found, last, updates] = <[Json; 3]>::try_from(parts).map_err(|_| "not three parts")?;
                (found == json!(true), transaction_id(&last)?, updates)
            }
            (MonitorMethod::MonitorCondSince, other) => return Err(format!("no array but {other}")),
            (_, updates) => (false, Uuid::ZERO, updates),
        };
        let shared = Arc::clone(&self.shared);
        let applied = shared.write(|state| {
            if !found {
                state.replica.clear();
            }
            let applied = apply(&mut state.replica, (schema, &self.requests, self.used), updates);
            if !self.begun {
                // what was there from the beginning is no change
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

    /// Takes a notification.
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
    json.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{json} is no transaction's id"))
}
