//! Plan of a host's network, compiled from the tables. `xdock plan`, `xdockhost` and netd use the same plan.
//!
//! ```text
//! compile.rs   compiles columns to devices, adds the default bridge
//! bond.rs      bonds and their options
//! stack.rs     rules for devices on top of devices
//! mtu.rs       MTU of each device, at most that of the device below
//! vlan.rs      numbers of VLANs, tags of Open vSwitch
//! error.rs     errors
//! text.rs      the plan as text
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
    /// Devices in the order of the tables, but lower devices come first.
    pub devices: Vec<DevicePlan>,
    /// Entries of `nics` that are not configured, each with the reason.
    #[serde(rename = "passed_over", skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePlan {
    /// Its name.
    pub name: IfName,
    /// Kind and lower devices.
    #[serde(flatten)]
    pub kind: DeviceKind,
    /// The host's addresses on this device.
    pub addresses: Vec<IpNet>,
    /// Default gateways, only in the network of `hosts.ip`.
    pub gateways: Vec<IpAddr>,
    /// MTU in bytes; `None`: unchanged.
    pub mtu: Option<u32>,
    /// Of a bridge: the networks whose containers are attached to it.
    pub networks: Vec<BridgedNetwork>,
    /// Of an Open vSwitch bridge: the VLAN of the host's own addresses on it; `None`: untagged.
    pub tag: Option<u16>,
    /// Other values of `nicextraparams`, without `MTU` and options of the device kind.
    pub params: Vec<(String, String)>,
}

/// A network on a bridge, and the VLAN of its containers there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BridgedNetwork {
    /// The row of `networks`.
    #[serde(flatten)]
    pub network: Network,
    /// Access tag of its containers' ports, of an Open vSwitch bridge only; `None`: untagged.
    pub tag: Option<u16>,
}

/// Kind of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DeviceKind {
    /// Existing NIC.
    Ethernet,
    /// Bond of several NICs.
    Bond {
        /// NICs in the order of the tables.
        ports: Vec<IfName>,
        /// Options of the bonding driver.
        options: BondOptions,
    },
    /// One VLAN of a NIC or bond (IEEE 802.1Q).
    Vlan {
        /// NIC or bond.
        parent: IfName,
        /// The VLAN, 1 to 4094.
        id: u16,
    },
    /// A Linux bridge.
    Bridge {
        /// Uplink port.
        port: Port,
    },
    /// An Open vSwitch bridge.
    #[serde(rename = "bridge_ovs")]
    OvsBridge {
        /// Uplink port.
        port: Port,
        /// Datapath type.
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
    /// The bridge of a network's containers, and the network there.
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

    /// The device with this name.
    pub fn device(&self, name: &IfName) -> Option<&DevicePlan> {
        self.devices.iter().find(|device| device.name == *name)
    }

    /// Whether the host needs Open vSwitch.
    pub fn needs_ovs(&self) -> bool {
        self.devices.iter().any(|device| matches!(device.kind, DeviceKind::OvsBridge { .. }))
    }
}

impl DevicePlan {
    /// Uplink port of a bridge.
    pub fn port(&self) -> Option<&Port> {
        match &self.kind {
            DeviceKind::Bridge { port } | DeviceKind::OvsBridge { port, .. } => Some(port),
            DeviceKind::Ethernet | DeviceKind::Bond { .. } | DeviceKind::Vlan { .. } => None,
        }
    }

    /// Lower devices that the tables name.
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
