//! Creates the input of the templates from the desired network and the settings in files of the devices that
//! it replaces. Pure.

use std::net::IpAddr;

use hostnet::Route;
use inventory::{Datapath, IfName};
use ipnet::IpNet;

use super::bond::options;
use super::device_template::{AddressTemplate, DeviceTemplate, MasterTemplate, RouteTemplate};
use super::dialect::{DroppedSetting, ParsedSettings, StaticAddress};
use super::extra_addresses::{ExtraAddresses, extra_addresses};
use super::kept_block::block;
use super::tree::Tree;
use crate::steps::network::resolved::{Device, Kind, ResolvedNetwork};

/// Placeholder for the device's name in lines that move to it.
pub(super) const DEVICE: &str = "@device@";

/// All devices, lower ones first, including ports that only a bridge names.
pub(super) fn device_templates(tree: &Tree, network: &ResolvedNetwork) -> Vec<DeviceTemplate> {
    devices(network).iter().map(|device| view(tree, network, device)).collect()
}

/// Settings of foreign definitions of these devices that our files do not take over.
pub fn lost(tree: &Tree, network: &ResolvedNetwork) -> Vec<DroppedSetting> {
    let mut lost: Vec<DroppedSetting> = Vec::new();
    for device in devices(network) {
        let options = tree.lost_options(&device.name);
        for setting in options.into_iter().chain(not_in_tables(tree, network, &device).lost) {
            if !lost.contains(&setting) {
                lost.push(setting);
            }
        }
    }
    lost
}

fn devices(network: &ResolvedNetwork) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for device in &network.devices {
        let bare = device.below().into_iter().filter(|name| network.device(name).is_none());
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

fn view(tree: &Tree, network: &ResolvedNetwork, device: &Device) -> DeviceTemplate {
    let master = network.master_of(&device.name);
    let sources = sources_of(network, device);
    let parsed = || sources.iter().flat_map(|name| parsed(tree, network, name));
    let dhcp = parsed().any(|parsed| parsed.dhcp);
    let shown = |address: &&IpNet| !(dhcp && address.addr().is_ipv4());
    let addresses: Vec<&IpNet> = device.addresses.iter().filter(shown).collect();
    let dns = unique(parsed().flat_map(|parsed| parsed.dns));
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
    DeviceTemplate {
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
        routes: routes(tree, device, parsed().flat_map(|parsed| parsed.routes)),
        kept: kept(tree, network, device, &sources),
        dns,
        dns4,
        dns6,
        search: unique(parsed().flat_map(|parsed| parsed.search)),
        ports: device.ports().into_iter().map(ToString::to_string).collect(),
        options: options(device),
        parent,
        id,
        datapath,
        tag,
        master: master.map(|master| MasterTemplate { name: master.name.to_string(), kind: kind(master) }),
        vlans: network.vlans_on(&device.name).map(|vlan| vlan.name.to_string()).collect(),
        params: device.params.clone(),
    }
}

/// Settings that apply to a device. If the device does not exist yet, patterns do not count, because they are
/// meant for others.
fn parsed(tree: &Tree, network: &ResolvedNetwork, name: &IfName) -> Vec<ParsedSettings> {
    let is_made = network.device(name).is_some_and(|device| device.kind != Kind::Ethernet);
    let mut parsed = tree.parsed(name);
    parsed.retain(|parsed| parsed.exact || !is_made);
    parsed
}

/// Lines that our file takes over unchanged, from foreign files and from our file of an earlier run. A
/// foreign definition that cannot be changed (`/run`, which each boot writes again) is taken over only once.
fn kept(tree: &Tree, network: &ResolvedNetwork, device: &Device, sources: &[&IfName]) -> Vec<String> {
    let mut lines = tree.kept(&device.name);
    let own = tree.foreign(&device.name).filter(|_| device.kind == Kind::Ethernet).map(|parsed| parsed.kept);
    let is_made = |name: &IfName| network.device(name).is_some_and(|device| device.kind != Kind::Ethernet);
    let moved = sources.iter().flat_map(|name| {
        tree.foreign(name).filter(|parsed| parsed.exact || !is_made(name)).map(|parsed| parsed.moved)
    });
    for definition in own.chain(moved) {
        let definition: Vec<String> =
            definition.iter().map(|line| line.replace(DEVICE, device.name.as_str())).collect();
        if !has(&lines, &definition) {
            lines.extend(definition);
        }
    }
    let addresses = tree.manager().dialect().address_lines(&not_in_tables(tree, network, device).taken);
    let addresses: Vec<String> =
        addresses.iter().map(|line| line.replace(DEVICE, device.name.as_str())).collect();
    if !has(&lines, &addresses) {
        lines.extend(addresses);
    }
    block(&device.name, lines)
}

/// Addresses of foreign definitions that are not in the tables, for the device that gets its NIC's addresses.
fn not_in_tables(tree: &Tree, network: &ResolvedNetwork, device: &Device) -> ExtraAddresses {
    let is_made = |name: &IfName| network.device(name).is_some_and(|device| device.kind != Kind::Ethernet);
    let parsed = sources_of(network, device)
        .into_iter()
        .flat_map(|name| tree.foreign(name).filter(|parsed| parsed.exact || !is_made(name)));
    let addresses: Vec<StaticAddress> = parsed.flat_map(|parsed| parsed.addresses).collect();
    extra_addresses(tree, network, device, &addresses)
}

/// Whether the lines contain these lines in a row.
fn has(lines: &[String], wanted: &[String]) -> bool {
    wanted.is_empty() || lines.windows(wanted.len()).any(|window| window == wanted)
}

/// Like [`sources`]; empty for a port, because its master replaces it.
fn sources_of<'a>(network: &'a ResolvedNetwork, device: &'a Device) -> Vec<&'a IfName> {
    match network.master_of(&device.name) {
        Some(_) => Vec::new(),
        None => sources(network, device),
    }
}

/// The device and the devices that it replaces: settings in their files apply to it. A VLAN device replaces
/// none.
fn sources<'a>(network: &'a ResolvedNetwork, device: &'a Device) -> Vec<&'a IfName> {
    let mut names = vec![&device.name];
    for port in device.ports() {
        match network.device(port) {
            Some(below) => names.extend(sources(network, below)),
            None => names.push(port),
        }
    }
    names
}

fn addressed(addresses: &[&IpNet], device: &Device) -> Vec<AddressTemplate> {
    let mut gateways: Vec<&IpAddr> = device.gateways.iter().collect();
    let mut views = Vec::new();
    for v4 in [true, false] {
        for address in addresses.iter().filter(|address| address.addr().is_ipv4() == v4) {
            let at = gateways.iter().position(|gateway| gateway.is_ipv4() == v4);
            views.push(AddressTemplate {
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

/// The routes of an earlier run, the current ones of its NIC, and those in the NIC's files.
fn routes(tree: &Tree, device: &Device, configured: impl Iterator<Item = Route>) -> Vec<RouteTemplate> {
    let mut routes: Vec<Route> = Vec::new();
    let all =
        tree.kept_routes(&device.name).into_iter().chain(device.routes.iter().cloned()).chain(configured);
    for route in all.filter(|route| route.destination.prefix_len() > 0) {
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes.iter().map(RouteTemplate::of).collect()
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
