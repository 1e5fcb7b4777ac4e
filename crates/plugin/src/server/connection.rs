//! One connection, from its acceptance to its end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// Longest head of a request; dockerd's have about 200 bytes.
const HEAD: usize = 16 << 10;

type Closing = watch::Receiver<Duration>;

/// Serves one connection until it ends or `closing` says so.
pub(super) async fn run<H, F>(
    stream: UnixStream,
    limits: Arc<Limits>,
    handler: H,
    place: OwnedSemaphorePermit,
    closing: Closing,
) where
    H: Fn(String, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let in_call = AtomicBool::new(false);
    let place = Arc::new(place);
    let idle = limits.idle;
    let service = service_fn(|request: Request<Incoming>| {
        in_call.store(true, Ordering::Relaxed);
        let answer = request::answer(request, Arc::clone(&limits), handler.clone(), Arc::clone(&place));
        async {
            let response = answer.await;
            in_call.store(false, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    drive(pin!(connection), &in_call, closing).await;
}

/// What of hyper's connection is needed here.
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

async fn drive(mut connection: Pin<&mut impl Connection>, in_call: &AtomicBool, mut closing: Closing) {
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        _ = closing.changed() => {}
    }
    connection.as_mut().close_when_done();
    let grace = *closing.borrow();
    // who is in no call then sends its head too slowly, or does not read its answer
    loop {
        match timeout(grace, connection.as_mut()).await {
            Ok(ended) => return note(ended),
            Err(_) if in_call.load(Ordering::Relaxed) => {}
            Err(_) => return debug!("closed a connection in which nothing happens"),
        }
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!("a connection ended early: {error}");
    }
}
