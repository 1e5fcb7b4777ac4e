//! The commands that talk to the daemon over its socket.

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

use crate::serve::read_told;

/// The longest command, a full reconciliation, runs programs with deadlines of their own.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why the daemon did not do it.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// Nobody listens there.
    #[error("cannot reach netd at {}; see systemctl status netd.socket netd.service", path.display())]
    Connect {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("netd at {} did not answer", path.display())]
    Talk {
        path: PathBuf,
        #[source]
        source: hyper::Error,
    },
    /// Nothing came.
    #[error("netd at {} did not answer within {} s", path.display(), DEADLINE.as_secs())]
    Deadline { path: PathBuf },
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

impl ClientError {
    /// Whether there is no daemon, rather than one in trouble.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Connect { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused))
    }
}

/// Asks the daemon at `socket`.
pub(crate) async fn call(socket: &Path, call: &str, body: String) -> Result<Value, ClientError> {
    let path = socket.to_owned();
    match tokio::time::timeout(DEADLINE, exchange(socket, call, body)).await {
        Ok(answered) => read_told(&answered?).map_err(ClientError::Refused),
        Err(_) => Err(ClientError::Deadline { path }),
    }
}

async fn exchange(socket: &Path, call: &str, body: String) -> Result<Bytes, ClientError> {
    let at = || socket.to_owned();
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|source| ClientError::Connect { path: at(), source })?;
    let talk = |source| ClientError::Talk { path: at(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(talk)?;
    // an error of the connection shows in the answer
    tokio::spawn(connection);
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = call.parse().unwrap_or_default();
    request.headers_mut().insert(HOST, hyper::header::HeaderValue::from_static("netd"));
    let answer = sender.send_request(request).await.map_err(talk)?;
    Ok(answer.into_body().collect().await.map_err(talk)?.to_bytes())
}
