//! What a host's network will be, as the tables say it: the same plan for `xdock plan`, `xdockhost` and netd.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::container::Network;
use crate::name::{IfName, NetName, NodeName};

mod compile;
mod text;

pub use compile::{HostPlanError, HostTables};

/// The network of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostPlan {
    /// The host.
    pub host: NodeName,
    /// Its bridges, in the order of the tables.
    pub bridges: Vec<BridgePlan>,
}

/// One Linux bridge over a NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BridgePlan {
    /// Its name.
    pub name: IfName,
    /// The NIC that becomes its port.
    pub port: Port,
    /// The host's own addresses on it.
    pub addresses: Vec<IpNet>,
    /// Default gateway through it: only of the network that holds the host's `hosts.ip`.
    pub gateways: Vec<IpAddr>,
    /// MTU in bytes, of bridge and port; `None`: leave what is.
    pub mtu: Option<u32>,
    /// The networks whose containers are plugged into it.
    pub networks: Vec<Network>,
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
    /// The bridge on which a network's containers are.
    pub fn bridge_of(&self, network: &NetName) -> Option<&BridgePlan> {
        self.bridges.iter().find(|bridge| bridge.networks.iter().any(|on| on.name == *network))
    }
}
