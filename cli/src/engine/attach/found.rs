//! State of a container for consoles, from inspect.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, ExecInspectResponse};

use super::HostTime;
use crate::engine::ContainerId;

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its ID.
    pub(crate) id: ContainerId,
    /// Whether it has a terminal.
    pub(crate) tty: bool,
    /// Whether it reads standard input.
    pub(crate) listens: bool,
    /// Its phase.
    pub(crate) phase: Phase,
    /// Time of its last start.
    pub(crate) started: Option<HostTime>,
    /// Last exit status.
    pub(crate) exit_code: i64,
}

/// Phase of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not started yet.
    Created,
    /// Running.
    Running,
    /// Paused.
    Paused,
    /// Stopped; Docker will restart it.
    Restarting,
    /// Stopped.
    Exited,
    /// Being removed.
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

/// State of an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Still running.
    pub(crate) running: bool,
    /// Did not start; the engine wrote the reason to its output.
    pub(crate) never_ran: bool,
    /// Exit status.
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
