//! What a host's network will be, as the tables say it: the same plan for `xdock plan`, `xdockhost` and netd.
//!
//! ```text
//! compile.rs   from the columns to the devices, and the default bridge
//! bond.rs      bonds and their options
//! stack.rs     which device may be on which
//! mtu.rs       one MTU for each device, none larger than that below it
//! vlan.rs      the number of a VLAN, and the tags of Open vSwitch
//! error.rs     what is refused, and how it is said
//! text.rs      the plan as a person reads it
//! ```

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::container::Network;
use crate::name::{IfName, NetName, NodeName};

mod bond;
mod compile;
mod error;
mod mtu;
mod stack;
mod text;
mod vlan;

pub use bond::BondOptions;
pub use compile::HostTables;
pub use error::HostPlanError;

/// The network of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostPlan {
    /// The host.
    pub host: NodeName,
    /// Its devices; each after those that it stands on, otherwise in the order of the tables.
    pub devices: Vec<DevicePlan>,
    /// Entries of `nics` that nothing is made of, each with the reason.
    #[serde(rename = "passed_over", skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePlan {
    /// Its name.
    pub name: IfName,
    /// What it is, and what it stands on.
    #[serde(flatten)]
    pub kind: DeviceKind,
    /// The host's own addresses on it.
    pub addresses: Vec<IpNet>,
    /// Default gateway through it: only of the network that holds the host's `hosts.ip`.
    pub gateways: Vec<IpAddr>,
    /// MTU in bytes; `None`: leave what is.
    pub mtu: Option<u32>,
    /// Of a bridge: the networks whose containers are bridged into it.
    pub networks: Vec<BridgedNetwork>,
    /// Of an Open vSwitch bridge: the VLAN of the host's own addresses on it; `None`: untagged.
    pub tag: Option<u16>,
    /// What `nicextraparams` says besides `MTU` and what the kind itself understands.
    pub params: Vec<(String, String)>,
}

/// A network and the VLAN in which its containers are on the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BridgedNetwork {
    /// The row of `networks`.
    #[serde(flatten)]
    pub network: Network,
    /// Access tag of its containers' ports, of an Open vSwitch bridge only; `None`: untagged.
    pub tag: Option<u16>,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DeviceKind {
    /// A NIC, which is there.
    Ethernet,
    /// Several NICs as one.
    Bond {
        /// Its NICs, in the order of the tables.
        ports: Vec<IfName>,
        /// How.
        options: BondOptions,
    },
    /// One VLAN of a NIC or bond (IEEE 802.1Q).
    Vlan {
        /// That NIC or bond.
        parent: IfName,
        /// The VLAN, 1 to 4094.
        id: u16,
    },
    /// A Linux bridge.
    Bridge {
        /// Its one port that leads out.
        port: Port,
    },
    /// An Open vSwitch bridge.
    #[serde(rename = "bridge_ovs")]
    OvsBridge {
        /// Its one port that leads out.
        port: Port,
        /// Where its packets are switched.
        datapath: Datapath,
    },
}

/// Where Open vSwitch switches packets (`datapath_type`, ovs-vswitchd.conf.db(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datapath {
    /// `system`: in the kernel, by the module openvswitch.
    System,
    /// `netdev`: in ovs-vswitchd itself.
    Netdev,
}

/// The port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    /// `nicdevices` names it.
    Named(IfName),
    /// The tables do not name it: the interface that has this address when the plan is applied.
    Carrying(IpAddr),
}

impl HostPlan {
    /// The bridge on which a network's containers are, and the network there.
    pub fn bridge_of(&self, network: &NetName) -> Option<(&DevicePlan, &BridgedNetwork)> {
        self.bridges().find_map(|bridge| {
            let bridged = bridge.networks.iter().find(|on| on.network.name == *network)?;
            Some((bridge, bridged))
        })
    }

    /// The bridges, of either kind.
    pub fn bridges(&self) -> impl Iterator<Item = &DevicePlan> {
        self.devices.iter().filter(|device| device.port().is_some())
    }

    /// The device of that name.
    pub fn device(&self, name: &IfName) -> Option<&DevicePlan> {
        self.devices.iter().find(|device| device.name == *name)
    }

    /// Whether the host needs Open vSwitch.
    pub fn needs_ovs(&self) -> bool {
        self.devices.iter().any(|device| matches!(device.kind, DeviceKind::OvsBridge { .. }))
    }
}

impl DevicePlan {
    /// The port that leads out, of a bridge.
    pub fn port(&self) -> Option<&Port> {
        match &self.kind {
            DeviceKind::Bridge { port } | DeviceKind::OvsBridge { port, .. } => Some(port),
            DeviceKind::Ethernet | DeviceKind::Bond { .. } | DeviceKind::Vlan { .. } => None,
        }
    }

    /// The devices that it stands on, as far as the tables name them.
    pub fn below(&self) -> Vec<&IfName> {
        match &self.kind {
            DeviceKind::Ethernet => Vec::new(),
            DeviceKind::Bond { ports, .. } => ports.iter().collect(),
            DeviceKind::Vlan { parent, .. } => vec![parent],
            DeviceKind::Bridge { port } | DeviceKind::OvsBridge { port, .. } => match port {
                Port::Named(name) => vec![name],
                Port::Carrying(_) => Vec::new(),
            },
        }
    }
}
