//! Questions to the snapshot, and the refusal where its answer is no.

use std::net::IpAddr;

use inventory::{Attachment, HostNetwork, NetName, Snapshot, SnapshotNode};
use ipnet::IpNet;

use crate::refusal::Refusal;

/// The network that has this very subnet.
pub(crate) fn network_with(snapshot: &Snapshot, pool: IpNet) -> Result<&HostNetwork, Refusal> {
    let found = snapshot.networks.iter().find(|on| on.network.subnets.contains(&pool));
    found.ok_or_else(|| Refusal::UnknownPool { pool, version: snapshot.version, known: known(snapshot) })
}

/// The network that a person named.
pub(crate) fn network_named<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a HostNetwork, Refusal> {
    let found = snapshot.networks.iter().find(|on| on.network.name.as_str() == name);
    found.ok_or_else(|| Refusal::UnknownNetworkName {
        name: name.to_owned(),
        version: snapshot.version,
        known: known(snapshot),
    })
}

/// The network of a record, which the tables may have lost since.
pub(crate) fn network_recorded<'a>(
    snapshot: &'a Snapshot,
    name: &NetName,
) -> Result<&'a HostNetwork, Refusal> {
    let vanished = || Refusal::VanishedNetwork { network: name.clone(), version: snapshot.version };
    snapshot.network(name).ok_or_else(vanished)
}

/// The row that has an address on a network, if it is a row of this host.
pub(crate) fn row_at<'a>(
    snapshot: &'a Snapshot,
    on: &HostNetwork,
    address: IpAddr,
) -> Result<(&'a SnapshotNode, &'a Attachment), Refusal> {
    let network = on.network.name.clone();
    if on.network.subnet_of(address).is_none() {
        let subnets = list(&on.network.subnets);
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

/// The row that a container's name names, if it has a place on that network here.
pub(crate) fn row_named<'a>(
    snapshot: &'a Snapshot,
    on: &HostNetwork,
    name: &str,
) -> Result<(&'a SnapshotNode, &'a Attachment), Refusal> {
    let network = on.network.name.clone();
    let place = snapshot.node(name).and_then(|row| {
        let nic = row.nics.iter().find(|nic| nic.network == network)?;
        Some((row, nic))
    });
    let (row, nic) = place.ok_or_else(|| Refusal::UnknownNode {
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

/// The networks of this host as a person reads them.
pub(crate) fn known(snapshot: &Snapshot) -> String {
    let each =
        snapshot.networks.iter().map(|on| format!("{} ({})", on.network.name, list(&on.network.subnets)));
    let all = each.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "none".to_owned() } else { all }
}

/// Subnets as a person reads them.
pub(crate) fn list(subnets: &[IpNet]) -> String {
    let each: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(" and ") }
}
