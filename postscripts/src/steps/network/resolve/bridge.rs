//! A Linux bridge and its port, as what hands a network over to ifupdown takes them.

use std::net::IpAddr;

use inventory::{IfName, NetName};
use ipnet::IpNet;

use crate::steps::network::stack::{Kind, Stack};

/// A bridge as it shall be on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Its name.
    pub name: IfName,
    /// The NIC that is its port.
    pub port: IfName,
    /// The host's own addresses on it.
    pub addresses: Vec<IpNet>,
    /// Default gateways through it.
    pub gateways: Vec<IpAddr>,
    /// MTU of bridge and port; `None`: as it is.
    pub mtu: Option<u32>,
    /// The networks on it.
    pub networks: Vec<NetName>,
}

impl Bridge {
    /// The bridges of both kinds.
    pub fn all(stack: &Stack) -> Vec<Self> {
        let bridge = |device: &crate::steps::network::stack::Device| match &device.kind {
            Kind::Bridge { port } | Kind::OvsBridge { port, .. } => Some(Self {
                name: device.name.clone(),
                port: port.clone(),
                addresses: device.addresses.clone(),
                gateways: device.gateways.clone(),
                mtu: device.mtu,
                networks: device.networks.clone(),
            }),
            _ => None,
        };
        stack.devices.iter().filter_map(bridge).collect()
    }
}
