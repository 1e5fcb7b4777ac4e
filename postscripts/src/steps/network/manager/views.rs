//! From the stack, and what the files say of the devices whose place it takes, to what the templates get. Pure.

use std::net::IpAddr;

use hostnet::Route;
use inventory::{Datapath, IfName};
use ipnet::IpNet;

use super::bond::options;
use super::dialect::{Lost, Said, Static};
use super::kept::block;
use super::statics::{Beyond, beyond};
use super::tree::Tree;
use super::view::{AddressView, MasterView, RouteView, View};
use crate::steps::network::stack::{Device, Kind, Stack};

/// Stands for the device's name in lines that are moved to it.
pub(super) const DEVICE: &str = "@device@";

/// All devices, lower first; with ports that only a bridge names.
pub(super) fn views(tree: &Tree, stack: &Stack) -> Vec<View> {
    devices(stack).iter().map(|device| view(tree, stack, device)).collect()
}

/// Settings of somebody else's definitions of these devices that ours do not take over.
pub fn lost(tree: &Tree, stack: &Stack) -> Vec<Lost> {
    let mut lost: Vec<Lost> = Vec::new();
    for device in devices(stack) {
        let options = tree.lost_options(&device.name);
        for setting in options.into_iter().chain(beyond_tables(tree, stack, &device).lost) {
            if !lost.contains(&setting) {
                lost.push(setting);
            }
        }
    }
    lost
}

fn devices(stack: &Stack) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for device in &stack.devices {
        let bare = device.below().into_iter().filter(|name| stack.device(name).is_none());
        for name in bare.filter(|name| !devices.iter().any(|known| known.name == **name)).collect::<Vec<_>>()
        {
            devices.push(nic(name, device.mtu));
        }
        devices.push(device.clone());
    }
    devices
}

fn nic(name: &IfName, mtu: Option<u32>) -> Device {
    Device {
        name: name.clone(),
        kind: Kind::Ethernet,
        mac: None,
        addresses: Vec::new(),
        gateways: Vec::new(),
        routes: Vec::new(),
        mtu,
        networks: Vec::new(),
        params: Vec::new(),
    }
}

fn view(tree: &Tree, stack: &Stack, device: &Device) -> View {
    let master = stack.master_of(&device.name);
    let sources = sources_of(stack, device);
    let said = || sources.iter().flat_map(|name| said(tree, stack, name));
    let dhcp = said().any(|said| said.dhcp);
    let shown = |address: &&IpNet| !(dhcp && address.addr().is_ipv4());
    let addresses: Vec<&IpNet> = device.addresses.iter().filter(shown).collect();
    let dns = unique(said().flat_map(|said| said.dns));
    let (dns6, dns4) = dns.iter().cloned().partition(|server| server.contains(':'));
    let gateway =
        |v4: bool| device.gateways.iter().find(|gateway| gateway.is_ipv4() == v4).map(ToString::to_string);
    let (parent, id) = match &device.kind {
        Kind::Vlan { parent, id } => (Some(parent.to_string()), Some(*id)),
        _ => (None, None),
    };
    let (datapath, tag) = match &device.kind {
        Kind::OvsBridge { datapath, tag, .. } => (Some(word(*datapath)), *tag),
        _ => (None, None),
    };
    View {
        name: device.name.to_string(),
        kind: kind(device),
        what: what(device, master),
        mac: device.mac.map(|mac| mac.to_string()),
        mtu: device.mtu,
        dhcp,
        v4: dhcp || addresses.iter().any(|address| address.addr().is_ipv4()),
        v6: addresses.iter().any(|address| address.addr().is_ipv6()),
        addresses: addressed(&addresses, device),
        gateway4: gateway(true).filter(|_| !dhcp),
        gateway6: gateway(false),
        routes: routes(tree, device, said().flat_map(|said| said.routes)),
        kept: kept(tree, stack, device, &sources),
        dns,
        dns4,
        dns6,
        search: unique(said().flat_map(|said| said.search)),
        ports: device.ports().into_iter().map(ToString::to_string).collect(),
        options: options(device),
        parent,
        id,
        datapath,
        tag,
        master: master.map(|master| MasterView { name: master.name.to_string(), kind: kind(master) }),
        vlans: stack.vlans_on(&device.name).map(|vlan| vlan.name.to_string()).collect(),
        params: device.params.clone(),
    }
}

/// What holds for a device. Of one that does not exist yet a pattern says nothing: it is there for others.
fn said(tree: &Tree, stack: &Stack, name: &IfName) -> Vec<Said> {
    let is_made = stack.device(name).is_some_and(|device| device.kind != Kind::Ethernet);
    let mut said = tree.said(name);
    said.retain(|said| said.exact || !is_made);
    said
}

