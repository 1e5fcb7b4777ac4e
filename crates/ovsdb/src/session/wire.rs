//! What is to be written, and whose the answers are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};

use super::command::Reply;
use crate::condition::Condition;
use crate::message::Message;

/// Why a request was made: what its answer is for.
pub(crate) enum Purpose {
    /// For nobody: an echo.
    Nothing,
    /// What `_Server` says of the database.
    Server,
    /// Whether a server that has no `_Server` has the database.
    Database,
    /// The schema, for the monitors that are asked for with it.
    Schema,
    /// A caller waits for the result.
    Call { method: &'static str, reply: Reply<Json> },
    /// The rows that a monitor begins with.
    Monitor(u64),
    /// New conditions of a monitor's table; what they were, should the server refuse.
    Conditions { monitor: u64, table: String, before: Vec<Condition>, reply: Reply<()> },
    /// Whether a lock is held; a caller waits only the first time.
    Lock { id: u64, name: String, reply: Option<Reply<()>> },
}

/// Numbers for requests and monitors; never the same twice in a client's life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids(Arc<AtomicU64>);

impl Ids {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) out: Vec<u8>,
    pub(crate) in_flight: HashMap<u64, Purpose>,
    pub(crate) ids: Ids,
}

impl Wire {
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

    /// Whose answer this is; nobody's if the caller has given up.
    pub(crate) fn purpose_of(&mut self, id: &Json) -> Option<Purpose> {
        self.in_flight.remove(&id.as_u64()?)
    }
}
