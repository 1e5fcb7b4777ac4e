//! Second transaction: removes devices of an earlier run that are no longer in the tables. By then, files and
//! network manager no longer mention them, so no manager creates them again, and their addresses and routes
//! have moved. Upper devices come first, each with what a rollback needs.

use std::fmt;

use hostnet::ovs;
use hostnet::{BondSpec, BridgeSpec, Kind as Is, Link, Settings, VlanSpec};
use inventory::IfName;
use ipnet::IpNet;

use super::bond::option_list;
use super::{KernelStep, Step, SwitchStep};
use crate::steps::network::observe::Observed;
use crate::steps::network::resolved::{Device, Kind, ResolvedNetwork};

/// The plan for devices that are no longer in the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// The steps that remove unused devices.
    pub steps: Vec<Step>,
    /// Devices that cannot be removed yet.
    pub still_in_use: Vec<StillInUse>,
}

/// A device that is no longer in the tables and cannot be removed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillInUse {
    /// The device.
    pub device: Device,
    /// Cause.
    pub why: String,
}

impl fmt::Display for StillInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, why } = self;
        write!(f, "{} {} is kept: {why}", device.kind_name(), device.name)
    }
}

/// Removes the devices in `created` that are not in `network`. NICs stay.
pub fn removal(created: &ResolvedNetwork, network: &ResolvedNetwork, observed: &Observed) -> Removal {
    let mut removal = Removal::default();
    let mut users = Users { network, observed, gone: Vec::new() };
    for device in created.devices_not_in(network).rev() {
        let free = match presence(device, observed) {
            Presence::Absent => continue,
            Presence::Unknown => Err("Open vSwitch does not run".to_owned()),
            Presence::Present(link) => match users.of(device, link) {
                Some(user) => Err(format!("{user} uses it")),
                None => Ok(link),
            },
        };
        match free {
            Err(why) => removal.still_in_use.push(StillInUse { device: device.clone(), why }),
            Ok(link) => {
                removal.steps.extend(remove(device, link, observed));
                users.gone.push(&device.name);
            }
        }
    }
    removal
}

/// Current state of a device that an earlier run created.
enum Presence<'a> {
    Present(&'a Link),
    /// It does not exist, or another device has its name.
    Absent,
    /// Its database cannot be read, and Open vSwitch creates it again when it runs.
    Unknown,
}

fn presence<'a>(device: &Device, observed: &'a Observed) -> Presence<'a> {
    let link = observed.link(&device.name);
    let is = |kind: Is| link.filter(|link| link.kind == kind).map_or(Presence::Absent, Presence::Present);
    match device.kind {
        Kind::Ethernet => Presence::Absent,
        Kind::Bond { .. } => is(Is::Bond),
        Kind::Vlan { .. } => is(Is::Vlan),
        Kind::Bridge { .. } => is(Is::Bridge),
        Kind::OvsBridge { .. } => match (&observed.switch, observed.ovs(&device.name), link) {
            (Some(_), None, _) => Presence::Absent,
            (Some(_), Some(_), Some(link)) => Presence::Present(link),
            // the database or ovs-vswitchd is not running
            (None, ..) | (_, _, None) => Presence::Unknown,
        },
    }
}

/// Finds users of a device.
struct Users<'a> {
    network: &'a ResolvedNetwork,
    observed: &'a Observed,
    /// Devices that are removed before it.
    gone: Vec<&'a IfName>,
}

impl<'a> Users<'a> {
    /// Name or address of one user.
    fn of(&self, device: &'a Device, link: &Link) -> Option<String> {
        let found = self.in_tables(device).or_else(|| self.port(device, link)).or_else(|| self.upper(link));
        found.map(ToString::to_string).or_else(|| self.address(device))
    }

    /// A device of the tables above it, or above a NIC of a bond, which sets its NICs down when it is
    /// removed.
    fn in_tables(&self, device: &Device) -> Option<&IfName> {
        let needed: Vec<&IfName> = match &device.kind {
            Kind::Bond { ports, .. } => ports.iter().chain([&device.name]).collect(),
            _ => vec![&device.name],
        };
        let on_it = |upper: &&Device| upper.below().iter().any(|lower| needed.contains(lower));
        self.network.devices.iter().find(on_it).map(|upper| &upper.name)
    }

