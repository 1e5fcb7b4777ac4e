//! HTTP/1.1 over a unix socket, and nothing of what is said over it.
//!
//! dockerd waits without a limit for an answer (moby `pkg/plugins/client.go`: no time-out for network and address
//! drivers) and holds the network's lock meanwhile, so every request is answered within a deadline, whatever becomes
//! of its handler.

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

/// How much a client may take of us.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body; more is answered with 413.
    pub body: usize,
    /// Connections at a time; a further one waits until an idle one was closed.
    pub connections: u32,
    /// From a request's head to the end of its body; later is answered with 408.
    pub receive: Duration,
    /// From a connection's last answer to the end of the next request's head. Long, because to close a connection at
    /// the moment at which dockerd uses it makes it try again with an empty body.
    pub idle: Duration,
    /// From a complete request to its answer; later is answered with 504, while the handler goes on.
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

/// How long a connection without a request is kept when the server stops: a request may be on its way.
const LAST_GRACE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then answers what has been asked, and returns.
///
/// `handler` gets the path and the body of every POST; it runs in a task of its own, to its end, also when the client
/// goes away or the handler panics (500).
///
/// # Errors
/// The listener can not be used by the runtime.
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
    // first nobody new may come, then the file goes, then those who are here are served
    drop(socket);
    drop(listener);
    server.finish().await;
    Ok(())
}

struct Server<H> {
    limits: Arc<Limits>,
    handler: H,
    places: Arc<Semaphore>,
    /// Tells connections to close: idle ones at once, those in a call after it, others after this grace.
    close: watch::Sender<Duration>,
}

impl<H, F> Server<H>
where
    H: Fn(String, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    fn new(limits: Limits, handler: H) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections as usize));
        Self { limits: Arc::new(limits), handler, places, close: watch::channel(Duration::ZERO).0 }
    }

    async fn accept_all(&self, socket: &UnixListener) {
        loop {
            let stream = accept(socket).await;
            let Some(place) = self.place().await else { return };
            let (limits, handler) = (Arc::clone(&self.limits), self.handler.clone());
            tokio::spawn(connection::run(stream, limits, handler, place, self.close.subscribe()));
        }
    }

    /// Room for a connection; when there is none, idle ones must go.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        info!("all {} connections are in use, closing idle ones", self.limits.connections);
        self.close.send_replace(self.limits.receive);
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    async fn finish(&self) {
        self.close.send_replace(LAST_GRACE);
        let everybody = self.places.acquire_many(self.limits.connections);
        if timeout(self.limits.receive + self.limits.answer, everybody).await.is_err() {
            warn!("calls are still being served; leaving all the same");
        }
    }
}

/// The next connection. A failure is one of the process (no descriptors, no memory) and passes.
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
