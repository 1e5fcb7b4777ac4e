//! Client of the daemon's socket, for the commands.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::net::UnixStream;

use crate::serve::parse_answer;

/// A full reconciliation takes longest: it runs programs with their own time limits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a request failed.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// No daemon listens on the socket.
    #[error("cannot reach netd at {}; see systemctl status netd.socket netd.service", path.display())]
    Connect {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The connection failed.
    #[error("netd at {} did not answer", path.display())]
    Http {
        path: PathBuf,
        #[source]
        source: hyper::Error,
    },
    /// No answer in time.
    #[error("netd at {} did not answer within {} s", path.display(), REQUEST_TIMEOUT.as_secs())]
    Deadline { path: PathBuf },
    /// The daemon refused the request.
    #[error("{0}")]
    Refused(String),
}

impl ClientError {
    /// Whether no daemon is running.
    pub(crate) fn is_not_running(&self) -> bool {
        matches!(self, Self::Connect { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused))
    }
}

/// Sends a request to the daemon at `socket`.
pub(crate) async fn call(socket: &Path, call: &str, body: String) -> Result<Value, ClientError> {
    let path = socket.to_owned();
    match tokio::time::timeout(REQUEST_TIMEOUT, exchange(socket, call, body)).await {
        Ok(answered) => parse_answer(&answered?).map_err(ClientError::Refused),
        Err(_) => Err(ClientError::Deadline { path }),
    }
}

async fn exchange(socket: &Path, call: &str, body: String) -> Result<Bytes, ClientError> {
    let at = || socket.to_owned();
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|source| ClientError::Connect { path: at(), source })?;
    let failed = |source| ClientError::Http { path: at(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // an error of the connection is also an error of the request
    tokio::spawn(connection);
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = call.parse().unwrap_or_default();
    request.headers_mut().insert(HOST, hyper::header::HeaderValue::from_static("netd"));
    let answer = sender.send_request(request).await.map_err(failed)?;
    Ok(answer.into_body().collect().await.map_err(failed)?.to_bytes())
}