    /// A port that xdock did not attach: of a container or virtual machine.
    fn port(&self, device: &Device, link: &Link) -> Option<&IfName> {
        let own = device.ports();
        let attached = self.observed.ovs(&device.name).into_iter().flat_map(|bridge| &bridge.ports);
        let ports = self.observed.ports(link).map(|port| &port.name).chain(attached);
        ports.into_iter().find(|port| **port != device.name && !own.contains(port))
    }

    /// A VLAN device above it, or its master.
    fn upper(&self, link: &Link) -> Option<&IfName> {
        let on_it = |upper: &&Link| {
            matches!(upper.settings, Settings::Vlan { parent, .. } if parent == link.index)
                || link.master == Some(upper.index)
        };
        let uppers = self.observed.links.iter().filter(on_it).map(|upper| &upper.name);
        let switch = self.observed.ovs_of(&link.name).map(|bridge| &bridge.name);
        uppers.chain(switch).find(|upper| **upper != link.name && !self.gone.contains(upper))
    }

    /// An address that xdock did not add. IPv6 addresses of router advertisements do not count.
    fn address(&self, device: &Device) -> Option<String> {
        let foreign = |address: &IpNet| address.addr().is_ipv4() && !device.has(address.addr());
        self.observed.addresses(&device.name).find(foreign).map(|address| address.to_string())
    }
}

/// Steps that remove an existing device with its addresses and routes.
pub fn remove(device: &Device, link: &Link, observed: &Observed) -> Vec<Step> {
    let name = &device.name;
    let is_ovs = matches!(device.kind, Kind::OvsBridge { .. });
    // a new device is up: the rollback of a device that was down ends with setting it down
    let mut steps: Vec<Step> =
        (!link.up && !is_ovs).then(|| Step::Kernel(KernelStep::SetUp(name.clone()))).into_iter().collect();
    steps.extend(
        observed.routes(name).map(|route| Step::Kernel(KernelStep::DelRoute(name.clone(), route.clone()))),
    );
    let addresses: Vec<_> = observed.addresses(name).collect();
    steps.extend(
        addresses
            .into_iter()
            .rev()
            .map(|address| Step::Kernel(KernelStep::DelAddress(name.clone(), address))),
    );
    let (mac, mtu) = (device.mac, Some(link.mtu));
    match &device.kind {
        Kind::Ethernet => {}
        Kind::Bond { ports, options } => {
            steps.extend(released(name, ports, observed));
            let options = option_list(options);
            steps.push(Step::Kernel(KernelStep::RemoveBond(BondSpec {
                name: name.clone(),
                mac,
                mtu,
                options,
            })));
        }
        Kind::Vlan { parent, id } => {
            let (name, parent) = (name.clone(), parent.clone());
            steps.push(Step::Kernel(KernelStep::RemoveVlan(VlanSpec { name, parent, id: *id, mtu })));
        }
        Kind::Bridge { port } => {
            steps.extend(released(name, std::slice::from_ref(port), observed));
            steps.push(Step::Kernel(KernelStep::RemoveBridge(BridgeSpec { name: name.clone(), mac, mtu })));
        }
        Kind::OvsBridge { port, datapath, tag } => {
            // a new internal port is down
            steps.extend(link.up.then(|| Step::Kernel(KernelStep::SetDown(name.clone()))));
            steps.push(Step::Switch(SwitchStep::RemoveBridge(ovs::BridgeSpec {
                name: name.clone(),
                datapath: *datapath,
                mac,
                uplink: observed.ovs(name).filter(|now| now.ports.contains(port)).map(|_| port.clone()),
                tag: *tag,
                mtu: device.mtu,
            })));
        }
    }
    steps
}

fn released(master: &IfName, ports: &[IfName], observed: &Observed) -> Vec<Step> {
    let inside = ports.iter().filter(|port| observed.is_port(port, master));
    inside
        .map(|port| Step::Kernel(KernelStep::DetachPort { port: port.clone(), bridge: master.clone() }))
        .collect()
}
