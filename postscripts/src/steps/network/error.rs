//! How the network step fails.

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

/// A network step that failed. The old network runs, and is what boots.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The tables give no plan.
    #[error(transparent)]
    Plan(#[from] HostPlanError),
    /// The machine can not follow it.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A bridge can not make way for another.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The kernel does not say what is.
    #[error("cannot read this machine's network")]
    Observe(#[source] NetError),
    /// The switch does not say what is.
    #[error("cannot read this machine's Open vSwitch")]
    Switch(#[from] SwitchError),
    /// The manager's files can not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// firewalld's zones.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// No manager, or two.
    #[error(transparent)]
    Manager(#[from] DetectError),
    /// What earlier runs wrote down cannot be read.
    #[error(transparent)]
    Saved(#[from] SavedError),
    /// A file cannot be read: it is not overwritten.
    #[error(transparent)]
    Unread(FileError),
    /// The manager's files cannot be created.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The plan can not be written down.
    #[error("cannot serialize the plan")]
    Json(#[from] serde_json::Error),
    /// The plan can not be kept.
    #[error("cannot save the plan for the next run")]
    Keep(#[source] FileError),
    /// The change would be blind.
    #[error("the management node does not answer at {0}; nothing was changed")]
    SilentBefore(SocketAddr),
    /// The management node would be cut off.
    #[error(
        "the firewall accepts ssh only on {}: {}; the management node could not test new ssh connections ({}); nothing was changed. \
         Add rules that accept ssh on the new device too, or run the step with firewall=ignore",
        .0.moved, .0.rules, .0.why
    )]
    CutsSshAccess(Refusal),
    /// An earlier change is there still.
    #[error("cannot roll back an interrupted change; nothing else was changed")]
    Pending(#[from] BootError),
    /// What would take the change back after a power cut could not be put on this host.
    #[error("cannot prepare the rollback; nothing was changed")]
    Install(#[from] InstallError),
    /// The change could not be guarded.
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// A change was taken back.
    #[error("{why}; {back}")]
    RolledBack {
        /// What was wrong with it.
        why: String,
        /// What is there now.
        back: String,
    },
    /// A change could not be taken back.
    #[error("{why}; and {stuck}")]
    RollbackFailed {
        /// What was wrong with it.
        why: String,
        /// What is missing.
        stuck: RollbackFailed,
    },
    /// Nothing was saved that could be restored.
    #[error("no confirmed network in {0}; run \"xdock network\"")]
    NothingSaved(String),
    /// The switch that the saved network needs.
    #[error("Open vSwitch is not running {0} s after the start; its bridges are not restored")]
    NoSwitch(u64),
    /// A saved network was restored in part.
    #[error(transparent)]
    Restore(StepError),
}

/// Why a change that was begun is taken back.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// A step failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// Somebody does not answer.
    #[error("{no_answer} through the new network within {seconds} s")]
    NoAnswer {
        /// Who.
        no_answer: NoAnswer,
        /// How long it had.
        seconds: u64,
    },
    /// The management node's ssh does not get in, and something names the old device.
    #[error("{no_answer} through the new network within {seconds} s; these name the old device: {suspects}")]
    CutOff {
        /// How it was found.
        no_answer: NoAnswer,
        /// How long it had.
        seconds: u64,
        /// What may be the cause.
        suspects: String,
    },
    /// Everything was done and it is still not as it shall be.
    #[error("not in effect after the change: {0}")]
    Unfinished(String),
    /// The kernel does not say what is.
    #[error("cannot read this machine's network")]
    Observe(#[from] NetError),
    /// The switch does not say what is.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manager.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// Nobody would take it back any more, or it took too long.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
