//! Reads interfaces, routes, neighbours and forwarding databases.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hostnet::{Kernel, Kind, NeighbourState, NetError};
use inspection::{FdbEntry, Link, Neighbour, Route, Stack};
use inventory::{IfName, MacAddr};
use ipnet::IpNet;

use crate::interface::is_ours;

/// The ports and addresses that matter; others are left out of the answer.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Host ends of the container.
    pub(super) ports: Vec<IfName>,
    /// Addresses of the destinations.
    pub(super) addresses: Vec<IpAddr>,
}

impl Selection {
    /// Whether a device is none of netd's, or of the container.
    pub(super) fn has(&self, name: &str) -> bool {
        !is_ours(name) || self.ports.iter().any(|port| port.as_str() == name)
    }
}

/// Interfaces, routes and neighbours of the kernel's namespace.
pub(super) async fn read(
    kernel: &Kernel,
    links: &[hostnet::Link],
    selection: &Selection,
) -> Result<Stack, NetError> {
    let names: BTreeMap<u32, &IfName> = links.iter().map(|link| (link.index, &link.name)).collect();
    let name = |index: u32| names.get(&index).map(|name| (*name).clone());
    let (addresses, routes, neighbours) =
        tokio::try_join!(kernel.all_addresses(), kernel.all_routes(), kernel.neighbours())?;
    let of_link = |index| {
        let own = addresses.iter().filter(move |(on, address)| *on == index && !is_link_local(address));
        own.map(|(_, address)| *address).collect()
    };
    let link = |link: &hostnet::Link| Link {
        name: link.name.clone(),
        kind: kind(&link.kind),
        mac: link.mac.and_then(unicast),
        mtu: link.mtu,
        up: link.up,
        carrier: link.running,
        master: link.master.and_then(name),
        addresses: of_link(link.index),
    };
    let neighbour = |entry: &hostnet::Neighbour| {
        Some(Neighbour {
            address: entry.address,
            mac: entry.mac.and_then(unicast),
            device: name(entry.device)?,
            permanent: entry.state == NeighbourState::Permanent,
            failed: entry.state == NeighbourState::Failed,
        })
    };
    let wanted = neighbours.iter().filter(|entry| selection.addresses.contains(&entry.address));
    let route = |(on, route): &(u32, hostnet::Route)| {
        let hostnet::Route { destination, gateway, .. } = *route;
        Some(Route { destination, gateway, device: name(*on)? })
    };
    Ok(Stack {
        namespace: None,
        links: links.iter().filter(|link| selection.has(link.name.as_str())).map(link).collect(),
        routes: routes.iter().filter_map(route).collect(),
        neighbours: wanted.filter_map(neighbour).collect(),
    })
}

/// Forwarding database entries of these MACs on Linux bridges, without the MACs of the ports themselves.
pub(super) async fn fdb(
    kernel: &Kernel,
    links: &[hostnet::Link],
    macs: &[MacAddr],
) -> Result<Vec<FdbEntry>, NetError> {
    let name = |index: u32| links.iter().find(|link| link.index == index).map(|link| link.name.clone());
    let all = kernel.forwarding_database().await?.into_iter();
    let wanted = all.filter(|entry| macs.contains(&entry.mac));
    let entry = |entry: hostnet::FdbEntry| {
        let (bridge, port) = (name(entry.bridge)?, name(entry.port)?);
        let age_ms = entry.age.and_then(|age| u64::try_from(age.as_millis()).ok());
        Some(FdbEntry { bridge, mac: entry.mac, port, vlan: None, fixed: entry.fixed, age_ms })
    };
    Ok(wanted.filter_map(entry).collect())
}

/// `None` for the zeros of the loopback interface, which are no address.
fn unicast(mac: MacAddr) -> Option<MacAddr> {
    mac.to_string().parse().ok()
}

fn is_link_local(address: &IpNet) -> bool {
    matches!(address.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Bridge => "bridge".to_owned(),
        Kind::Bond => "bond".to_owned(),
        Kind::Vlan => "vlan".to_owned(),
        Kind::Veth => "veth".to_owned(),
        Kind::Other(name) => name.clone(),
    }
}