/// What stands in others' files and in ours of an earlier run, and is taken over as it is. A definition of somebody else that we
/// must leave in place (`/run`, which each boot writes again) is taken over once.
fn kept(tree: &Tree, stack: &Stack, device: &Device, sources: &[&IfName]) -> Vec<String> {
    let mut lines = tree.kept(&device.name);
    let own = tree.foreign(&device.name).filter(|_| device.kind == Kind::Ethernet).map(|said| said.kept);
    let is_made = |name: &IfName| stack.device(name).is_some_and(|device| device.kind != Kind::Ethernet);
    let moved = sources.iter().flat_map(|name| {
        tree.foreign(name).filter(|said| said.exact || !is_made(name)).map(|said| said.moved)
    });
    for definition in own.chain(moved) {
        let definition: Vec<String> =
            definition.iter().map(|line| line.replace(DEVICE, device.name.as_str())).collect();
        if !has(&lines, &definition) {
            lines.extend(definition);
        }
    }
    let addresses = tree.manager().dialect().address_lines(&beyond_tables(tree, stack, device).taken);
    let addresses: Vec<String> =
        addresses.iter().map(|line| line.replace(DEVICE, device.name.as_str())).collect();
    if !has(&lines, &addresses) {
        lines.extend(addresses);
    }
    block(&device.name, lines)
}

/// Addresses of somebody else's definitions that the tables do not have, where the device gets its NIC's addresses.
fn beyond_tables(tree: &Tree, stack: &Stack, device: &Device) -> Beyond {
    let is_made = |name: &IfName| stack.device(name).is_some_and(|device| device.kind != Kind::Ethernet);
    let said = sources_of(stack, device)
        .into_iter()
        .flat_map(|name| tree.foreign(name).filter(|said| said.exact || !is_made(name)));
    let addresses: Vec<Static> = said.flat_map(|said| said.addresses).collect();
    beyond(tree, stack, device, &addresses)
}

/// Whether the lines have these one after another.
fn has(lines: &[String], wanted: &[String]) -> bool {
    wanted.is_empty() || lines.windows(wanted.len()).any(|window| window == wanted)
}

/// As [`sources`]; a port has none, for its master takes its place.
fn sources_of<'a>(stack: &'a Stack, device: &'a Device) -> Vec<&'a IfName> {
    match stack.master_of(&device.name) {
        Some(_) => Vec::new(),
        None => sources(stack, device),
    }
}

/// The device, and those whose place it takes: what their files say holds for it. VLANs take nobody's place.
fn sources<'a>(stack: &'a Stack, device: &'a Device) -> Vec<&'a IfName> {
    let mut names = vec![&device.name];
    for port in device.ports() {
        match stack.device(port) {
            Some(below) => names.extend(sources(stack, below)),
            None => names.push(port),
        }
    }
    names
}

fn addressed(addresses: &[&IpNet], device: &Device) -> Vec<AddressView> {
    let mut gateways: Vec<&IpAddr> = device.gateways.iter().collect();
    let mut views = Vec::new();
    for v4 in [true, false] {
        for address in addresses.iter().filter(|address| address.addr().is_ipv4() == v4) {
            let at = gateways.iter().position(|gateway| gateway.is_ipv4() == v4);
            views.push(AddressView {
                family: if v4 { 4 } else { 6 },
                address: address.to_string(),
                ip: address.addr().to_string(),
                prefix: address.prefix_len(),
                gateway: at.map(|at| gateways.remove(at).to_string()),
            });
        }
    }
    views
}

/// The routes of an earlier run, those of its NIC now, and those that the NIC's files have.
fn routes(tree: &Tree, device: &Device, configured: impl Iterator<Item = Route>) -> Vec<RouteView> {
    let mut routes: Vec<Route> = Vec::new();
    let all = tree.carried(&device.name).into_iter().chain(device.routes.iter().cloned()).chain(configured);
    for route in all.filter(|route| route.destination.prefix_len() > 0) {
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes.iter().map(RouteView::of).collect()
}

fn kind(device: &Device) -> &'static str {
    match device.kind {
        Kind::Ethernet => "ethernet",
        Kind::Bond { .. } => "bond",
        Kind::Vlan { .. } => "vlan",
        Kind::Bridge { .. } => "bridge",
        Kind::OvsBridge { .. } => "ovs",
    }
}

fn word(datapath: Datapath) -> &'static str {
    match datapath {
        Datapath::System => "system",
        Datapath::Netdev => "netdev",
    }
}

fn what(device: &Device, master: Option<&Device>) -> String {
    let list = |names: Vec<&str>| names.join(", ");
    let networks = || list(device.networks.iter().map(|network| network.as_str()).collect());
    let own = match &device.kind {
        Kind::Ethernet => "NIC".to_owned(),
        Kind::Bond { ports, .. } => format!("bond of {}", list(ports.iter().map(IfName::as_str).collect())),
        Kind::Vlan { parent, id } => format!("VLAN {id} of {parent}"),
        Kind::Bridge { .. } => format!("bridge of {}", networks()),
        Kind::OvsBridge { .. } => format!("Open vSwitch bridge of {}", networks()),
    };
    master.map_or(own.clone(), |master| format!("{own}, port of {}", master.name))
}

fn unique(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}
