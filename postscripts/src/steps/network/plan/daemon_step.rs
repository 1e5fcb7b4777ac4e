//! One request to a daemon of the host, and its inverse.

use std::fmt;

use inventory::IfName;
use serde::{Deserialize, Serialize};

use crate::steps::network::manager::Manager;

/// One request to the network manager's daemon or to firewalld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DaemonStep {
    /// Stop the manager's daemon, which would revert the following steps. It is started again with its new files.
    StopManager(Manager),
    /// Start the manager's daemon. Rollback only.
    StartManager(Manager),
    /// Add a device to a zone of the running firewalld.
    AddToZone {
        /// The device. It need not exist yet.
        device: IfName,
        /// The zone.
        zone: String,
    },
    /// Remove a device from a zone. Rollback only.
    RemoveFromZone {
        /// The device.
        device: IfName,
        /// The zone.
        zone: String,
    },
}

impl DaemonStep {
    /// The step that undoes it; `None` if nothing must be undone.
    pub fn inverse(&self) -> Option<Self> {
        match self.clone() {
            Self::StopManager(manager) => Some(Self::StartManager(manager)),
            Self::AddToZone { device, zone } => Some(Self::RemoveFromZone { device, zone }),
            Self::StartManager(_) | Self::RemoveFromZone { .. } => None,
        }
    }
}

impl fmt::Display for DaemonStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopManager(manager) => write!(f, "stop {manager} until its new files are written"),
            Self::StartManager(manager) => write!(f, "start {manager}"),
            Self::AddToZone { device, zone } => write!(f, "add {device} to firewalld's zone {zone}"),
            Self::RemoveFromZone { device, zone } => {
                write!(f, "remove {device} from firewalld's zone {zone}")
            }
        }
    }
}
