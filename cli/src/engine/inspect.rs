//! Inspects a container: state, exit status, and the accepted settings.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use serde_json::{Map, Value};

use super::{ContainerId, Engine, EngineError};

/// A container's current data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Inspected {
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub(crate) state: String,
    /// Number of automatic restarts.
    pub(crate) restarts: i64,
    /// Last exit status.
    pub(crate) exit_code: i64,
    /// The kernel killed it because it ran out of memory.
    pub(crate) oom_killed: bool,
    /// Start error.
    pub(crate) error: String,
    /// Non-empty fields of `Config` and `HostConfig`.
    pub(crate) has: Map<String, Value>,
}

impl Engine {
    /// Inspects a container. The answer waits for the container's lock, until the engine has handled its exit (moby
    /// `daemon/monitor.go`, `handleContainerExit`). A list does not wait.
    pub(crate) async fn inspect(&self, id: &ContainerId) -> Result<Inspected, EngineError> {
        self.version().await?;
        let told = self.docker.inspect_container(id.as_str(), None).await;
        Inspected::of(told.map_err(|error| self.refused(id, error))?)
    }
}

impl Inspected {
    fn of(told: ContainerInspectResponse) -> Result<Self, EngineError> {
        let ContainerInspectResponse { state, restart_count, config, host_config, .. } = told;
        let state = state.unwrap_or_default();
        let mut has = object(serde_json::to_value(config.unwrap_or_default()).map_err(EngineError::Body)?);
        let host = serde_json::to_value(host_config.unwrap_or_default()).map_err(EngineError::Body)?;
        has.insert("HostConfig".to_owned(), host);
        Ok(Self {
            state: state.status.unwrap_or(Status::EMPTY).to_string(),
            restarts: restart_count.unwrap_or_default(),
            exit_code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
            error: state.error.unwrap_or_default(),
            has,
        })
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
