//! What the server says, and what follows from it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::command::Reply;
use super::wire::Purpose;
use super::{Phase, Session};
use crate::error::{ConnectionError, Error, Unfit};
use crate::message::Message;
use crate::schema::DatabaseSchema;

impl Session {
    /// Something was said.
    ///
    /// # Errors
    /// The connection must be closed.
    pub(crate) fn message(&mut self, message: Message) -> Result<(), ConnectionError> {
        match message {
            Message::Request { method, params, id } if method == "echo" => {
                self.wire.send(&Message::Response { id, outcome: Ok(params) });
                Ok(())
            }
            Message::Request { id, .. } => {
                self.wire.send(&Message::Response { id, outcome: Err(json!("unknown method")) });
                Ok(())
            }
            Message::Notification { method, params } => self.notified(&method, params),
            Message::Response { id, outcome } => match self.wire.purpose_of(&id) {
                Some(purpose) => self.answered(purpose, outcome),
                None => Ok(()),
            },
        }
    }

    fn notified(&mut self, method: &str, params: Json) -> Result<(), ConnectionError> {
        match method {
            "update2" if params.get(0).and_then(Json::as_u64) == Some(self.server_monitor) => {
                self.server_told(params.get(1).unwrap_or(&Json::Null))
            }
            "update" | "update2" | "update3" => {
                let updated = self.monitors.updated(method, params, &self.context);
                updated.map_err(|problem| self.context.senseless(problem))
            }
            "locked" | "stolen" => {
                self.locks.notified(&params, method == "locked");
                Ok(())
            }
            // what monitors have is of a database that is gone: begin again, when there is one
            "monitor_canceled" => Err(self.context.unfit(Unfit::Removed)),
            _ => Ok(()),
        }
    }

    fn answered(&mut self, purpose: Purpose, outcome: Result<Json, Json>) -> Result<(), ConnectionError> {
        match (purpose, outcome) {
            (Purpose::Nothing, _) => {}
            (Purpose::Server, Ok(updates)) => return self.server_told(&updates),
            // older than Open vSwitch 2.9: no clusters, no relays
            (Purpose::Server, Err(_)) => {
                self.wire.request("get_schema", json!([*self.context.database]), Purpose::Database);
            }
            (Purpose::Database, Ok(_)) => self.ready(),
            (Purpose::Database, Err(_)) => return Err(self.context.unfit(Unfit::NoDatabase)),
            (Purpose::Schema, Ok(schema)) => {
                let schema = DatabaseSchema::from_json(&schema);
                let schema = schema.map_err(|error| self.context.senseless(error.to_string()))?;
                self.context.schema = Arc::new(schema);
            }
            // the monitor is refused for the same reason
            (Purpose::Schema, Err(_)) => {}
            (Purpose::Monitor(id), outcome) => {
                self.monitors.began(id, outcome, &self.context, &mut self.wire);
            }
            (Purpose::Call { method, reply }, outcome) => {
                let _ = reply.send(outcome.map_err(|error| self.context.refused(method, &error)));
            }
            (Purpose::Conditions { reply, .. }, Ok(_)) => drop(reply.send(Ok(()))),
            (Purpose::Conditions { monitor, table, before, reply }, Err(error)) => {
                self.monitors.conditions_refused(monitor, &table, before);
                let _ = reply.send(Err(self.context.refused("monitor_cond_change", &error)));
            }
            (Purpose::Lock { id, name, reply }, Ok(result)) => {
                self.locks.answered(id, &name, &result);
                answer(reply, Ok(()));
            }
            (Purpose::Lock { id, name, reply }, Err(error)) => {
                self.locks.forget(id, &name);
                answer(reply, Err(self.context.refused("lock", &error)));
            }
        }
        Ok(())
    }

    fn server_told(&mut self, updates: &Json) -> Result<(), ConnectionError> {
        if self.server.update(updates).is_none() {
            return Err(self.context.senseless("an update of _Server".to_owned()));
        }
        self.server.judge(self.leader_only).map_err(|why| self.context.unfit(why))?;
        if self.phase == Phase::Checking {
            self.ready();
        }
        Ok(())
    }
}

/// Answers a caller, if there is one, who may have given up.
fn answer<T>(reply: Option<Reply<T>>, result: Result<T, Error>) {
    if let Some(reply) = reply {
        let _ = reply.send(result);
    }
}
