//! One change of the running host, and its inverse.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DaemonStep, KernelStep, SwitchStep};

/// One change of the running host. A pending change is recorded as the inverses of its steps, one JSON object each
/// with the name of the inner step: no two inner types may use the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// A change of the kernel.
    Kernel(KernelStep),
    /// A change of Open vSwitch's database.
    Switch(SwitchStep),
    /// A request to a daemon.
    Daemon(DaemonStep),
}

impl Step {
    /// The step that undoes it; `None` if nothing must be undone.
    ///
    /// The inverses of all steps of a plan, in reverse order, restore the previous state from any point of the plan,
    /// because each does nothing if its effect already exists.
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Self::Kernel(step) => step.inverse().map(Self::Kernel),
            Self::Switch(step) => step.inverse().map(Self::Switch),
            Self::Daemon(step) => step.inverse().map(Self::Daemon),
        }
    }

    /// Whether the host may become unreachable by it.
    pub fn cuts_access(&self) -> bool {
        matches!(self, Self::Kernel(step) if step.cuts_access())
    }

    /// Whether its effect survives a reboot.
    pub fn outlives_boot(&self) -> bool {
        matches!(self, Self::Switch(_))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(step) => step.fmt(f),
            Self::Switch(step) => step.fmt(f),
            Self::Daemon(step) => step.fmt(f),
        }
    }
}

/// The steps that undo a whole plan, from any point of it.
pub fn inverses(steps: &[Step]) -> Vec<Step> {
    steps.iter().rev().filter_map(Step::inverse).collect()
}
