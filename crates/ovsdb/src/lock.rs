//! A lock of the server's, as long as the connection lives.

use tokio::sync::{oneshot, watch};

use crate::client::Caller;
use crate::error::Error;
use crate::session::Command;

/// A lock that was asked for (RFC 7047 section 4.1.8).
///
/// It is lost with the connection and by [`crate::Client::steal`] elsewhere; after a reconnect it is asked for again.
/// So it protects a transaction only together with [`crate::Transaction::assert`]. Dropping this gives it back.
#[derive(Debug)]
pub struct Lock {
    id: u64,
    name: String,
    held: watch::Receiver<bool>,
    caller: Caller,
    given_back: bool,
}

impl Lock {
    pub(crate) fn new(id: u64, name: &str, held: watch::Receiver<bool>, caller: Caller) -> Self {
        Self { id, name: name.to_owned(), held, caller, given_back: false }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Was it ours when we last heard of it?
    pub fn is_held(&self) -> bool {
        *self.held.borrow()
    }

    /// Waits until it is ours, however long that takes.
    ///
    /// # Errors
    /// It will never be: after a reconnect the server refused it, or the runtime was shut down.
    pub async fn acquired(&mut self) -> Result<(), Error> {
        self.until(true).await
    }

    /// Waits until it is not ours.
    ///
    /// # Errors
    /// As with [`Lock::acquired`].
    pub async fn lost(&mut self) -> Result<(), Error> {
        self.until(false).await
    }

    async fn until(&mut self, held: bool) -> Result<(), Error> {
        let reached = self.held.wait_for(|now| *now == held).await.map(drop);
        reached.map_err(|_| self.caller.closed())
    }

    /// Gives it back, and returns when the server has it.
    ///
    /// # Errors
    /// The deadline; it is given back all the same as soon as the server hears of it.
    pub async fn unlock(mut self) -> Result<(), Error> {
        self.given_back = true;
        let (reply, answer) = oneshot::channel();
        let command = Command::Unlock { id: self.id, name: self.name.clone(), reply: Some(reply) };
        self.caller.ask("unlock", command, answer).await.map(drop)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.given_back {
            self.caller.tell(Command::Unlock { id: self.id, name: self.name.clone(), reply: None });
        }
    }
}
