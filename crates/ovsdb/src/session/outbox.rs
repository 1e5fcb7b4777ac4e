//! Unsent bytes, and the requests that wait for an answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};

use super::command::Reply;
use crate::condition::Condition;
use crate::message::Message;

/// What to do with the answer to a request.
pub(crate) enum Purpose {
    /// Nothing (an echo).
    Nothing,
    /// Check the server with the content of `_Server`.
    Server,
    /// A server without `_Server` reports whether it has the database.
    Database,
    /// Store the schema.
    Schema,
    /// Send it to the caller.
    Call { method: &'static str, reply: Reply<Json> },
    /// Initialize a monitor.
    Monitor(u64),
    /// Restore `before` if the server refused the new conditions.
    Conditions { monitor: u64, table: String, before: Vec<Condition>, reply: Reply<()> },
}

/// IDs of requests and monitors, unique in the lifetime of a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids(Arc<AtomicU64>);

impl Ids {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) out: Vec<u8>,
    pub(crate) in_flight: HashMap<u64, Purpose>,
    pub(crate) ids: Ids,
}

impl Outbox {
    pub(crate) fn request(&mut self, method: &str, params: Json, purpose: Purpose) {
        let id = self.ids.next();
        self.in_flight.insert(id, purpose);
        self.send(&Message::Request { method: method.to_owned(), params, id: json!(id) });
    }

    pub(crate) fn notify(&mut self, method: &str, params: Json) {
        self.send(&Message::Notification { method: method.to_owned(), params });
    }

    pub(crate) fn send(&mut self, message: &Message) {
        self.out.extend_from_slice(message.to_json().to_string().as_bytes());
    }

    /// Removes the request of this ID; `None` if it was abandoned.
    pub(crate) fn purpose_of(&mut self, id: &Json) -> Option<Purpose> {
        self.in_flight.remove(&id.as_u64()?)
    }
}
