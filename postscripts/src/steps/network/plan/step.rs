//! One change of the running kernel or switch, and what takes it back.

use hostnet::{BondSpec, BridgeSettings, BridgeSpec, HostIpFilter, Route, VlanSpec};
use inventory::{Datapath, IfName, MacAddr};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::steps::network::manager::Manager;

/// One change, with what is needed to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Make a bridge.
    AddBridge(BridgeSpec),
    /// Make a bond.
    AddBond(BondSpec),
    /// Make a VLAN device.
    AddVlan(VlanSpec),
    /// Remove a bridge that left the tables.
    RemoveBridge(BridgeSpec),
    /// Remove a bond that left the tables.
    RemoveBond(BondSpec),
    /// Remove a VLAN device that left the tables.
    RemoveVlan(VlanSpec),
    /// Remove an Open vSwitch bridge that left the tables.
    RemoveOvs(OvsSpec),
    /// Remove what an earlier step made: only ever the way back. Leaves a device of another kind alone.
    Delete {
        /// What it is.
        kind: LinkKind,
        /// Its name.
        device: IfName,
    },
    /// Change when a bridge's ports forward.
    SetBridge {
        /// The bridge.
        device: IfName,
        /// What it has.
        from: BridgeSettings,
        /// What it shall have.
        to: BridgeSettings,
    },
    /// Change options of a bond.
    SetBond {
        /// The bond.
        device: IfName,
        /// What it has.
        from: Vec<(String, String)>,
        /// What it shall have.
        to: Vec<(String, String)>,
    },
    /// Change the MTU.
    SetMtu {
        /// The interface.
        device: IfName,
        /// What it has.
        from: u32,
        /// What it shall have.
        to: u32,
    },
    /// Change what the host itself takes of what comes in through an interface.
    #[serde(rename = "set-hearing")]
    SetHostIpFilter {
        /// The interface.
        device: IfName,
        /// What it takes.
        from: HostIpFilter,
        /// What it shall take.
        to: HostIpFilter,
    },
    /// Stop the manager's daemon, which would undo what follows; it is started again when its files are new.
    StopManager(Manager),
    /// Start it again: only ever the way back.
    StartManager(Manager),
    /// Have the container behind this port put checksums into what it sends. StillInUse so until it is started again.
    #[serde(rename = "sum-in-software")]
    DisableTxChecksumOffload(IfName),
    /// Switch an interface on.
    SetUp(IfName),
    /// Switch an interface off; its routes and IPv6 addresses go.
    SetDown(IfName),
    /// Give an address.
    AddAddress(IfName, IpNet),
    /// Take an address away.
    DelAddress(IfName, IpNet),
    /// Make a device a port of a bond or bridge. A bond takes one that is down, and sets it up.
    Enslave {
        /// The device.
        port: IfName,
        /// The bond or bridge.
        bridge: IfName,
    },
    /// Take a device out of a bond or bridge, if it is there. A bond sets it down.
    Release {
        /// The device.
        port: IfName,
        /// The bond or bridge.
        bridge: IfName,
    },
    /// Wait until what is sent through the bridge leaves.
    #[serde(rename = "settle")]
    WaitOperational(IfName),
    /// Put a route, in the place of the one to the same destination.
    Route {
        /// Through which interface it shall go.
        device: IfName,
        /// The route.
        route: Route,
        /// What it replaces.
        instead: Option<(IfName, Route)>,
    },
    /// Remove a route.
    DelRoute(IfName, Route),
    /// Make an Open vSwitch bridge with its port that leads out, which it takes from the host at once.
    AddOvs(OvsSpec),
    /// Remove it: only ever the way back.
    DelOvs(IfName),
    /// Put an Open vSwitch bridge's spanning tree, MTU and Ethernet address right. Taking this back would bring a fault back.
    SetOvs(OvsSpec),
    /// Make a device a port of an Open vSwitch bridge: a trunk.
    Plug {
        /// The device.
        port: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// Take a device out of an Open vSwitch bridge.
    Unplug {
        /// The device.
        port: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// Put a port of an Open vSwitch bridge into another VLAN.
    SetTag {
        /// The port.
        port: IfName,
        /// The VLAN in which it is; `None`: a trunk.
        from: Option<u16>,
        /// The VLAN in which it shall be.
        to: Option<u16>,
    },
    /// Put a device into a zone of the running firewalld.
    AddToZone {
        /// The device; it need not be there yet.
        device: IfName,
        /// The zone.
        zone: String,
    },
    /// Take a device out of a zone: only ever the way back.
    RemoveFromZone {
        /// The device.
        device: IfName,
        /// The zone.
        zone: String,
    },
}

/// A device of the kernel that the plan can make.
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

/// An Open vSwitch bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsSpec {
    /// Its name, and that of its internal port.
    pub name: IfName,
    /// Where it switches.
    pub datapath: Datapath,
    /// Its Ethernet address; `None`: as it is.
    pub mac: Option<MacAddr>,
    /// Its one port that leads out; `None`: it has lost it to another bridge.
    pub uplink: Option<IfName>,
    /// The VLAN of the internal port; `None`: untagged.
    pub tag: Option<u16>,
    /// MTU of the internal port in bytes; `None`: the lowest of its ports'.
    pub mtu: Option<u32>,
}

