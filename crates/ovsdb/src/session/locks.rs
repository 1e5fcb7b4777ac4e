//! Locks (RFC 7047 sections 4.1.8 to 4.1.10): asked for again at every connection.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::command::Reply;
use super::wire::{Purpose, Wire};

#[derive(Default)]
pub(crate) struct Locks {
    held: BTreeMap<String, Wanted>,
}

struct Wanted {
    /// Whose it is: a name can be given back and be asked for again before the server has answered.
    id: u64,
    held: watch::Sender<bool>,
    /// Not asked for yet, for want of a connection.
    first: Option<(&'static str, Reply<()>)>,
}

impl Locks {
    /// Remembers a lock that is wanted; does nothing, and gives the reply back, if it is already.
    pub(crate) fn want(
        &mut self,
        (id, name): (u64, &str),
        method: &'static str,
        held: watch::Sender<bool>,
        reply: Reply<()>,
    ) -> Result<(), Reply<()>> {
        if self.held.contains_key(name) {
            return Err(reply);
        }
        self.held.insert(name.to_owned(), Wanted { id, held, first: Some((method, reply)) });
        Ok(())
    }

    /// Asks for a lock, by `lock` or `steal` the first time.
    pub(crate) fn ask(&mut self, name: &str, wire: &mut Wire) {
        let Some(wanted) = self.held.get_mut(name) else { return };
        let (method, reply) =
            wanted.first.take().map_or(("lock", None), |(method, reply)| (method, Some(reply)));
        wire.request(method, json!([name]), Purpose::Lock { id: wanted.id, name: name.to_owned(), reply });
    }

    /// Asks for all, at a new connection.
    pub(crate) fn resume(&mut self, wire: &mut Wire) {
        let names: Vec<String> = self.held.keys().cloned().collect();
        for name in names {
            self.ask(&name, wire);
        }
    }

    /// The connection is gone, and with it every lock.
    pub(crate) fn lost(&mut self) {
        for wanted in self.held.values() {
            wanted.held.send_replace(false);
        }
    }

    pub(crate) fn answered(&mut self, id: u64, name: &str, result: &Json) {
        if self.is(id, name) {
            self.set(name, result.get("locked").and_then(Json::as_bool).unwrap_or(false));
        }
    }

    /// Nobody wants it any more, or the server refused it. Was it this one?
    pub(crate) fn forget(&mut self, id: u64, name: &str) -> bool {
        self.is(id, name) && self.held.remove(name).is_some()
    }

    fn is(&self, id: u64, name: &str) -> bool {
        self.held.get(name).is_some_and(|wanted| wanted.id == id)
    }

    /// The notifications `locked` and `stolen`.
    pub(crate) fn notified(&mut self, params: &Json, held: bool) {
        if let Some(name) = params.get(0).and_then(Json::as_str) {
            self.set(name, held);
        }
    }

    fn set(&mut self, name: &str, held: bool) {
        if let Some(wanted) = self.held.get(name) {
            wanted.held.send_replace(held);
        }
    }
}
