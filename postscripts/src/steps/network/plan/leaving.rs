//! Devices that an earlier run made and that the tables do not have any more. They go in a change of their own, after the one
//! that did without them: files and manager have forgotten them, so that no manager makes them again, and nothing that
//! moved away from them is on them any more. Upper ones first, each with what a way back needs.

use std::fmt;

use hostnet::{BondSpec, BridgeSpec, Kind as Is, Link, Settings, VlanSpec};
use inventory::IfName;

use super::bond::option_words;
use super::{OvsSpec, Step};
use crate::steps::network::observe::Observed;
use crate::steps::network::stack::{Device, Kind, Stack};

/// What becomes of the devices that left the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaving {
    /// The steps that remove those that nobody uses.
    pub steps: Vec<Step>,
    /// Those that stay.
    pub used: Vec<Used>,
}

/// A device that left the tables while somebody uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The device.
    pub device: Device,
    /// Who uses it.
    pub by: String,
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, by } = self;
        write!(f, "{} {} stays, for {by} uses it", device.word(), device.name)
    }
}

/// What `made` has and the tables do not. A NIC is nobody's to remove: it only loses what stood on it.
pub fn leaving(made: &Stack, stack: &Stack, observed: &Observed) -> Leaving {
    let mut leaving = Leaving::default();
    let mut gone: Vec<&IfName> = Vec::new();
    for device in made.devices.iter().rev().filter(|device| stack.device(&device.name).is_none()) {
        let Some(link) = observed.link(&device.name).filter(|link| is_of(device, link, observed)) else {
            continue;
        };
        match user(device, link, stack, observed, &gone) {
            Some(by) => leaving.used.push(Used { device: device.clone(), by }),
            None => {
                leaving.steps.extend(remove(device, link, observed));
                gone.push(&device.name);
            }
        }
    }
    leaving
}

/// Whether what has the name is what was made.
fn is_of(device: &Device, link: &Link, observed: &Observed) -> bool {
    match device.kind {
        Kind::Ethernet => false,
        Kind::Bond { .. } => link.kind == Is::Bond,
        Kind::Vlan { .. } => link.kind == Is::Vlan,
        Kind::Bridge { .. } => link.kind == Is::Bridge,
        Kind::OvsBridge { .. } => observed.ovs(&device.name).is_some(),
    }
}

/// Who needs the device still: a device of the tables, a port or device that we did not put there, or an address that we did not
/// give it.
fn user(
    device: &Device,
    link: &Link,
    stack: &Stack,
    observed: &Observed,
    gone: &[&IfName],
) -> Option<String> {
    let name = &device.name;
    // a bond sets the NICs down that leave it
    let needed: Vec<&IfName> = match &device.kind {
        Kind::Bond { ports, .. } => ports.iter().chain([name]).collect(),
        _ => vec![name],
    };
    let on = |upper: &&Device| upper.below().iter().any(|lower| needed.contains(lower));
    let of_tables = stack.devices.iter().find(on).map(|upper| &upper.name);
    let own = device.ports();
    let port = observed.ports(link).map(|port| &port.name).find(|port| !own.contains(port));
    let plugged = observed.ovs(name).into_iter().flat_map(|bridge| &bridge.ports);
    let plugged = plugged.filter(|port| *port != name).find(|port| !own.contains(port));
    let on_it = |upper: &&Link| {
        let is_vlan = matches!(upper.settings, Settings::Vlan { parent, .. } if parent == link.index);
        (is_vlan || link.master == Some(upper.index)) && !gone.contains(&&upper.name)
    };
    let upper = observed.links.iter().find(on_it).map(|upper| &upper.name);
    let switch = observed.ovs_of(name).map(|bridge| &bridge.name).filter(|bridge| *bridge != name);
    let switch = switch.filter(|bridge| !gone.contains(bridge));
    // IPv6 addresses of router advertisements come by themselves
    let foreign = |address: &ipnet::IpNet| address.addr().is_ipv4() && !device.has(address.addr());
    let address = observed.addresses(name).find(foreign).map(|address| address.to_string());
    let device = of_tables.or(port).or(plugged).or(upper).or(switch);
    device.map(ToString::to_string).or(address)
}

fn remove(device: &Device, link: &Link, observed: &Observed) -> Vec<Step> {
    let name = &device.name;
    let is_ovs = matches!(device.kind, Kind::OvsBridge { .. });
    // what is made is up: the way back of one that was down ends with setting it down
    let mut steps: Vec<Step> = (!link.up && !is_ovs).then(|| Step::SetUp(name.clone())).into_iter().collect();
    steps.extend(observed.routes(name).map(|route| Step::DelRoute(name.clone(), route.clone())));
    let addresses: Vec<_> = observed.addresses(name).collect();
    steps.extend(addresses.into_iter().rev().map(|address| Step::DelAddress(name.clone(), address)));
    let (mac, mtu) = (device.mac, Some(link.mtu));
    match &device.kind {
        Kind::Ethernet => {}
        Kind::Bond { ports, options } => {
            steps.extend(released(name, ports, observed));
            let options = option_words(options);
            steps.push(Step::RemoveBond(BondSpec { name: name.clone(), mac, mtu, options }));
        }
        Kind::Vlan { parent, id } => {
            let (name, parent) = (name.clone(), parent.clone());
            steps.push(Step::RemoveVlan(VlanSpec { name, parent, id: *id, mtu }));
        }
        Kind::Bridge { port } => {
            steps.extend(released(name, std::slice::from_ref(port), observed));
            steps.push(Step::RemoveBridge(BridgeSpec { name: name.clone(), mac, mtu }));
        }
        Kind::OvsBridge { port, datapath, tag } => {
            // the internal port is down when it is made
            steps.extend(link.up.then(|| Step::SetDown(name.clone())));
            steps.push(Step::RemoveOvs(OvsSpec {
                name: name.clone(),
                datapath: *datapath,
                mac,
                uplink: port.clone(),
                tag: *tag,
                mtu: device.mtu,
            }));
        }
    }
    steps
}

fn released(master: &IfName, ports: &[IfName], observed: &Observed) -> Vec<Step> {
    let inside = ports.iter().filter(|port| observed.is_port(port, master));
    inside.map(|port| Step::Release { port: port.clone(), bridge: master.clone() }).collect()
}
