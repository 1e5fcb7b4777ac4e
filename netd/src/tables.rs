//! Lookups in the snapshot. A failed lookup is a refusal.

use std::net::IpAddr;

use inventory::{Attachment, HostNetwork, NetName, Snapshot, SnapshotNode};
use ipnet::IpNet;

use crate::refusal::Refusal;

/// The network with this subnet.
pub(crate) fn network_with_subnet(snapshot: &Snapshot, pool: IpNet) -> Result<&HostNetwork, Refusal> {
    let found = snapshot.networks.iter().find(|on| on.network.subnets.contains(&pool));
    found.ok_or_else(|| Refusal::UnknownPool {
        pool,
        version: snapshot.version,
        known: list_networks(snapshot),
    })
}

/// The network with this name.
pub(crate) fn network_named<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a HostNetwork, Refusal> {
    let found = snapshot.networks.iter().find(|on| on.network.name.as_str() == name);
    found.ok_or_else(|| Refusal::UnknownNetworkName {
        name: name.to_owned(),
        version: snapshot.version,
        known: list_networks(snapshot),
    })
}

/// The network of a record. The tables may no longer have it.
pub(crate) fn network_recorded<'a>(
    snapshot: &'a Snapshot,
    name: &NetName,
) -> Result<&'a HostNetwork, Refusal> {
    let vanished = || Refusal::VanishedNetwork { network: name.clone(), version: snapshot.version };
    snapshot.network(name).ok_or_else(vanished)
}

/// The row with this address on a network, if it belongs to this host.
pub(crate) fn row_with_address<'a>(
    snapshot: &'a Snapshot,
    on: &HostNetwork,
    address: IpAddr,
) -> Result<(&'a SnapshotNode, &'a Attachment), Refusal> {
    let network = on.network.name.clone();
    if on.network.subnet_of(address).is_none() {
        let subnets = list_subnets(&on.network.subnets);
        return Err(Refusal::Outside { address, network, subnets });
    }
    let (version, host) = (snapshot.version, snapshot.host.clone());
    let (row, nic) = snapshot.holder(&network, address).ok_or_else(|| Refusal::UnknownAddress {
        address,
        network,
        version,
        host: host.clone(),
    })?;
    if row.host != snapshot.host {
        let (node, lives) = (row.node.clone(), row.host.clone());
        return Err(Refusal::OtherHost { address, node, lives, host });
    }
    Ok((row, nic))
}

/// The row with this name, if it has an interface on the network and belongs to this host.
pub(crate) fn row_with_name<'a>(
    snapshot: &'a Snapshot,
    on: &HostNetwork,
    name: &str,
) -> Result<(&'a SnapshotNode, &'a Attachment), Refusal> {
    let network = on.network.name.clone();
    let found = snapshot.node(name).and_then(|row| {
        let nic = row.nics.iter().find(|nic| nic.network == network)?;
        Some((row, nic))
    });
    let (row, nic) = found.ok_or_else(|| Refusal::UnknownNode {
        name: name.to_owned(),
        network,
        version: snapshot.version,
        host: snapshot.host.clone(),
    })?;
    match nic.addresses.first() {
        Some(address) if row.host != snapshot.host => Err(Refusal::OtherHost {
            address: *address,
            node: row.node.clone(),
            lives: row.host.clone(),
            host: snapshot.host.clone(),
        }),
        _ => Ok((row, nic)),
    }
}

/// The networks of this host, for messages.
pub(crate) fn list_networks(snapshot: &Snapshot) -> String {
    let each = snapshot
        .networks
        .iter()
        .map(|on| format!("{} ({})", on.network.name, list_subnets(&on.network.subnets)));
    let all = each.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "none".to_owned() } else { all }
}

/// Subnets, for messages.
pub(crate) fn list_subnets(subnets: &[IpNet]) -> String {
    let each: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(" and ") }
}
