//! What an endpoint may send and receive, according to its record and the tables. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hostnet::{AddressSet, Identity, Isolation, PortFilter};
use inventory::{HostNetwork, NetName, NodeName, Snapshot, SnapshotNode};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use crate::state::Endpoint;

/// The filters of this host's endpoints.
#[derive(Debug)]
pub(crate) struct Filters<'a> {
    snapshot: Option<&'a Snapshot>,
    /// All containers of each isolated network.
    members: BTreeMap<&'a NetName, Arc<AddressSet>>,
    /// Nodes that link to a node.
    consumers: BTreeMap<&'a NodeName, Vec<&'a SnapshotNode>>,
}

impl<'a> Filters<'a> {
    /// Reads the tables. With isolated networks this reads all nodes.
    pub(crate) fn new(snapshot: Option<&'a Snapshot>) -> Self {
        let mut filters = Self { snapshot, members: BTreeMap::new(), consumers: BTreeMap::new() };
        let Some(snapshot) = snapshot else { return filters };
        for on in snapshot.networks.iter().filter(|on| on.network.isolate) {
            let addresses = all_nodes(snapshot).flat_map(|node| addresses_on(node, &on.network.name));
            filters.members.insert(&on.network.name, Arc::new(addresses.collect()));
        }
        if !filters.members.is_empty() {
            for consumer in all_nodes(snapshot) {
                for link in &consumer.links {
                    filters.consumers.entry(&link.node).or_default().push(consumer);
                }
            }
        }
        filters
    }

    /// The filter of an endpoint's port. An endpoint that left the tables keeps the addresses of its record.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> PortFilter {
        let row = self.snapshot.and_then(|snapshot| snapshot.node(endpoint.node.as_str()));
        let own = row.and_then(|row| row.own.as_deref());
        let on = self.snapshot.and_then(|snapshot| snapshot.network(&endpoint.on));
        let here = |address: &&IpAddr| on.is_some_and(|on| on.network.subnet_of(**address).is_some());
        let identity = Identity {
            mac: endpoint.mac,
            addresses: endpoint.addresses.iter().map(IpNet::addr).collect(),
            further: own.into_iter().flat_map(|own| &own.extra_addresses).filter(here).copied().collect(),
        };
        let filtered = !own.is_some_and(|own| own.spoofing);
        let isolation = on.and_then(|on| self.isolation(endpoint, row, on, &identity));
        PortFilter { identity: filtered.then_some(identity), isolation }
    }

    fn isolation(
        &self,
        endpoint: &Endpoint,
        row: Option<&SnapshotNode>,
        on: &HostNetwork,
        identity: &Identity,
    ) -> Option<Isolation> {
        let members = self.members.get(&endpoint.on)?;
        let node = |name: &NodeName| self.snapshot?.node(name.as_str());
        let links = row.into_iter().flat_map(|row| &row.links);
        let targets = links.filter_map(|link| node(&link.node));
        let consumers = self.consumers.get(&endpoint.node).into_iter().flatten().copied();
        let broadcasts = on.network.subnets.iter().filter_map(broadcast);
        Some(Isolation {
            network: number(&endpoint.on),
            mac: endpoint.mac,
            own: identity.addresses.iter().chain(&identity.further).copied().collect(),
            broadcasts: broadcasts.collect(),
            members: Arc::clone(members),
            targets: targets.flat_map(|node| addresses_on(node, &endpoint.on)).collect(),
            consumers: consumers.flat_map(|node| addresses_on(node, &endpoint.on)).collect(),
        })
    }
}

fn all_nodes(snapshot: &Snapshot) -> impl Iterator<Item = &SnapshotNode> {
    snapshot.nodes.iter().chain(&snapshot.carried)
}

fn addresses_on<'a>(node: &'a SnapshotNode, network: &NetName) -> impl Iterator<Item = IpAddr> + use<'a> {
    let nic = node.nics.iter().find(|nic| nic.network == *network);
    nic.into_iter().flat_map(|nic| nic.addresses.iter().copied())
}

fn broadcast(subnet: &IpNet) -> Option<Ipv4Addr> {
    match subnet {
        IpNet::V4(net) if net.prefix_len() < 31 => Some(net.broadcast()),
        _ => None,
    }
}

/// The number of a network, the same in each run of netd. Three bytes, of which two networks of one host practically
/// never have the same.
fn number(network: &NetName) -> u32 {
    let digest = Sha256::digest(network.as_str());
    let [a, b, c] = digest.first_chunk().copied().unwrap_or_default();
    u32::from_be_bytes([0, a, b, c])
}

