//! A container as its engine has it: what it does, how it ended, and of what it was asked for what it took.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use serde_json::{Map, Value};

use super::{ContainerId, Engine, EngineError};

/// A container at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Inspected {
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub(crate) state: String,
    /// How often Docker started it anew since somebody started it.
    pub(crate) restarts: i64,
    /// Its exit status, where it ended.
    pub(crate) exit_code: i64,
    /// The kernel took it for want of memory.
    pub(crate) oom_killed: bool,
    /// Why the engine could not start it.
    pub(crate) error: String,
    /// `Config` and `HostConfig`, as far as they say anything.
    pub(crate) has: Map<String, Value>,
}

impl Engine {
    /// A container as it is now. The answer waits until the engine is done with a container that just ended: it is
    /// under the container's lock (moby `daemon/monitor.go`, `handleContainerExit`), which a list does not take.
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