impl Step {
    /// What takes it back; `None` where that would gain nothing. All steps of a plan taken back in reverse order, also those
    /// that were never done, give the old state: each does nothing where its effect is there already.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::AddBridge(spec) => Self::Delete { kind: LinkKind::Bridge, device: spec.name },
            Self::AddBond(spec) => Self::Delete { kind: LinkKind::Bond, device: spec.name },
            Self::AddVlan(spec) => Self::Delete { kind: LinkKind::Vlan, device: spec.name },
            Self::RemoveBridge(spec) => Self::AddBridge(spec),
            Self::RemoveBond(spec) => Self::AddBond(spec),
            Self::RemoveVlan(spec) => Self::AddVlan(spec),
            Self::RemoveOvs(spec) => Self::AddOvs(spec),
            Self::SetBridge { device, from, to } => Self::SetBridge { device, from: to, to: from },
            Self::SetBond { device, from, to } => Self::SetBond { device, from: to, to: from },
            Self::SetMtu { device, from, to } => Self::SetMtu { device, from: to, to: from },
            Self::SetHostIpFilter { device, from, to } => {
                Self::SetHostIpFilter { device, from: to, to: from }
            }
            Self::StopManager(manager) => Self::StartManager(manager),
            Self::SetUp(device) => Self::SetDown(device),
            Self::SetDown(device) => Self::SetUp(device),
            Self::AddAddress(device, address) => Self::DelAddress(device, address),
            Self::DelAddress(device, address) => Self::AddAddress(device, address),
            Self::Enslave { port, bridge } => Self::Release { port, bridge },
            Self::Release { port, bridge } => Self::Enslave { port, bridge },
            Self::Route { device, route, instead: None } => Self::DelRoute(device, route),
            Self::DelRoute(device, route) => Self::Route { device, route, instead: None },
            Self::Route { device, route, instead: Some((old, instead)) } => {
                Self::Route { device: old, route: instead, instead: Some((device, route)) }
            }
            Self::AddOvs(spec) => Self::DelOvs(spec.name),
            Self::Plug { port, bridge } => Self::Unplug { port, bridge },
            Self::Unplug { port, bridge } => Self::Plug { port, bridge },
            Self::SetTag { port, from, to } => Self::SetTag { port, from: to, to: from },
            Self::AddToZone { device, zone } => Self::RemoveFromZone { device, zone },
            Self::RemoveFromZone { .. } => return None,
            Self::WaitOperational(_)
            | Self::Delete { .. }
            | Self::DelOvs(_)
            | Self::SetOvs(_)
            | Self::StartManager(_)
            | Self::DisableTxChecksumOffload(_) => return None,
        })
    }

    /// Whether it takes away what the host may be reached by.
    pub fn cuts_access(&self) -> bool {
        match self {
            Self::DelAddress(..) | Self::DelRoute(..) => true,
            Self::SetHostIpFilter { to, .. } => to.is_blocked(),
            _ => false,
        }
    }

    /// Whether it changes Open vSwitch's database, which a power cut does not take back, as it does what is in the kernel.
    pub fn is_durable(&self) -> bool {
        matches!(
            self,
            Self::AddOvs(_)
                | Self::RemoveOvs(_)
                | Self::DelOvs(_)
                | Self::SetOvs(_)
                | Self::Plug { .. }
                | Self::Unplug { .. }
                | Self::SetTag { .. }
        )
    }
}

/// What takes a whole plan back, from any point of it.
pub fn inverses(steps: &[Step]) -> Vec<Step> {
    steps.iter().rev().filter_map(Step::inverse).collect()
}
