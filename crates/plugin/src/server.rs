//! HTTP/1.1 server on a unix socket. It does not interpret the requests.
//!
//! dockerd waits for an answer without time limit (moby `pkg/plugins/client.go`: no timeout for network and
//! IPAM drivers) and locks the network meanwhile, so each request is answered within a deadline, even if its
//! handler hangs.

mod connection;
mod request;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::listener::{ListenError, Listener};
use crate::reply::Answer;

/// Limits for clients.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum size of a request body in bytes; a larger one is answered with 413.
    pub body: usize,
    /// Maximum number of connections; one more waits until an idle one was closed.
    pub connections: u32,
    /// Maximum time from a request's head to the end of its body; after it the answer is 408.
    pub receive: Duration,
    /// Maximum time from a connection's last answer to the end of the next request's head. Long: if a connection is
    /// closed just when dockerd uses it, dockerd retries with an empty body.
    pub idle: Duration,
    /// Maximum time from a complete request to its answer; after it the answer is 504, and the handler continues.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            connections: 256,
            receive: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            answer: Duration::from_secs(30),
        }
    }
}

/// How long a connection without a request stays open when the server stops: a request may be on its way.
const LAST_GRACE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then answers the pending requests and returns.
///
/// `handler` gets the path and body of each POST. It runs in its own task and runs to its end even if the client
/// disconnects. A panic is answered with 500.
///
/// # Errors
/// tokio cannot use the listener.
pub async fn serve<H, F>(
    listener: Listener,
    limits: Limits,
    handler: H,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ListenError>
where
    H: Fn(String, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let socket = listener.for_runtime()?;
    let server = Server::new(limits, handler);
    tokio::select! {
        () = server.accept_all(&socket) => {}
        () = shutdown => {}
    }
    // stop accepting, remove the socket file, then finish the open connections
    drop(socket);
    drop(listener);
    server.finish().await;
    Ok(())
}

struct Server<H> {
    limits: Arc<Limits>,
    handler: H,
    slots: Arc<Semaphore>,
    /// Tells connections to close: idle ones at once, busy ones after their call, others after this time.
    close: watch::Sender<Duration>,
}

impl<H, F> Server<H>
where
    H: Fn(String, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    fn new(limits: Limits, handler: H) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections as usize));
        Self { limits: Arc::new(limits), handler, slots, close: watch::channel(Duration::ZERO).0 }
    }

    async fn accept_all(&self, socket: &UnixListener) {
        loop {
            let stream = accept(socket).await;
            let Some(slot) = self.slot().await else { return };
            let (limits, handler) = (Arc::clone(&self.limits), self.handler.clone());
            tokio::spawn(connection::run(stream, limits, handler, slot, self.close.subscribe()));
        }
    }

    /// A slot for a connection; if there is none, idle connections are closed first.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Some(slot);
        }
        info!("all {} connections are in use, closing idle ones", self.limits.connections);
        self.close.send_replace(self.limits.receive);
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    async fn finish(&self) {
        self.close.send_replace(LAST_GRACE);
        let everybody = self.slots.acquire_many(self.limits.connections);
        if timeout(self.limits.receive + self.limits.answer, everybody).await.is_err() {
            warn!("calls are still being served; stopping anyway");
        }
    }
}

/// The next connection. An error here is a temporary lack of resources of the process (descriptors, memory).
async fn accept(socket: &UnixListener) -> UnixStream {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                warn!("cannot accept a connection, trying again: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
