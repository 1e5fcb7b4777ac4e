//! The calls of the engine's API that we make, one a function.

use bollard::errors::Error as Bollard;
use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, ListContainersOptionsBuilder,
    LogsOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions, RenameContainerOptionsBuilder,
    RestartContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::transport::URL;
use super::{ANSWER, About, ApiVersion, Container, Engine, EngineError, LogPiece, Network, body};

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What was asked for.
    Done,
    /// Nothing: it was so already.
    Already,
}

/// How a container is removed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Removal {
    /// Also when it runs.
    pub(crate) force: bool,
    /// Its anonymous volumes too.
    pub(crate) volumes: bool,
}

impl Engine {
    /// The engine itself.
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

    /// The newest version of the API that the engine speaks, as Docker's own client asks for it: `GET /version`, which bollard
    /// takes, makes the engine run runc and containerd for their versions.
    pub(super) async fn ping(&self) -> Result<ApiVersion, Bollard> {
        let request = Request::get(format!("{URL}/_ping")).body(bollard::body_full(Default::default()))?;
        let answer = (self.send.0)(request).await?;
        let status = answer.status();
        let told = answer.headers().get("Api-Version").and_then(|value| value.to_str().ok()).map(str::parse);
        let text = answer.into_body().collect().await?.to_bytes();
        match told {
            Some(Ok(version)) if status.is_success() => Ok(version),
            _ if status.is_success() => Err(Bollard::APIVersionParseError {}),
            _ => Err(refusal(status.as_u16(), &text)),
        }
    }

    /// All containers of the host, running or not.
    pub(crate) async fn containers(&self) -> Result<Vec<Container>, EngineError> {
        self.version().await?;
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_containers(Some(options)).await.map_err(|e| self.error(e))?;
        Ok(listed.into_iter().map(Container::from).collect())
    }