#[cfg(test)]
mod tests {
    use inventory::{Attachment, Fabric, Link, Network, OwnSettings};

    use super::*;
    use crate::boot_time::BootTime;
    use crate::state::Phase;

    fn tables(isolate: bool) -> Snapshot {
        let network = Network {
            name: "mynet0".parse().unwrap(),
            subnets: vec!["10.99.0.0/16".parse().unwrap()],
            gateways: vec![],
            vlan: None,
            mtu: None,
            isolate,
        };
        let on = HostNetwork { network, fabric: Fabric::Flat, bridge: "br0".parse().unwrap(), tag: None };
        let node = |name: &str, host: &str, last: u8, links: &[&str]| {
            let nic = Attachment {
                network: "mynet0".parse().unwrap(),
                nic: "eth0".parse().unwrap(),
                mac: format!("02:42:0a:63:01:{last:02x}").parse().unwrap(),
                addresses: vec![IpAddr::from([10, 99, 1, last])],
            };
            let link = |name: &&str| Link { node: name.parse().unwrap(), alias: "x".to_owned() };
            let links = links.iter().map(link).collect();
            SnapshotNode {
                links,
                ..SnapshotNode::new(name.parse().unwrap(), host.parse().unwrap(), vec![nic])
            }
        };
        let nodes = vec![
            node("d1", "host1", 1, &["d2", "d8"]),
            node("d2", "host2", 2, &[]),
            node("d3", "host2", 3, &["d1", "d2"]),
            node("d4", "host1", 4, &[]),
        ];
        Snapshot::seal("host1".parse().unwrap(), 1, vec![on], nodes)
    }

    fn endpoint() -> Endpoint {
        Endpoint {
            id: "a".repeat(64).parse().unwrap(),
            network: "1".repeat(64).parse().unwrap(),
            on: "mynet0".parse().unwrap(),
            node: "d1".parse().unwrap(),
            nic: "eth0".parse().unwrap(),
            mac: "02:42:0a:63:01:01".parse().unwrap(),
            addresses: vec!["10.99.1.1/16".parse().unwrap()],
            bridge: "br0".parse().unwrap(),
            fabric: Fabric::Flat,
            tag: None,
            previous: None,
            ports: Vec::new(),
            sandbox: None,
            phase: Phase::Joined,
            since: BootTime::default(),
        }
    }

    fn set(last: &[u8]) -> AddressSet {
        last.iter().map(|last| IpAddr::from([10, 99, 1, *last])).collect()
    }

    #[test]
    fn an_endpoint_sends_as_its_record_and_the_tables_say() {
        let mut snapshot = tables(false);
        let further: Vec<IpAddr> = vec!["10.99.1.100".parse().unwrap(), "10.98.1.100".parse().unwrap()];
        let own = |spoofing, extra_addresses: &[IpAddr]| {
            OwnSettings { spoofing, extra_addresses: extra_addresses.to_vec(), ..OwnSettings::default() }
                .boxed()
        };
        let filter = |snapshot: &Snapshot| Filters::new(Some(snapshot)).of(&endpoint());
        let identity = filter(&snapshot).identity.unwrap();
        assert_eq!((identity.addresses, identity.further), (vec![IpAddr::from([10, 99, 1, 1])], vec![]));
        assert_eq!(filter(&snapshot).isolation, None);
        snapshot.nodes[0].own = own(false, &further);
        assert_eq!(filter(&snapshot).identity.unwrap().further, further[..1], "on this network");
        snapshot.nodes[0].own = own(true, &[]);
        assert_eq!(filter(&snapshot).identity, None);
        let orphan = Filters::new(None).of(&endpoint());
        assert!(orphan.identity.is_some());
    }

    #[test]
    fn links_in_both_directions_are_found_on_any_host() {
        let snapshot = tables(true);
        let isolation = Filters::new(Some(&snapshot)).of(&endpoint()).isolation.unwrap();
        assert_eq!(*isolation.members, set(&[1, 2, 3, 4]));
        assert_eq!((isolation.targets, isolation.consumers), (set(&[2]), set(&[3])));
        assert_eq!(isolation.broadcasts, [Ipv4Addr::new(10, 99, 255, 255)]);
        assert_eq!(isolation.own, set(&[1]));
    }
}
