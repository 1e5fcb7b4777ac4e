//! What is granted, and every refusal with its exact text.

mod address;
mod any_sequence;
mod endpoint;
mod network;
mod ports;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use inventory::{Attachment, Fabric, HostNetwork, Network, Snapshot, SnapshotNode};
use ipnet::IpNet;
use plugin::{
    AddressRequest, Call, EndpointId, EndpointRef, IpamCall, Join, Mac, NetworkCall, NetworkId,
    NetworkOptions, NewEndpoint, NewNetwork, Pool, PoolRequest, PortBinding, Purpose, Reply,
};

use super::{Decision, decide};
use crate::boot_time::BootTime;
use crate::state::{Change, Endpoint, Phase, State};

/// Network, interface, MAC, addresses.
type Nic = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Node, host, places.
const NODES: [(&str, &str, &[Nic]); 4] = [
    (
        "d1",
        "dh1",
        &[
            ("mynet0", "eth0", "02:42:0a:63:01:01", &["10.99.1.1"]),
            ("net98", "eth1", "02:42:0a:62:01:01", &["10.98.1.1", "fd00:98::1:1"]),
        ],
    ),
    ("d2", "dh1", &[("mynet0", "eth0", "02:42:0a:63:01:02", &["10.99.1.2"])]),
    ("d3", "dh1", &[("net98", "eth0", "02:42:0a:62:01:03", &["10.98.1.3"])]),
    ("d9", "dh2", &[("mynet0", "eth0", "02:42:0a:63:01:09", &["10.99.1.9"])]),
];

