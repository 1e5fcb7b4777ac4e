//! Values that the host has and the tables do not: gateways, routes and the MAC.

use std::net::IpAddr;

use hostnet::Route;
use inventory::{IfName, MacAddr};
use ipnet::IpNet;

use super::Memory;
use crate::steps::network::observe::Observed;
use crate::steps::network::resolved::{Device, Kind, ResolvedNetwork};

/// Fills in gateways, routes and Ethernet addresses.
pub(super) fn fill_in(network: &mut ResolvedNetwork, observed: &Observed, memory: &Memory) {
    for at in 0..network.devices.len() {
        let Some(device) = network.devices.get(at) else { continue };
        let gateways = gateways(network, device, observed, memory.gateways.get(&device.name));
        let routes = routes(network, device, observed, memory.routes.get(&device.name));
        let mac = mac(network, device, observed);
        if let Some(device) = network.devices.get_mut(at) {
            (device.gateways, device.routes, device.mac) = (gateways, routes, mac);
        }
    }
}

/// Whether an existing route leads through this device, now or after the change.
fn leads_through(
    network: &ResolvedNetwork,
    device: &Device,
    on: &IfName,
    route: &Route,
    observed: &Observed,
) -> bool {
    if *on == device.name {
        let addresses: Vec<IpNet> = observed.addresses(on).collect();
        return network.device_for_route(on, &addresses, route).is_none();
    }
    let addresses: Vec<IpNet> = observed.addresses(on).collect();
    network.device_for_route(on, &addresses, route).is_some_and(|home| home.name == device.name)
}

/// The default gateways of a device: those of the tables, else those that it or a lower device has, or had
/// before an address was lost. If the default route of a family leads through another device, that one stays,
/// because two would compete.
fn gateways(
    network: &ResolvedNetwork,
    device: &Device,
    observed: &Observed,
    before: Option<&Vec<IpAddr>>,
) -> Vec<IpAddr> {
    let below = network.below(&device.name);
    let here = |on: &IfName| *on == device.name || below.contains(&on);
    let defaults: Vec<(&IfName, &Route, IpAddr)> = observed
        .routes
        .iter()
        .filter(|(_, route)| route.destination.prefix_len() == 0)
        .filter_map(|(on, route)| Some((on, route, route.gateway?)))
        .collect();
    let mut gateways = Vec::new();
    for of_family in [IpAddr::is_ipv4 as fn(&IpAddr) -> bool, IpAddr::is_ipv6] {
        let mut now = defaults.iter().filter(|(_, _, gateway)| of_family(gateway));
        let elsewhere = now.clone().any(|(on, ..)| !here(on));
        let in_tables = device.gateways.iter().copied().find(of_family);
        let kept = now.find(|(on, route, _)| leads_through(network, device, on, route, observed));
        let kept = kept.map(|(_, _, gateway)| *gateway);
        let near = |gateway: &IpAddr| device.addresses.iter().any(|own| own.contains(gateway));
        let before = before.into_iter().flatten().copied().find(of_family);
        let before = before.filter(|gateway| !elsewhere && near(gateway));
        gateways.extend(in_tables.filter(|_| !elsewhere || kept.is_some()).or(kept).or(before));
    }
    gateways
}

/// The routes of lower devices, and those that were kept before.
fn routes(
    network: &ResolvedNetwork,
    device: &Device,
    observed: &Observed,
    before: Option<&Vec<Route>>,
) -> Vec<Route> {
    let mut routes: Vec<Route> = before.cloned().unwrap_or_default();
    for lower in network.below(&device.name) {
        let through = observed.routes(lower).filter(|route| route.destination.prefix_len() > 0);
        for route in through.filter(|route| leads_through(network, device, lower, route, observed)) {
            if !routes.contains(route) {
                routes.push(route.clone());
            }
        }
    }
    routes
}

/// A bridge that already has its port keeps its MAC: a DHCP server may know the host by it.
fn mac(network: &ResolvedNetwork, device: &Device, observed: &Observed) -> Option<MacAddr> {
    let own = observed.link(&device.name);
    match &device.kind {
        Kind::Ethernet | Kind::Vlan { .. } => None,
        Kind::Bond { ports, .. } => match own {
            Some(link) => link.mac,
            None => of_port(network, device, ports, observed),
        },
        Kind::Bridge { port } if observed.is_port(port, &device.name) => own.and_then(|link| link.mac),
        Kind::OvsBridge { port, .. }
            if observed.ovs(&device.name).is_some_and(|ovs| ovs.ports.contains(port)) =>
        {
            own.and_then(|link| link.mac)
        }
        Kind::Bridge { port } | Kind::OvsBridge { port, .. } => of(network, port, observed),
    }
}

/// MAC of the NIC with the host's address, else of the first NIC.
fn of_port(
    network: &ResolvedNetwork,
    bond: &Device,
    ports: &[IfName],
    observed: &Observed,
) -> Option<MacAddr> {
    let is_known = |port: &&IfName| {
        let planned = |address: &IpNet| {
            bond.has(address.addr())
                || network.above(&bond.name).iter().any(|upper| upper.has(address.addr()))
        };
        observed.addresses(port).any(|address| planned(&address))
    };
    // a NIC in a bridge of ours carries the bridge's address
    let in_bridge = |port: &&IfName| {
        let master = observed.link(port).and_then(|link| link.master);
        master.is_some_and(|master| {
            network
                .devices
                .iter()
                .any(|device| observed.link(&device.name).is_some_and(|link| link.index == master))
        })
    };
    let known = ports.iter().find(is_known).or_else(|| ports.iter().find(in_bridge));
    observed.link(known.or(ports.first())?)?.mac
}

/// MAC of a device that may not exist yet: a VLAN device has its parent's.
fn of(network: &ResolvedNetwork, name: &IfName, observed: &Observed) -> Option<MacAddr> {
    if let Some(link) = observed.link(name) {
        return link.mac;
    }
    let device = network.device(name)?;
    match &device.kind {
        Kind::Vlan { parent, .. } => of(network, parent, observed),
        _ => device.mac,
    }
}
