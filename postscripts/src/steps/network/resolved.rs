//! The desired network on this host: the plan of the tables, with all names resolved to interfaces of this
//! host. Files and steps are both derived from it.

use std::net::IpAddr;

use hostnet::Route;
use inventory::{BondOptions, Datapath, IfName, MacAddr, NetName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// All devices, each after the devices below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedNetwork {
    /// The devices.
    pub devices: Vec<Device>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: IfName,
    /// Its kind, and the devices below it.
    pub kind: Kind,
    /// MAC of a bond or bridge. It is the MAC of the NIC below (in a bond, of the NIC that had the address),
    /// so that neighbours and a DHCP server still recognise the host. `None`: the device's own.
    pub mac: Option<MacAddr>,
    /// The host's addresses on it, the primary one first.
    pub addresses: Vec<IpNet>,
    /// Default gateways through it, at most one per family.
    pub gateways: Vec<IpAddr>,
    /// Further routes through it, which its NIC had before.
    pub routes: Vec<Route>,
    /// MTU in bytes; `None`: unchanged.
    pub mtu: Option<u32>,
    /// Networks whose containers are attached to this bridge.
    pub networks: Vec<NetName>,
    /// Unknown `nicextraparams`. Only the ifcfg managers use them, because xCAT writes them verbatim.
    pub params: Vec<(String, String)>,
}

/// Kind of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A NIC of this host.
    Ethernet,
    /// A bond.
    Bond {
        /// Its NICs.
        ports: Vec<IfName>,
        /// The bonding driver's options.
        options: BondOptions,
    },
    /// A VLAN device of a NIC or bond.
    Vlan {
        /// The NIC or bond.
        parent: IfName,
        /// The VLAN.
        id: u16,
    },
    /// A Linux bridge without spanning tree and with forward delay 0: otherwise the host would be unreachable
    /// for 30 s after each change.
    Bridge {
        /// Its uplink.
        port: IfName,
    },
    /// An Open vSwitch bridge. The host's addresses are on its internal port of the same name.
    OvsBridge {
        /// Its uplink, a trunk port.
        port: IfName,
        /// Its datapath.
        datapath: Datapath,
        /// VLAN of the host's addresses: the access tag of the internal port.
        tag: Option<u16>,
    },
}

impl ResolvedNetwork {
    /// The device with this name.
    pub fn device(&self, name: &IfName) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == *name)
    }

    /// The bond or bridge that has the port. A VLAN device is not a master of its parent.
    pub fn master_of(&self, port: &IfName) -> Option<&Device> {
        self.devices.iter().find(|device| device.ports().contains(&port))
    }

    /// The VLAN devices of a parent.
    pub fn vlans_on<'a>(&'a self, parent: &'a IfName) -> impl Iterator<Item = &'a Device> + 'a {
        self.devices
            .iter()
            .filter(move |device| matches!(&device.kind, Kind::Vlan { parent: on, .. } if on == parent))
    }

    /// The devices above a device, directly or not, each after those below it.
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

    /// The devices below a device, directly or not, the highest first.
    pub fn below<'a>(&'a self, upper: &'a IfName) -> Vec<&'a IfName> {
        let mut found: Vec<&IfName> = Vec::new();
        let mut next: Vec<&IfName> = self.device(upper).map(Device::below).unwrap_or_default();
        while !next.is_empty() {
            found.extend(&next);
            next = next.into_iter().filter_map(|name| self.device(name)).flat_map(Device::below).collect();
        }
        found
    }

    /// The NICs below a device, directly or not.
    pub fn nics_below<'a>(&'a self, upper: &'a IfName) -> impl Iterator<Item = &'a IfName> + 'a {
        let is_nic = |name: &&IfName| self.device(name).is_none_or(|device| device.kind == Kind::Ethernet);
        self.below(upper).into_iter().filter(is_nic)
    }

    /// The topmost bond or bridge above a port, which has its addresses; the device itself if it is not a
    /// port.
    pub fn top_of<'a>(&'a self, port: &'a IfName) -> &'a IfName {
        let mut top = port;
        while let Some(master) = self.master_of(top) {
            top = &master.name;
        }
        top
    }

    /// The devices in independent groups, so that each group can be changed at once.
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

    /// The upper device that takes over an address of a lower device: the one that has it in the tables, else
    /// the topmost master. `None`: the address stays.
    pub fn device_for_address(&self, lower: &IfName, address: IpAddr) -> Option<&Device> {
        let above = self.above(lower);
        let wanted = above.iter().find(|upper| upper.has(address)).copied();
        wanted.or_else(|| self.top_above(lower))
    }

    /// The upper device that takes over a route of a lower device: the one that gets the address behind the
    /// route, else the topmost master. `None`: the route stays.
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

    /// The devices that xdock created for this network and that `other` does not have. NICs are never
    /// removed.
    pub fn devices_not_in<'a>(&'a self, other: &'a Self) -> impl DoubleEndedIterator<Item = &'a Device> {
        let created = self.devices.iter().filter(|device| device.kind != Kind::Ethernet);
        created.filter(|device| other.device(&device.name).is_none())
    }

    /// Whether it has an Open vSwitch bridge.
    pub fn has_ovs(&self) -> bool {
        self.devices.iter().any(|device| matches!(device.kind, Kind::OvsBridge { .. }))
    }
}

impl Device {
    /// A device without settings.
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

    /// Whether the device has the address in the tables.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.addr() == address)
    }

    /// Kind of the device, for a message.
    pub fn kind_name(&self) -> &'static str {
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

    /// The devices directly below it.
    pub fn below(&self) -> Vec<&IfName> {
        match &self.kind {
            Kind::Vlan { parent, .. } => vec![parent],
            _ => self.ports(),
        }
    }
}