    /// Makes a container: the engine's warnings.
    pub(crate) async fn create(&self, name: &str, body: &Value) -> Result<Vec<String>, EngineError> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let made = self.docker.create_container(Some(options), body::typed(body)?).await;
        made.map(|made| made.warnings).map_err(|error| self.error(error))
    }

    /// Starts a container.
    pub(crate) async fn start(&self, name: &str) -> Result<Effect, EngineError> {
        self.effect(self.docker.start_container(name, None).await)
    }

    /// Stops a container: its stop signal, and SIGKILL after its grace.
    pub(crate) async fn stop(&self, name: &str) -> Result<Effect, EngineError> {
        self.effect(self.docker.stop_container(name, None).await)
    }

    /// Stops and starts a container; `grace` in seconds between its stop signal and SIGKILL.
    pub(crate) async fn restart(&self, name: &str, grace: Option<i32>) -> Result<Effect, EngineError> {
        let options = grace.map(|seconds| RestartContainerOptionsBuilder::default().t(seconds).build());
        self.effect(self.docker.restart_container(name, options).await)
    }

    /// Freezes a container.
    pub(crate) async fn pause(&self, name: &str) -> Result<Effect, EngineError> {
        self.effect(self.docker.pause_container(name).await)
    }

    /// Lets a frozen container go on.
    pub(crate) async fn unpause(&self, name: &str) -> Result<Effect, EngineError> {
        self.effect(self.docker.unpause_container(name).await)
    }

    /// Gives a container another name.
    pub(crate) async fn rename(&self, name: &str, to: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::default().name(to).build();
        self.docker.rename_container(name, options).await.map_err(|error| self.error(error))
    }

    /// Removes a container.
    pub(crate) async fn remove(&self, name: &str, how: Removal) -> Result<Effect, EngineError> {
        let options = RemoveContainerOptionsBuilder::default().force(how.force).v(how.volumes).build();
        self.effect(self.docker.remove_container(name, Some(options)).await)
    }

    /// Removes a volume that no container has any more; one that is gone or in use is left.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        match self
            .docker
            .remove_volume(name, None::<RemoveVolumeOptions>)
            .await
            .map_err(|error| self.error(error))
        {
            Err(EngineError::Refused { status: 404 | 409, .. }) => Ok(()),
            removed => removed,
        }
    }

    /// A container's log: all of it or its last lines, and with `follow` what comes.
    pub(crate) fn logs(
        &self,
        name: &str,
        tail: Option<u64>,
        follow: bool,
    ) -> impl Stream<Item = Result<LogPiece, EngineError>> + '_ {
        let tail = tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).tail(&tail).build();
        let stream = self.docker.logs(name, Some(options));
        stream.map(|piece| piece.map(LogPiece::from).map_err(|error| self.error(error)))
    }

    /// A network by its name; `None`: there is none.
    pub(crate) async fn network(&self, name: &str) -> Result<Option<Network>, EngineError> {
        match self.docker.inspect_network(name, None).await.map_err(|error| self.error(error)) {
            Ok(found) => Ok(Some(found.into())),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a network.
    pub(crate) async fn create_network(&self, body: &Value) -> Result<(), EngineError> {
        let _: NetworkCreateRequest = typed(body)?;
        self.post("/networks/create", body).await
    }

    /// Attaches a container to one more network.
    pub(crate) async fn connect(
        &self,
        network: &str,
        name: &str,
        endpoint: &Value,
    ) -> Result<(), EngineError> {
        let endpoint: EndpointSettings = typed(endpoint)?;
        let request = NetworkConnectRequest { container: name.to_owned(), endpoint_config: Some(endpoint) };
        self.docker.connect_network(network, request).await.map_err(|error| self.error(error))
    }

    /// Whether the host has an image.
    pub(crate) async fn has_image(&self, image: &str) -> Result<bool, EngineError> {
        match self.docker.inspect_image(image).await.map_err(|error| self.error(error)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_absence() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Fetches an image from the registry that its name says.
    pub(crate) async fn pull(&self, image: &str) -> Result<(), EngineError> {
        let tagged = image.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
        // without a tag Docker's API would fetch every tag there is
        let tag = if tagged { "" } else { "latest" };
        let mut options = CreateImageOptionsBuilder::default().from_image(image);
        if !tag.is_empty() {
            options = options.tag(tag);
        }
        let stream = self.docker.create_image(Some(options.build()), None, None);
        stream.try_for_each(|_| async { Ok(()) }).await.map_err(|error| self.error(error))
    }

    /// For what bollard's types do not have.
    async fn post(&self, path: &str, body: &Value) -> Result<(), EngineError> {
        let answer = async {
            let request = Request::post(format!("{URL}{path}"))
                .header(CONTENT_TYPE, "application/json")
                .body(bollard::body_full(body.to_string().into()))?;
            let answer = (self.send.0)(request).await?;
            let status = answer.status();
            let text = answer.into_body().collect().await?.to_bytes();
            if status.is_success() { Ok(()) } else { Err(refusal(status.as_u16(), &text)) }
        };
        match tokio::time::timeout(ANSWER, answer).await {
            Ok(answer) => answer.map_err(|error| self.error(error)),
            Err(_) => Err(EngineError::Silent { host: self.host.clone(), deadline: ANSWER }),
        }
    }

    fn effect(&self, result: Result<(), Bollard>) -> Result<Effect, EngineError> {
        match result.map_err(|error| self.error(error)) {
            Ok(()) => Ok(Effect::Done),
            Err(EngineError::Refused { status: 304, .. }) => Ok(Effect::Already),
            Err(error) => Err(error),
        }
    }
}

/// `{"message":"..."}`, or whatever stood between us and the engine.
pub(super) fn refusal(status_code: u16, body: &[u8]) -> Bollard {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let message = told.as_ref().and_then(|told| told.get("message")?.as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    Bollard::DockerResponseServerError { status_code, message }
}

fn typed<T: DeserializeOwned>(body: &Value) -> Result<T, EngineError> {
    serde_json::from_value(body.clone()).map_err(EngineError::Body)
}
