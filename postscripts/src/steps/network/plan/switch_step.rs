//! One change of Open vSwitch's database, and its inverse.

use std::fmt;

use hostnet::ovs::BridgeSpec;
use inventory::IfName;
use serde::{Deserialize, Serialize};

/// One change of Open vSwitch's database. It survives a reboot, unlike a change of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwitchStep {
    /// Create a bridge with its uplink, which is removed from the host's IP stack at once.
    #[serde(rename = "add-ovs")]
    AddBridge(BridgeSpec),
    /// Remove a bridge that is no longer in the tables.
    #[serde(rename = "remove-ovs")]
    RemoveBridge(BridgeSpec),
    /// Delete a bridge that an earlier step created. Rollback only.
    #[serde(rename = "del-ovs")]
    DeleteBridge(IfName),
    /// Repair spanning tree, MTU and MAC of a bridge. It has no inverse, because that would restore a fault.
    #[serde(rename = "set-ovs")]
    SetBridge(BridgeSpec),
    /// Attach a device as a trunk port.
    #[serde(rename = "plug")]
    AttachPort {
        /// The device.
        port: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// Remove a port.
    #[serde(rename = "unplug")]
    RemovePort {
        /// The device.
        port: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// Move a port to another VLAN.
    SetTag {
        /// The port.
        port: IfName,
        /// Current VLAN; `None`: a trunk.
        from: Option<u16>,
        /// New VLAN.
        to: Option<u16>,
    },
}

impl SwitchStep {
    /// The step that undoes it; `None` if nothing must be undone.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::AddBridge(spec) => Self::DeleteBridge(spec.name),
            Self::RemoveBridge(spec) => Self::AddBridge(spec),
            Self::AttachPort { port, bridge } => Self::RemovePort { port, bridge },
            Self::RemovePort { port, bridge } => Self::AttachPort { port, bridge },
            Self::SetTag { port, from, to } => Self::SetTag { port, from: to, to: from },
            Self::DeleteBridge(_) | Self::SetBridge(_) => return None,
        })
    }
}

impl fmt::Display for SwitchStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddBridge(spec) => {
                write!(f, "add Open vSwitch bridge {}", spec.name)?;
                spec.uplink.as_ref().map_or(Ok(()), |uplink| write!(f, " with port {uplink}"))?;
                spec.tag.map_or(Ok(()), |tag| write!(f, ", itself in VLAN {tag}"))
            }
            Self::RemoveBridge(spec) => write!(f, "remove Open vSwitch bridge {}", spec.name),
            Self::DeleteBridge(name) => write!(f, "delete Open vSwitch bridge {name}"),
            Self::SetBridge(spec) => {
                write!(f, "repair spanning tree, mtu and address of Open vSwitch bridge {}", spec.name)
            }
            Self::AttachPort { port, bridge } => write!(f, "attach {port} to Open vSwitch bridge {bridge}"),
            Self::RemovePort { port, bridge } => {
                write!(f, "remove {port} from Open vSwitch bridge {bridge}")
            }
            Self::SetTag { port, from, to } => write!(f, "move {port} from {} to {}", Tag(*from), Tag(*to)),
        }
    }
}

struct Tag(Option<u16>);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(tag) => write!(f, "VLAN {tag}"),
            None => f.write_str("no VLAN"),
        }
    }
}
