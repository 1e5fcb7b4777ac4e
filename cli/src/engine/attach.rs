//! Terminals of containers and of programs in them. The HTTP connection becomes the byte stream (moby
//! api/server/router/container, `postContainersAttach` and `postContainerExecStart`).
//!
//! bollard's readers guess from one byte whether a stream is a terminal, and fail for streams that start with a
//! control character. Here the type is known.

mod channel;
mod clock;
mod found;
mod frames;
mod past;

use std::time::Duration;

use bollard::errors::Error as Bollard;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::transport::URL;
use super::verbs::refusal;
use super::{ANSWER_TIMEOUT, ContainerId, Engine, EngineError};

pub(crate) use channel::{Channel, Input, Output};
pub(crate) use clock::{Difference, HostTime};
pub(crate) use found::{Found, Phase};
pub(crate) use frames::Piece;
pub(crate) use past::Span;

use channel::Form;
use found::Ended;

/// Detach keys that are never typed. By default dockerd handles Ctrl-P Ctrl-Q and delays Ctrl-P until the next key
/// (moby container/stream/attach.go, `copyEscapable`).
const DETACH: &str = "ctrl-],ctrl-],ctrl-],ctrl-],ctrl-],ctrl-],ctrl-],ctrl-]";

/// Size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

/// A program to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    /// Its arguments.
    pub(crate) words: &'a [String],
    /// Allocate a terminal.
    pub(crate) tty: bool,
    /// Attach standard input.
    pub(crate) input: bool,
    /// Additional environment variables.
    pub(crate) env: &'a [String],
}

/// A created exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exec {
    /// ID of the engine.
    pub(crate) id: String,
    tty: bool,
}

/// A terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tty<'a> {
    /// The container's terminal.
    Container(&'a ContainerId),
    /// Terminal of an exec.
    Exec(&'a Exec),
}

impl Engine {
    /// State of a container; `None`: it does not exist.
    pub(crate) async fn find(&self, id: &ContainerId) -> Result<Option<Found>, EngineError> {
        self.version().await?;
        let asked = async {
            let told = self.docker.inspect_container(id.as_str(), None).await;
            told.map_err(|error| self.refused(id, error))
        };
        match self.soon(asked).await {
            Ok(inspected) => Ok(Some(Found::of(id, inspected))),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Attaches to the container's terminal. The engine waits for a container that does not run.
    pub(crate) async fn attach(&self, id: &ContainerId) -> Result<Channel, EngineError> {
        let id = id.as_str();
        let path = format!("/containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys={DETACH}");
        self.soon(self.upgrade(&path, &Value::Null, Form::Raw)).await
    }

    /// Creates an exec.
    pub(crate) async fn prepare(&self, id: &ContainerId, run: &Run<'_>) -> Result<Exec, EngineError> {
        let Run { words, tty, input, env } = run;
        let body = json!({
            "AttachStdin": input, "AttachStdout": true, "AttachStderr": true, "Tty": tty,
            "DetachKeys": DETACH, "Env": env, "Cmd": words,
        });
        let made: Value = self.ask(&format!("/containers/{}/exec", id.as_str()), &body).await?;
        let id = made.get("Id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Exec { id, tty: *tty })
    }

    /// Starts an exec and attaches to it.
    pub(crate) async fn begin(&self, exec: &Exec) -> Result<Channel, EngineError> {
        let form = if exec.tty { Form::Raw } else { Form::Framed };
        let body = json!({ "Detach": false, "Tty": exec.tty });
        self.upgrade(&format!("/exec/{}/start", exec.id), &body, form).await
    }

    /// Starts an exec without attaching.
    pub(crate) async fn begin_detached(&self, exec: &Exec) -> Result<(), EngineError> {
        let body = json!({ "Detach": true, "Tty": exec.tty });
        self.ask(&format!("/exec/{}/start", exec.id), &body).await.map(drop)
    }

    /// State of an exec; `None`: the engine has forgotten it.
    pub(crate) async fn ended(&self, exec: &Exec) -> Result<Option<Ended>, EngineError> {
        let asked = async { self.docker.inspect_exec(&exec.id).await.map_err(|error| self.error(error)) };
        match self.soon(asked).await {
            Ok(inspected) => Ok(Some(inspected.into())),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Resizes a terminal.
    pub(crate) async fn resize(&self, tty: Tty<'_>, Size { rows, columns }: Size) -> Result<(), EngineError> {
        let of = match tty {
            Tty::Container(id) => format!("/containers/{}", id.as_str()),
            Tty::Exec(exec) => format!("/exec/{}", exec.id),
        };
        self.soon(self.ask(&format!("{of}/resize?h={rows}&w={columns}"), &Value::Null)).await.map(drop)
    }

    /// An item per event of the container with this name, which need not exist yet. The engine also reports containers
    /// whose name or ID starts with it.
    pub(crate) fn container_events(&self, name: &str) -> impl Stream<Item = Result<(), EngineError>> + '_ {
        let filters = [("container", vec![name]), ("type", vec!["container"])];
        let options = EventsOptionsBuilder::default().filters(&filters.into()).build();
        self.docker.events(Some(options)).map(|event| event.map(drop).map_err(|error| self.error(error)))
    }

    /// Request with the connection timeout, for answers that the engine has in memory.
    pub(crate) async fn soon<T>(
        &self,
        asked: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let deadline = self.timeout + Duration::from_secs(1);
        let silent = |_| Err(EngineError::Silent { host: self.host.clone(), deadline });
        tokio::time::timeout(deadline, asked).await.unwrap_or_else(silent)
    }

    /// Request whose connection becomes a stream.
    async fn upgrade(&self, path: &str, body: &Value, form: Form) -> Result<Channel, EngineError> {
        let asked = async {
            let request = Request::post(format!("{URL}{path}"))
                .header(CONNECTION, "Upgrade")
                .header(UPGRADE, "tcp")
                .header(CONTENT_TYPE, "application/json")
                .body(bollard::body_full(text(body).into()))?;
            let answer = (self.send.0)(request).await?;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                let status = answer.status().as_u16();
                return Err(refusal(status, &answer.into_body().collect().await?.to_bytes()));
            }
            Ok::<_, Bollard>(Channel::new(hyper::upgrade::on(answer).await?, form))
        };
        self.bounded(asked).await
    }

    /// Request with a JSON answer or none.
    pub(super) async fn ask(&self, path: &str, body: &Value) -> Result<Value, EngineError> {
        let asked = async {
            let request = Request::post(format!("{URL}{path}"))
                .header(CONTENT_TYPE, "application/json")
                .body(bollard::body_full(text(body).into()))?;
            let answer = (self.send.0)(request).await?;
            let status = answer.status();
            let bytes = answer.into_body().collect().await?.to_bytes();
            if status.is_success() {
                Ok(serde_json::from_slice(&bytes).unwrap_or_default())
            } else {
                Err(refusal(status.as_u16(), &bytes))
            }
        };
        self.bounded(asked).await
    }

    /// Request with the general timeout.
    async fn bounded<T>(&self, asked: impl Future<Output = Result<T, Bollard>>) -> Result<T, EngineError> {
        match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(|error| self.error(error)),
            Err(_) => Err(EngineError::Silent { host: self.host.clone(), deadline: ANSWER_TIMEOUT }),
        }
    }
}

fn text(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}