pub(super) fn snapshot() -> Snapshot {
    let network = |name: &str, subnets: &[&str], gateways: &[&str]| HostNetwork {
        network: Network {
            name: name.parse().unwrap(),
            subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
            gateways: gateways.iter().map(|gateway| gateway.parse().unwrap()).collect(),
            vlan: None,
            mtu: None,
            isolate: false,
        },
        fabric: Fabric::Flat,
        tag: None,
        bridge: format!("br-{name}").parse().unwrap(),
    };
    let networks = vec![
        network("mynet0", &["10.99.0.0/16"], &[]),
        network("net98", &["10.98.0.0/16", "fd00:98::/64"], &["10.98.0.254"]),
    ];
    let nic = |(network, nic, mac, addresses): &Nic| Attachment {
        network: network.parse().unwrap(),
        nic: nic.parse().unwrap(),
        mac: mac.parse().unwrap(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    };
    let nodes = NODES.iter().map(|(node, host, nics)| {
        SnapshotNode::new(node.parse().unwrap(), host.parse().unwrap(), nics.iter().map(nic).collect())
    });
    Snapshot::seal("dh1".parse().unwrap(), 7, networks, nodes.collect())
}

fn boot_time(seconds: u64) -> BootTime {
    BootTime::default().after(Duration::from_secs(seconds))
}

fn network_id(digit: char) -> NetworkId {
    digit.to_string().repeat(64).parse().unwrap()
}

fn endpoint_id(digit: char) -> EndpointId {
    digit.to_string().repeat(64).parse().unwrap()
}

fn at(endpoint: char) -> EndpointRef {
    EndpointRef { network: network_id('1'), endpoint: endpoint_id(endpoint) }
}

fn empty() -> State {
    State::with(Some(snapshot()))
}

/// The tables, and both networks made: 1 is mynet0, 2 is net98.
fn made() -> State {
    let mut state = empty();
    carry_out(&mut state, &create_network('1', "mynet0", &["10.99.0.0/16"]), 0).unwrap();
    carry_out(&mut state, &create_network('2', "net98", &["10.98.0.0/16", "fd00:98::/64"]), 0).unwrap();
    state
}

/// Decides, and makes the changes as the daemon does when the host does its part.
fn carry_out(state: &mut State, call: &Call, second: u64) -> Result<Decision, String> {
    let now = boot_time(second);
    let verdict = decide(state, call, now).map_err(|refusal| refusal.to_string())?;
    let changes = match verdict.clone() {
        Decision::Answer(_, changes) => changes,
        Decision::Attach { endpoint, mut before, .. } => {
            before.push(Change::PutEndpoint(Endpoint { phase: Phase::Created, ..endpoint }));
            before
        }
        Decision::Join { joined, .. } => vec![Change::PutEndpoint(joined)],
        Decision::Repeated { .. } | Decision::Conflict { .. } | Decision::CheckStale { .. } => Vec::new(),
    };
    changes.into_iter().for_each(|change| state.apply(change, now));
    Ok(verdict)
}

fn refused(state: &State, call: &Call) -> String {
    match decide(state, call, boot_time(0)) {
        Err(refusal) => refusal.to_string(),
        Ok(verdict) => panic!("granted: {verdict:?}"),
    }
}

fn answered(state: &State, call: &Call) -> Reply {
    match decide(state, call, boot_time(0)) {
        Ok(Decision::Answer(reply, _)) => reply,
        other => panic!("not answered: {other:?}"),
    }
}

fn create_network(id: char, name: &str, subnets: &[&str]) -> Call {
    let pool = |subnet: &&str| Pool {
        address_space: "local".to_owned(),
        pool: subnet.parse().unwrap(),
        gateway: None,
        auxiliary: BTreeMap::new(),
    };
    let (v4, v6): (Vec<Pool>, Vec<Pool>) =
        subnets.iter().map(pool).partition(|pool| matches!(pool.pool, IpNet::V4(_)));
    let generic = BTreeMap::from([("netd.network".to_owned(), name.to_owned())]);
    let options = NetworkOptions { generic, internal: false };
    Call::Network(NetworkCall::CreateNetwork(NewNetwork {
        network: network_id(id),
        options,
        ipv4: v4,
        ipv6: v6,
    }))
}

fn pool(pool: Option<&str>) -> Call {
    Call::Ipam(IpamCall::RequestPool(PoolRequest {
        address_space: "local".to_owned(),
        pool: pool.map(|pool| pool.parse().unwrap()),
        sub_pool: None,
        options: BTreeMap::new(),
        v6: false,
    }))
}

fn address(pool: &str, address: Option<&str>, purpose: Purpose) -> Call {
    let address = address.map(|address| address.parse().unwrap());
    Call::Ipam(IpamCall::RequestAddress(AddressRequest { pool: pool.to_owned(), address, purpose }))
}

fn plain(address: &str) -> Call {
    self::address("v4:10.99.0.0/16", Some(address), Purpose::Plain)
}

fn named(name: &str) -> Purpose {
    Purpose::Endpoint { name: Some(name.to_owned()), mac: None }
}

fn release(address: &str) -> Call {
    let address: IpAddr = address.parse().unwrap();
    Call::Ipam(IpamCall::ReleaseAddress { pool: "v4:10.99.0.0/16".to_owned(), address })
}

/// A start on mynet0.
struct Start {
    endpoint: char,
    address: &'static str,
    node: Option<&'static str>,
    mac: Option<[u8; 6]>,
    ports: Vec<PortBinding>,
}

impl Start {
    fn of(endpoint: char, node: &'static str, address: &'static str) -> Self {
        Self { endpoint, address, node: Some(node), mac: None, ports: Vec::new() }
    }

    fn call(&self) -> Call {
        let options = self.node.map(|node| ("netd.node".to_owned(), node.to_owned()));
        Call::Network(NetworkCall::CreateEndpoint(NewEndpoint {
            id: at(self.endpoint),
            ipv4: Some(format!("{}/16", self.address).parse().unwrap()),
            ipv6: None,
            fixed_mac: self.mac.map(Mac),
            asked_mac: None,
            ports: self.ports.clone(),
            options: options.into_iter().collect(),
        }))
    }
}

fn join(endpoint: char) -> Call {
    let sandbox = "/var/run/docker/netns/1960dd7fab00".to_owned();
    Call::Network(NetworkCall::Join(Join { id: at(endpoint), sandbox }))
}

fn leave(endpoint: char) -> Call {
    Call::Network(NetworkCall::Leave(at(endpoint)))
}

fn delete(endpoint: char) -> Call {
    Call::Network(NetworkCall::DeleteEndpoint(at(endpoint)))
}
