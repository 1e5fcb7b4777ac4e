//! Handles messages of the server.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::outbox::Purpose;
use super::{Phase, Session};
use crate::error::{ConnectionError, UnusableServer};
use crate::message::Message;
use crate::schema::DatabaseSchema;

impl Session {
    /// Handles one message.
    ///
    /// # Errors
    /// The connection must be closed.
    pub(crate) fn message(&mut self, message: Message) -> Result<(), ConnectionError> {
        match message {
            Message::Request { method, params, id } if method == "echo" => {
                self.outbox.send(&Message::Response { id, outcome: Ok(params) });
                Ok(())
            }
            Message::Request { id, .. } => {
                self.outbox.send(&Message::Response { id, outcome: Err(json!("unknown method")) });
                Ok(())
            }
            Message::Notification { method, params } => self.notified(&method, params),
            Message::Response { id, outcome } => match self.outbox.purpose_of(&id) {
                Some(purpose) => self.answered(purpose, outcome),
                None => Ok(()),
            },
        }
    }

    fn notified(&mut self, method: &str, params: Json) -> Result<(), ConnectionError> {
        match method {
            "update2" if params.get(0).and_then(Json::as_u64) == Some(self.server_monitor) => {
                self.server_updated(params.get(1).unwrap_or(&Json::Null))
            }
            "update" | "update2" | "update3" => {
                let updated = self.monitors.updated(method, params, &self.context);
                updated.map_err(|problem| self.context.invalid_message(problem))
            }
            // the monitored database was removed: reconnect, and start again when it exists
            "monitor_canceled" => Err(self.context.unusable(UnusableServer::Removed)),
            _ => Ok(()),
        }
    }

    fn answered(&mut self, purpose: Purpose, outcome: Result<Json, Json>) -> Result<(), ConnectionError> {
        match (purpose, outcome) {
            (Purpose::Nothing, _) => {}
            (Purpose::Server, Ok(updates)) => return self.server_updated(&updates),
            // before Open vSwitch 2.9: no clusters, no relays
            (Purpose::Server, Err(_)) => {
                self.outbox.request("get_schema", json!([*self.context.database]), Purpose::Database);
            }
            (Purpose::Database, Ok(_)) => self.ready(),
            (Purpose::Database, Err(_)) => return Err(self.context.unusable(UnusableServer::NoDatabase)),
            (Purpose::Schema, Ok(schema)) => {
                let schema = DatabaseSchema::from_json(&schema);
                let schema = schema.map_err(|error| self.context.invalid_message(error.to_string()))?;
                self.context.schema = Arc::new(schema);
            }
            // the monitor will be refused for the same reason
            (Purpose::Schema, Err(_)) => {}
            (Purpose::Monitor(id), outcome) => {
                self.monitors.began(id, outcome, &self.context, &mut self.outbox);
            }
            (Purpose::Call { method, reply }, outcome) => {
                let _ = reply.send(outcome.map_err(|error| self.context.refused(method, &error)));
            }
            (Purpose::Conditions { reply, .. }, Ok(_)) => drop(reply.send(Ok(()))),
            (Purpose::Conditions { monitor, table, before, reply }, Err(error)) => {
                self.monitors.conditions_refused(monitor, &table, before);
                let _ = reply.send(Err(self.context.refused("monitor_cond_change", &error)));
            }
        }
        Ok(())
    }

    fn server_updated(&mut self, updates: &Json) -> Result<(), ConnectionError> {
        if self.server.update(updates).is_none() {
            return Err(self.context.invalid_message("an update of _Server".to_owned()));
        }
        self.server.check(self.leader_only).map_err(|why| self.context.unusable(why))?;
        if self.phase == Phase::Checking {
            self.ready();
        }
        Ok(())
    }
}
