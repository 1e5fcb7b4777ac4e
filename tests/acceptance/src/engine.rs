//! A host's engine spoken to directly, without xdock between: what the promises are checked and measured against.

use std::error::Error;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// Any error of a trial, as text.
pub type Failure = Box<dyn Error + Send + Sync>;

/// An engine at a unix socket; every call opens a connection of its own.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
}

impl Engine {
    /// The engine that listens there.
    pub fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// One connection for many calls.
    ///
    /// # Errors
    /// Nobody listens at the socket.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection(sender))
    }

    /// One call.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.connect().await?.call(method, path, body).await
    }
}

/// An open connection to an engine.
#[derive(Debug)]
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// One call; `Null` for an answer without JSON.
    ///
    /// # Errors
    /// The engine is not there, or answers 400 or more: its own message.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let bytes = body.map(|value| Bytes::from(value.to_string())).unwrap_or_default();
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "docker")
            .header("Content-Type", "application/json")
            .body(Full::new(bytes))?;
        self.0.ready().await?;
        let answer = self.0.send_request(request).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.as_u16() >= 400 {
            let text = value.get("message").and_then(Value::as_str).unwrap_or_default();
            return Err(format!("{method} {path}: {status}: {text}").into());
        }
        Ok(value)
    }
}
