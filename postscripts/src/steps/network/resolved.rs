//! The host's network as it shall be on this machine: the tables' plan with every name known. What is rendered into files,
//! and what the running kernel and switch are changed into, is this.

use std::net::IpAddr;

use hostnet::Route;
use inventory::{BondOptions, Datapath, IfName, MacAddr, NetName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// All devices; each after those that it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedNetwork {
    /// The devices.
    pub devices: Vec<Device>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: IfName,
    /// What it is, and what it stands on.
    pub kind: Kind,
    /// Of a bond or bridge: the Ethernet address of the NIC below (of the bond's NICs, the one that has had the address), so
    /// that neighbours and a DHCP server know the host by the one that they know. `None`: its own.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl ResolvedNetwork {
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

    /// The devices that stand on one, directly or not; each after those below it.
    pub fn above(&self, lower: &IfName) -> Vec<&Device> {
        let mut found: Vec<&Device> = Vec::new();
        for device in &self.devices {
            let on = |name: &IfName| name == lower || found.iter().any(|known| known.name == *name);
            if device.below().into_iter().any(on) {
                found.push(device);
            }
        }
        found
    }

    /// The devices that one stands on, directly or not; the highest first.
    pub fn below<'a>(&'a self, upper: &'a IfName) -> Vec<&'a IfName> {
        let mut found: Vec<&IfName> = Vec::new();
        let mut next: Vec<&IfName> = self.device(upper).map(Device::below).unwrap_or_default();
        while !next.is_empty() {
            found.extend(&next);
            next = next.into_iter().filter_map(|name| self.device(name)).flat_map(Device::below).collect();
        }
        found
    }

    /// The NICs that one stands on, directly or not.
    pub fn nics_below<'a>(&'a self, upper: &'a IfName) -> impl Iterator<Item = &'a IfName> + 'a {
        let is_nic = |name: &&IfName| self.device(name).is_none_or(|device| device.kind == Kind::Ethernet);
        self.below(upper).into_iter().filter(is_nic)
    }

    /// The bond or bridge at the end, which has the addresses of a port; the device itself where it is none.
    pub fn top_of<'a>(&'a self, port: &'a IfName) -> &'a IfName {
        let mut top = port;
        while let Some(master) = self.master_of(top) {
            top = &master.name;
        }
        top
    }

    /// The devices in groups that have nothing to do with each other, so that each can be changed at one go.
    pub fn components(&self) -> Vec<Vec<&Device>> {
        let mut components: Vec<Vec<&Device>> = Vec::new();
        for device in &self.devices {
            let below = device.below();
            let is_part = |component: &Vec<&Device>| component.iter().any(|part| below.contains(&&part.name));
            let (parts, others): (Vec<_>, Vec<_>) = components.into_iter().partition(is_part);
            components = others;
            components.push(parts.into_iter().flatten().chain([device]).collect());
        }
        components
    }

    /// Where an address goes that a lower device has: to the device above that shall have it, else from a port to the top.
    /// `None`: it stays.
    pub fn device_for_address(&self, lower: &IfName, address: IpAddr) -> Option<&Device> {
        let above = self.above(lower);
        let wanted = above.iter().find(|upper| upper.has(address)).copied();
        wanted.or_else(|| self.top_above(lower))
    }

    /// Where a route through a lower device goes: to the device above that gets the address through which it leads, else from a
    /// port to the top. `None`: it stays.
    pub fn device_for_route(&self, lower: &IfName, on_lower: &[IpNet], route: &Route) -> Option<&Device> {
        let moves = |own: &IpNet| on_lower.iter().any(|address| address.addr() == own.addr());
        let leads = |own: &&IpNet| route.gateway.is_some_and(|gateway| own.contains(&gateway)) && moves(own);
        let above = self.above(lower);
        let wanted = above.iter().find(|upper| upper.addresses.iter().any(|own| leads(&own))).copied();
        wanted.or_else(|| self.top_above(lower))
    }

    fn top_above(&self, lower: &IfName) -> Option<&Device> {
        self.device(self.top_of(lower)).filter(|top| top.name != *lower)
    }

    /// What we made for it and would not for another: NICs are nobody's to remove.
    pub fn devices_not_in<'a>(&'a self, other: &'a Self) -> impl DoubleEndedIterator<Item = &'a Device> {
        let created = self.devices.iter().filter(|device| device.kind != Kind::Ethernet);
        created.filter(|device| other.device(&device.name).is_none())
    }

    /// Whether Open vSwitch has a part in it.
    pub fn has_ovs(&self) -> bool {
        self.devices.iter().any(|device| matches!(device.kind, Kind::OvsBridge { .. }))
    }
}

impl Device {
    /// One of which the tables say nothing more.
    pub fn bare(name: IfName, kind: Kind) -> Self {
        Self {
            name,
            kind,
            mac: None,
            addresses: Vec::new(),
            gateways: Vec::new(),
            routes: Vec::new(),
            mtu: None,
            networks: Vec::new(),
            params: Vec::new(),
        }
    }

    /// Whether the tables give it that address.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.addr() == address)
    }

    /// What it is, for a message.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Ethernet => "interface",
            Kind::Bond { .. } => "bond",
            Kind::Vlan { .. } => "VLAN",
            Kind::Bridge { .. } => "bridge",
            Kind::OvsBridge { .. } => "Open vSwitch bridge",
        }
    }

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
