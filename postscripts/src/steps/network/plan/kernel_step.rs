//! One change of the running kernel, and its inverse.

use std::fmt;

use hostnet::{BondSpec, BridgeSettings, BridgeSpec, HostIpFilter, Route, VlanSpec};
use inventory::IfName;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// One change of the running kernel, with what its inverse needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelStep {
    /// Create a bridge.
    AddBridge(BridgeSpec),
    /// Create a bond.
    AddBond(BondSpec),
    /// Create a VLAN device.
    AddVlan(VlanSpec),
    /// Remove a bridge that is no longer in the tables.
    RemoveBridge(BridgeSpec),
    /// Remove a bond that is no longer in the tables.
    RemoveBond(BondSpec),
    /// Remove a VLAN device that is no longer in the tables.
    RemoveVlan(VlanSpec),
    /// Delete a device that an earlier step created. Rollback only. A device of another kind stays.
    Delete {
        /// Its kind.
        kind: LinkKind,
        /// Its name.
        device: IfName,
    },
    /// Change spanning tree and forward delay of a bridge.
    SetBridge {
        /// The bridge.
        device: IfName,
        /// Current settings.
        from: BridgeSettings,
        /// New settings.
        to: BridgeSettings,
    },
    /// Change options of a bond.
    SetBond {
        /// The bond.
        device: IfName,
        /// Current options.
        from: Vec<(String, String)>,
        /// New options.
        to: Vec<(String, String)>,
    },
    /// Change the MTU.
    SetMtu {
        /// The interface.
        device: IfName,
        /// Current MTU in bytes.
        from: u32,
        /// New MTU in bytes.
        to: u32,
    },
    /// Change which packets of an interface the host's IP stack accepts.
    #[serde(rename = "set-hearing")]
    SetHostIpFilter {
        /// The interface.
        device: IfName,
        /// Current filter.
        from: HostIpFilter,
        /// New filter.
        to: HostIpFilter,
    },
    /// Disable TX checksum offload at the container end of this port, until the container is restarted.
    #[serde(rename = "sum-in-software")]
    DisableTxChecksumOffload(IfName),
    /// Set an interface up.
    SetUp(IfName),
    /// Set an interface down. Its routes and IPv6 addresses are lost.
    SetDown(IfName),
    /// Add an address.
    AddAddress(IfName, IpNet),
    /// Remove an address.
    DelAddress(IfName, IpNet),
    /// Attach a device to a bond or bridge. A bond accepts only a device that is down, and sets it up.
    #[serde(rename = "enslave")]
    AttachPort {
        /// The device.
        port: IfName,
        /// The bond or bridge.
        bridge: IfName,
    },
    /// Detach a device from a bond or bridge if it is attached. A bond sets it down.
    #[serde(rename = "release")]
    DetachPort {
        /// The device.
        port: IfName,
        /// The bond or bridge.
        bridge: IfName,
    },
    /// Wait until the bridge is operational and transmits packets.
    #[serde(rename = "settle")]
    WaitOperational(IfName),
    /// Add a route. It replaces the route to the same destination.
    Route {
        /// Interface of the new route.
        device: IfName,
        /// The route.
        route: Route,
        /// The replaced route, with its interface.
        instead: Option<(IfName, Route)>,
    },
    /// Remove a route.
    DelRoute(IfName, Route),
}

/// Kind of a device that the plan can create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// A Linux bridge.
    Bridge,
    /// A bond.
    Bond,
    /// A VLAN device.
    Vlan,
}

