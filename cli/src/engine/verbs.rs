//! API requests, one per function.

use bollard::errors::Error as Bollard;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, RenameContainerOptionsBuilder,
    RestartContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::Request;
use serde_json::Value;

use super::transport::URL;
use super::{About, ApiVersion, Container, ContainerId, Engine, EngineError, LogPiece, VolumeName, body};

/// Effect of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Done.
    Done,
    /// Not changed: already in this state.
    Already,
}

/// How a container is removed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Removal {
    /// Even if it runs.
    pub(crate) force: bool,
    /// With its anonymous volumes.
    pub(crate) volumes: bool,
}

impl Engine {
    /// Version and directories of the engine.
    pub(crate) async fn about(&self) -> Result<About, EngineError> {
        self.version().await?;
        let (version, info) = tokio::join!(self.docker.version(), self.docker.info());
        let (version, info) = (version.map_err(|e| self.error(e))?, info.map_err(|e| self.error(e))?);
        Ok(About {
            version: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
            root: info.docker_root_dir.unwrap_or_default(),
        })
    }

    /// Newest API version of the engine, from its `_ping` header as in Docker's client. `GET /version`, which bollard
    /// uses, makes the engine run runc and containerd for their versions.
    pub(super) async fn ping(&self) -> Result<ApiVersion, Bollard> {
        let request = Request::get(format!("{URL}/_ping")).body(bollard::body_full(Default::default()))?;
        let answer = (self.send.0)(request).await?;
        let status = answer.status();
        let header =
            answer.headers().get("Api-Version").and_then(|value| value.to_str().ok()).map(str::parse);
        let text = answer.into_body().collect().await?.to_bytes();
        match header {
            Some(Ok(version)) if status.is_success() => Ok(version),
            _ if status.is_success() => Err(Bollard::APIVersionParseError {}),
            _ => Err(refusal(status.as_u16(), &text)),
        }
    }

    /// All containers of the host.
    pub(crate) async fn containers(&self) -> Result<Vec<Container>, EngineError> {
        self.version().await?;
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_containers(Some(options)).await.map_err(|e| self.error(e))?;
        Ok(listed.into_iter().filter_map(Container::listed).collect())
    }

    /// Creates a container; returns its ID and the engine's warnings.
    pub(crate) async fn create(
        &self,
        name: &str,
        body: &Value,
    ) -> Result<(ContainerId, Vec<String>), EngineError> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let made = self.docker.create_container(Some(options), body::typed(body)?).await;
        let made = made.map_err(|error| self.error(error))?;
        let id = ContainerId::new(&made.id, name).ok_or_else(|| self.no_id("container"))?;
        Ok((id, made.warnings))
    }

    /// Starts a container.
    pub(crate) async fn start(&self, id: &ContainerId) -> Result<Effect, EngineError> {
        self.effect(id, self.docker.start_container(id.as_str(), None).await)
    }

    /// Stops a container: its stop signal, and SIGKILL after its grace.
    pub(crate) async fn stop(&self, id: &ContainerId) -> Result<Effect, EngineError> {
        self.effect(id, self.docker.stop_container(id.as_str(), None).await)
    }

    /// Stops and starts a container; `grace` in seconds between its stop signal and SIGKILL.
    pub(crate) async fn restart(&self, id: &ContainerId, grace: Option<i32>) -> Result<Effect, EngineError> {
        let options = grace.map(|seconds| RestartContainerOptionsBuilder::default().t(seconds).build());
        self.effect(id, self.docker.restart_container(id.as_str(), options).await)
    }

    /// Pauses a container.
    pub(crate) async fn pause(&self, id: &ContainerId) -> Result<Effect, EngineError> {
        self.effect(id, self.docker.pause_container(id.as_str()).await)
    }

    /// Resumes a paused container.
    pub(crate) async fn unpause(&self, id: &ContainerId) -> Result<Effect, EngineError> {
        self.effect(id, self.docker.unpause_container(id.as_str()).await)
    }

    /// Renames a container.
    pub(crate) async fn rename(&self, id: &ContainerId, to: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::default().name(to).build();
        let renamed = self.docker.rename_container(id.as_str(), options).await;
        renamed.map_err(|error| self.refused(id, error))
    }

    /// Removes a container.
    pub(crate) async fn remove(&self, id: &ContainerId, how: Removal) -> Result<Effect, EngineError> {
        let options = RemoveContainerOptionsBuilder::default().force(how.force).v(how.volumes).build();
        self.effect(id, self.docker.remove_container(id.as_str(), Some(options)).await)
    }

    /// Removes an unused volume. A missing volume or one in use is not an error.
    pub(crate) async fn remove_volume(&self, volume: &VolumeName) -> Result<(), EngineError> {
        let removed = self.docker.remove_volume(volume.as_str(), None::<RemoveVolumeOptions>).await;
        match removed.map_err(|error| self.error(error)) {
            Err(EngineError::Refused { status: 404 | 409, .. }) => Ok(()),
            removed => removed,
        }
    }

    /// Log of a container: all or the last lines; `follow` waits for more.
    pub(crate) fn logs<'a>(
        &'a self,
        id: &'a ContainerId,
        tail: Option<u64>,
        follow: bool,
    ) -> impl Stream<Item = Result<LogPiece, EngineError>> + 'a {
        let tail = tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).tail(&tail).build();
        let stream = self.docker.logs(id.as_str(), Some(options));
        stream.map(|piece| piece.map(LogPiece::from).map_err(|error| self.refused(id, error)))
    }

    fn effect(&self, of: &ContainerId, result: Result<(), Bollard>) -> Result<Effect, EngineError> {
        match result.map_err(|error| self.refused(of, error)) {
            Ok(()) => Ok(Effect::Done),
            Err(EngineError::Refused { status: 304, .. }) => Ok(Effect::Already),
            Err(error) => Err(error),
        }
    }
}

/// Parses `{"message":"..."}`, or takes the text of a proxy.
pub(super) fn refusal(status_code: u16, body: &[u8]) -> Bollard {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|parsed| parsed.get("message")?.as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    Bollard::DockerResponseServerError { status_code, message }
}
