//! The host's network as it shall be on this machine: the tables' plan with every name known. What is rendered into files,
//! and what the running kernel and switch are changed into, is this.

use std::net::IpAddr;

use hostnet::Route;
use inventory::{BondOptions, Datapath, IfName, MacAddr, NetName};
use ipnet::IpNet;

/// All devices; each after those that it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// The devices.
    pub devices: Vec<Device>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: IfName,
    /// What it is, and what it stands on.
    pub kind: Kind,
    /// Of a bridge: the Ethernet address of the NIC below, so that neighbours and a DHCP server know the host by the one that
    /// they know. `None`: its own.
    pub mac: Option<MacAddr>,
    /// The host's own addresses on it; the first is the one that it is known by.
    pub addresses: Vec<IpNet>,
    /// Default gateways through it, at most one of each family.
    pub gateways: Vec<IpAddr>,
    /// Further routes through it, which its NIC had before.
    pub routes: Vec<Route>,
    /// MTU in bytes; `None`: as it is.
    pub mtu: Option<u32>,
    /// Of a bridge: the networks whose containers are on it.
    pub networks: Vec<NetName>,
    /// `nicextraparams` that we do not understand: only the ifcfg managers take them (xCAT writes them there verbatim).
    pub params: Vec<(String, String)>,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A NIC, which is there.
    Ethernet,
    /// Several NICs as one.
    Bond {
        /// Its NICs.
        ports: Vec<IfName>,
        /// The bonding driver's options.
        options: BondOptions,
    },
    /// One VLAN of a NIC or bond.
    Vlan {
        /// That NIC or bond.
        parent: IfName,
        /// The VLAN.
        id: u16,
    },
    /// A Linux bridge, without spanning tree and with a forward delay of 0: a port that is silent for 30 s is a lost host.
    Bridge {
        /// Its one port that leads out.
        port: IfName,
    },
    /// An Open vSwitch bridge; the host's addresses are on its internal port of the same name.
    OvsBridge {
        /// Its one port that leads out, a trunk.
        port: IfName,
        /// Where its packets are switched.
        datapath: Datapath,
        /// VLAN of the host's own addresses: the access tag of the internal port.
        tag: Option<u16>,
    },
}

impl Stack {
    /// The device of that name.
    pub fn device(&self, name: &IfName) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == *name)
    }

    /// The bond or bridge of which that one is a port. VLANs stand on their parents without taking them.
    pub fn master_of(&self, port: &IfName) -> Option<&Device> {
        self.devices.iter().find(|device| device.ports().contains(&port))
    }

    /// The VLANs on a device.
    pub fn vlans_on<'a>(&'a self, parent: &'a IfName) -> impl Iterator<Item = &'a Device> + 'a {
        self.devices
            .iter()
            .filter(move |device| matches!(&device.kind, Kind::Vlan { parent: on, .. } if on == parent))
    }

    /// Whether Open vSwitch has a part in it.
    pub fn has_ovs(&self) -> bool {
        self.devices.iter().any(|device| matches!(device.kind, Kind::OvsBridge { .. }))
    }
}

impl Device {
    /// The ports of a bond or bridge.
    pub fn ports(&self) -> Vec<&IfName> {
        match &self.kind {
            Kind::Ethernet | Kind::Vlan { .. } => Vec::new(),
            Kind::Bond { ports, .. } => ports.iter().collect(),
            Kind::Bridge { port } | Kind::OvsBridge { port, .. } => vec![port],
        }
    }

    /// The devices that it stands on.
    pub fn below(&self) -> Vec<&IfName> {
        match &self.kind {
            Kind::Vlan { parent, .. } => vec![parent],
            _ => self.ports(),
        }
    }
}