impl KernelStep {
    /// The step that undoes it; `None` if nothing must be undone.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::AddBridge(spec) => Self::Delete { kind: LinkKind::Bridge, device: spec.name },
            Self::AddBond(spec) => Self::Delete { kind: LinkKind::Bond, device: spec.name },
            Self::AddVlan(spec) => Self::Delete { kind: LinkKind::Vlan, device: spec.name },
            Self::RemoveBridge(spec) => Self::AddBridge(spec),
            Self::RemoveBond(spec) => Self::AddBond(spec),
            Self::RemoveVlan(spec) => Self::AddVlan(spec),
            Self::SetBridge { device, from, to } => Self::SetBridge { device, from: to, to: from },
            Self::SetBond { device, from, to } => Self::SetBond { device, from: to, to: from },
            Self::SetMtu { device, from, to } => Self::SetMtu { device, from: to, to: from },
            Self::SetHostIpFilter { device, from, to } => {
                Self::SetHostIpFilter { device, from: to, to: from }
            }
            Self::SetUp(device) => Self::SetDown(device),
            Self::SetDown(device) => Self::SetUp(device),
            Self::AddAddress(device, address) => Self::DelAddress(device, address),
            Self::DelAddress(device, address) => Self::AddAddress(device, address),
            Self::AttachPort { port, bridge } => Self::DetachPort { port, bridge },
            Self::DetachPort { port, bridge } => Self::AttachPort { port, bridge },
            Self::Route { device, route, instead: None } => Self::DelRoute(device, route),
            Self::DelRoute(device, route) => Self::Route { device, route, instead: None },
            Self::Route { device, route, instead: Some((old, instead)) } => {
                Self::Route { device: old, route: instead, instead: Some((device, route)) }
            }
            Self::WaitOperational(_) | Self::Delete { .. } | Self::DisableTxChecksumOffload(_) => {
                return None;
            }
        })
    }

    /// Whether the host may become unreachable by it.
    pub fn cuts_access(&self) -> bool {
        match self {
            Self::DelAddress(..) | Self::DelRoute(..) => true,
            Self::SetHostIpFilter { to, .. } => to.is_blocked(),
            _ => false,
        }
    }
}

impl fmt::Display for KernelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddBridge(spec) => write!(f, "add bridge {}", spec.name),
            Self::AddBond(spec) => write!(f, "add bond {} with {}", spec.name, Options(&spec.options)),
            Self::AddVlan(spec) => write!(f, "add {} for VLAN {} of {}", spec.name, spec.id, spec.parent),
            Self::RemoveBridge(spec) => write!(f, "remove bridge {}", spec.name),
            Self::RemoveBond(spec) => write!(f, "remove bond {}", spec.name),
            Self::RemoveVlan(spec) => write!(f, "remove VLAN {}", spec.name),
            Self::Delete { kind, device } => write!(f, "delete {kind} {device}"),
            Self::SetBridge { device, from, to } => write!(f, "set {device} from {from} to {to}"),
            Self::SetBond { device, from, to } => {
                write!(f, "set {device} from {} to {}", Options(from), Options(to))
            }
            Self::SetMtu { device, from, to } => write!(f, "set mtu of {device} from {from} to {to}"),
            Self::SetHostIpFilter { device, to: HostIpFilter::BLOCKED, .. } => {
                write!(f, "isolate {device} from the host's IP stack")
            }
            Self::SetHostIpFilter { device, .. } => {
                write!(f, "end the isolation of {device} from the host's IP stack")
            }
            Self::DisableTxChecksumOffload(port) => {
                write!(f, "disable TX checksum offload in the container of {port}")
            }
            Self::SetUp(device) => write!(f, "set {device} up"),
            Self::SetDown(device) => write!(f, "set {device} down"),
            Self::AddAddress(device, address) => write!(f, "add {address} to {device}"),
            Self::DelAddress(device, address) => write!(f, "remove {address} from {device}"),
            Self::AttachPort { port, bridge } => write!(f, "attach {port} to {bridge}"),
            Self::DetachPort { port, bridge } => write!(f, "detach {port} from {bridge}"),
            Self::WaitOperational(bridge) => write!(f, "wait for {bridge} to be operational"),
            Self::Route { device, route, .. } => write!(f, "route {} through {device}", RouteText(route)),
            Self::DelRoute(device, route) => {
                write!(f, "remove the route {} through {device}", RouteText(route))
            }
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Bond => "bond",
            Self::Vlan => "VLAN",
        })
    }
}

struct Options<'a>(&'a [(String, String)]);

impl fmt::Display for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&options.join(" "))
    }
}

/// A route in the syntax of `ip route`, without its device.
pub struct RouteText<'a>(pub &'a Route);

impl fmt::Display for RouteText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.destination.prefix_len() {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.0.destination)?,
        }
        self.0.gateway.map_or(Ok(()), |gateway| write!(f, " via {gateway}"))?;
        self.0.metric.map_or(Ok(()), |metric| write!(f, " metric {metric}"))
    }
}
