//! One request: limited body, handler in its own task, answer within a deadline.

use std::future::Future;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::{error, warn};

use super::Limits;
use crate::reply::Answer;

/// Body of an answer.
pub(super) type Body = Full<Bytes>;

/// moby `pkg/plugins/transport/mimetype.go`.
const MIME: HeaderValue = HeaderValue::from_static("application/vnd.docker.plugins.v1.2+json");

/// This many bytes beyond the limit are read and discarded, so that the sender gets the answer: closing a unix
/// socket with unread bytes resets the connection (Linux `net/unix/af_unix.c`, `unix_release_sock`).
const DISCARDED: usize = 64 << 20;

/// A request that does not reach the handler.
enum Refused {
    /// Answer it and keep the connection.
    Answer(Answer),
    /// Answer it and close the connection: the rest of the body is not read.
    Last(Answer),
}

/// The answer to a request; always JSON.
pub(super) async fn answer<H, F>(
    request: Request<Incoming>,
    limits: Arc<Limits>,
    handler: H,
    slot: Arc<OwnedSemaphorePermit>,
) -> Response<Body>
where
    H: Fn(String, Bytes) -> F + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let body = match receive(body, &limits).await {
        Err(Refused::Last(answer)) => return closing(response(answer)),
        Err(Refused::Answer(answer)) => return response(answer),
        Ok(_) if head.method != Method::POST => {
            return response(Answer::error(405, "only POST is served here"));
        }
        Ok(body) => body,
    };
    response(handle(path, body, &limits, handler, slot).await)
}

async fn receive(body: Incoming, limits: &Limits) -> Result<Bytes, Refused> {
    match timeout(limits.receive, collect(body, limits.body)).await {
        Ok(received) => received,
        Err(_) => {
            let message = format!("the request body was not complete within {:?}", limits.receive);
            Err(Refused::Last(Answer::error(408, &message)))
        }
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Refused> {
    let mut kept = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refused::Last(Answer::error(400, &format!("the request body is broken: {error}")))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= limit {
            kept.extend_from_slice(&data);
        } else if length > limit + DISCARDED {
            return Err(Refused::Last(too_long(limit)));
        }
    }
    if length > limit { Err(Refused::Answer(too_long(limit))) } else { Ok(kept.freeze()) }
}

fn too_long(limit: usize) -> Answer {
    Answer::error(413, &format!("the request body is longer than {limit} bytes"))
}

/// Runs the handler in its own task, which runs to its end: a client that disconnects must not interrupt a change of
/// the network. The task holds the connection's slot, so that the number of handlers is limited too.
async fn handle<H, F>(
    path: String,
    body: Bytes,
    limits: &Limits,
    handler: H,
    slot: Arc<OwnedSemaphorePermit>,
) -> Answer
where
    H: Fn(String, Bytes) -> F + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let called = path.clone();
    let task = tokio::spawn(async move {
        let _slot = slot;
        handler(called, body).await
    });
    match timeout(limits.answer, task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => {
            error!("the handler of {path} failed: {failure}");
            Answer::error(
                500,
                &format!("{path}: this call failed because of a bug in the plugin, see its log"),
            )
        }
        Err(_) => {
            warn!("no answer to {path} within {:?}", limits.answer);
            let message = format!("{path}: no answer within {:?}, see the plugin's log", limits.answer);
            Answer::error(504, &message)
        }
    }
}

fn response(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, MIME);
    response
}

fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
