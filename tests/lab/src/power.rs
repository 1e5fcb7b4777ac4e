//! The power button, the power cord, and the ends of both.

use std::time::Duration;

use nix::sys::signal::Signal;
use thiserror::Error;

use crate::cgroup::{self, CgroupError};
use crate::fabric::{self, FabricError};
use crate::name::{LabName, Member};
use crate::plan::Machine;
use crate::state::Running;

/// What can be done with a machine's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Power {
    /// An orderly shutdown.
    Off,
    /// The cord is pulled: every process is gone at once.
    Cut,
    /// The machine boots.
    On,
}

/// How a machine did not end.
#[derive(Debug, Error)]
pub enum PowerError {
    /// Its shutdown hangs.
    #[error("{member} has not shut down within {} s: `lab power {member} cut` ends it", deadline.as_secs())]
    Hangs {
        /// Which.
        member: Member,
        /// How long it had.
        deadline: Duration,
    },
    /// SIGKILL did not end it.
    #[error("{member} does not end")]
    Survives {
        /// Which.
        member: Member,
    },
    /// What was left of it.
    #[error("cannot end what is left of {member}")]
    Rest {
        /// Which.
        member: Member,
        /// Why.
        #[source]
        source: CgroupError,
    },
    /// Its namespace.
    #[error("cannot remove the NICs of {member}")]
    Nics {
        /// Which.
        member: Member,
        /// Why.
        #[source]
        source: FabricError,
    },
}

const SHUTDOWN: Duration = Duration::from_secs(90);
const KILL: Duration = Duration::from_secs(10);

/// Shuts a machine down in order.
///
/// # Errors
/// It hangs.
pub async fn shut_down(lab: &LabName, machine: &Machine, running: &Running) -> Result<(), PowerError> {
    let member = machine.member;
    // systemd-nspawn passes it on as the signal that tells systemd to power off
    running.supervisor.signal(Signal::SIGTERM);
    if !running.supervisor.gone(SHUTDOWN).await {
        return Err(PowerError::Hangs { member, deadline: SHUTDOWN });
    }
    clear(lab, machine).await
}

/// Ends a machine as a power cut does: the kernel kills all processes of a PID namespace with its PID 1.
///
/// # Errors
/// It does not end.
pub async fn cut(lab: &LabName, machine: &Machine, running: &Running) -> Result<(), PowerError> {
    let member = machine.member;
    running.leader.signal(Signal::SIGKILL);
    if !running.leader.gone(KILL).await || !running.supervisor.gone(KILL).await {
        return Err(PowerError::Survives { member });
    }
    clear(lab, machine).await
}

/// What a machine had in the kernel goes with it: processes, cgroups, interfaces.
///
/// # Errors
/// Names what stays.
pub async fn clear(lab: &LabName, machine: &Machine) -> Result<(), PowerError> {
    let member = machine.member;
    let part = member.to_string();
    let ended = cgroup::kill_all(lab, Some(&part)).await.and_then(|()| cgroup::remove(lab, Some(&part)));
    ended.map_err(|source| PowerError::Rest { member, source })?;
    fabric::unplug(lab, machine).await.map_err(|source| PowerError::Nics { member, source })
}
