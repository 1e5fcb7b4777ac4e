//! One connection, from accept to close.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;
use tracing::debug;

use super::Limits;
use super::request;
use crate::reply::Answer;

/// Maximum size of a request's head in bytes; dockerd's have about 200 bytes.
const MAX_HEAD: usize = 16 << 10;

type Closing = watch::Receiver<Duration>;

/// State of a connection.
#[derive(Default)]
struct Phase(AtomicU8);

impl Phase {
    /// No request yet; the first one is probably on its way.
    const NEW: u8 = 0;
    /// A request is being answered.
    const CALL: u8 = 1;
    /// Between two requests.
    const IDLE: u8 = 2;

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }
}

/// Serves one connection until it ends or `closing` asks to close it.
pub(super) async fn run<H, F>(
    stream: UnixStream,
    limits: Arc<Limits>,
    handler: H,
    slot: OwnedSemaphorePermit,
    closing: Closing,
) where
    H: Fn(String, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let phase = Phase::default();
    let slot = Arc::new(slot);
    let idle = limits.idle;
    let service = service_fn(|request: Request<Incoming>| {
        phase.set(Phase::CALL);
        let answer = request::answer(request, Arc::clone(&limits), handler.clone(), Arc::clone(&slot));
        async {
            let response = answer.await;
            phase.set(Phase::IDLE);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    drive(pin!(connection), &phase, closing).await;
}

/// The part of hyper's connection that is used here.
trait Connection: Future<Output = hyper::Result<()>> {
    fn close_when_done(self: Pin<&mut Self>);
}

impl<S> Connection for http1::Connection<TokioIo<UnixStream>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = request::Body, Error = Infallible>,
{
    fn close_when_done(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn drive(mut connection: Pin<&mut impl Connection>, phase: &Phase, mut closing: Closing) {
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        _ = closing.changed() => {}
    }
    let grace = *closing.borrow();
    if phase.is(Phase::NEW)
        && let Ok(ended) = timeout(grace, connection.as_mut()).await
    {
        return note(ended);
    }
    connection.as_mut().close_when_done();
    // a connection without a call sends its head too slowly, or does not read its answer
    loop {
        match timeout(grace, connection.as_mut()).await {
            Ok(ended) => return note(ended),
            Err(_) if phase.is(Phase::CALL) => {}
            Err(_) => return debug!("closed an inactive connection"),
        }
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!("a connection ended early: {error}");
    }
}
