//! Errors of the network step.

use std::net::SocketAddr;

use durable::FileError;
use hostnet::NetError;
use hostnet::ovs::SwitchError;
use inventory::HostPlanError;
use thiserror::Error;

use super::execute::StepError;
use super::guard::boot::BootError;
use super::guard::install::InstallError;
use super::guard::roll_back::RollbackFailed;
use super::guard::{BeginError, Interrupted};
use super::manager::adopt::AdoptError;
use super::manager::{DetectError, FilesError, ReadError};
use super::probe::NoAnswer;
use super::replace::ReplaceError;
use super::resolve::ResolveError;
use super::saved::SavedError;
use super::ssh_access::Refusal;
use super::zones::ZoneError;
use crate::environment::EnvironmentError;

/// The network step failed. The previous network is active and is the one that boots.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The tables have no valid plan.
    #[error(transparent)]
    Plan(#[from] HostPlanError),
    /// The plan does not fit this host.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A bridge cannot be replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The kernel's network cannot be read.
    #[error("cannot read this host's network")]
    Observe(#[source] NetError),
    /// Open vSwitch cannot be read.
    #[error("cannot read this host's Open vSwitch")]
    Switch(#[from] SwitchError),
    /// The network manager's files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// firewalld's zones cannot be read.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// No network manager was detected, or two.
    #[error(transparent)]
    Manager(#[from] DetectError),
    /// The saved plan cannot be read.
    #[error(transparent)]
    Saved(#[from] SavedError),
    /// A file cannot be read, so it is not overwritten.
    #[error(transparent)]
    Unread(FileError),
    /// The network manager's files cannot be created.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The plan cannot be serialized.
    #[error("cannot serialize the plan")]
    Json(#[from] serde_json::Error),
    /// The plan cannot be saved.
    #[error("cannot save the plan for the next run")]
    Keep(#[source] FileError),
    /// The management node did not answer before the change.
    #[error("the management node does not answer at {0}; nothing was changed")]
    SilentBefore(SocketAddr),
    /// The change would cut off the management node's ssh.
    #[error(
        "the firewall accepts ssh only on {}: {}; the management node could not test new ssh connections ({}); nothing was changed. \
         Add rules that accept ssh on the new device too, or run the step with firewall=ignore",
        .0.moved, .0.rules, .0.why
    )]
    CutsSshAccess(Refusal),
    /// An earlier change is still pending.
    #[error("cannot roll back an interrupted change; nothing else was changed")]
    Pending(#[from] BootError),
    /// The program or the units that roll back after a power failure cannot be installed.
    #[error("cannot prepare the rollback; nothing was changed")]
    Install(#[from] InstallError),
    /// The guard cannot be started.
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// The change was rolled back.
    #[error("{why}; {back}")]
    RolledBack {
        /// Cause.
        why: String,
        /// Result of the rollback.
        back: String,
    },
    /// The change could not be rolled back.
    #[error("{why}; {rollback}")]
    RollbackFailed {
        /// Cause.
        why: String,
        /// Failed parts of the rollback.
        rollback: RollbackFailed,
    },
    /// No saved network exists.
    #[error("no confirmed network in {0}; run \"xdock network\"")]
    NothingSaved(String),
    /// Open vSwitch is not running.
    #[error("Open vSwitch is not running {0} s after the start; its bridges are not restored")]
    NoSwitch(u64),
    /// A saved network was only partly restored.
    #[error(transparent)]
    Restore(StepError),
}

/// Why a change is rolled back.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// A step failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A probe was not answered.
    #[error("{no_answer} through the new network within {seconds} s")]
    NoAnswer {
        /// The probe.
        no_answer: NoAnswer,
        /// Probe timeout in seconds.
        seconds: u64,
    },
    /// The management node cannot open ssh connections, and rules or files name the old device.
    #[error("{no_answer} through the new network within {seconds} s; these name the old device: {suspects}")]
    CutOff {
        /// The probe.
        no_answer: NoAnswer,
        /// Probe timeout in seconds.
        seconds: u64,
        /// Rules and files that may be the cause.
        suspects: String,
    },
    /// All steps were executed, but the network differs from the plan.
    #[error("not in effect after the change: {0}")]
    Unfinished(String),
    /// The kernel's network cannot be read.
    #[error("cannot read this host's network")]
    Observe(#[from] NetError),
    /// Open vSwitch cannot be read.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The network manager cannot be reloaded.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// The guard ended, or the change took too long.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
