//! A container as the engine's inspect has it, in the few words that a terminal needs.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, ExecInspectResponse};

use super::HostTime;
use crate::engine::ContainerId;

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which it is.
    pub(crate) id: ContainerId,
    /// Whether it has a terminal of its own.
    pub(crate) tty: bool,
    /// Whether anybody listens to what is typed there.
    pub(crate) listens: bool,
    /// What it does.
    pub(crate) phase: Phase,
    /// When it was started last.
    pub(crate) started: Option<HostTime>,
    /// How it ended last.
    pub(crate) exit_code: i64,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing yet.
    Created,
    /// It runs.
    Running,
    /// It is frozen.
    Paused,
    /// It ended; Docker will start it.
    Restarting,
    /// It ended.
    Exited,
    /// It is on its way out.
    Gone,
}

impl Found {
    pub(super) fn of(id: &ContainerId, inspected: ContainerInspectResponse) -> Self {
        let config = inspected.config.unwrap_or_default();
        let state = inspected.state.unwrap_or_default();
        Self {
            id: id.clone(),
            tty: config.tty.unwrap_or_default(),
            listens: config.open_stdin.unwrap_or_default(),
            phase: state.status.map_or(Phase::Gone, phase),
            started: state.started_at.as_deref().and_then(HostTime::parse),
            exit_code: state.exit_code.unwrap_or_default(),
        }
    }
}

fn phase(status: Status) -> Phase {
    match status {
        Status::CREATED => Phase::Created,
        Status::RUNNING => Phase::Running,
        Status::PAUSED => Phase::Paused,
        Status::RESTARTING => Phase::Restarting,
        Status::EXITED => Phase::Exited,
        Status::EMPTY | Status::REMOVING | Status::DEAD | Status::STOPPING => Phase::Gone,
    }
}

/// How a program in a container is, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// It has not ended.
    pub(crate) running: bool,
    /// It never ran: the engine told why in place of its output.
    pub(crate) never_ran: bool,
    /// Its exit status.
    pub(crate) code: i64,
}

impl From<ExecInspectResponse> for Ended {
    fn from(inspected: ExecInspectResponse) -> Self {
        Self {
            running: inspected.running.unwrap_or_default(),
            never_ran: inspected.pid.unwrap_or_default() == 0,
            code: inspected.exit_code.unwrap_or_default(),
        }
    }
}
