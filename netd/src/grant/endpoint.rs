//! Endpoints: whose they are, and that a node is on a network once.

use std::net::IpAddr;
use std::time::Duration;

use inventory::{HostNetwork, MacAddr, Snapshot};
use ipnet::IpNet;
use plugin::{EndpointRef, Join, Joined, Mac, NewEndpoint, Reply};

use super::Verdict;
use super::network::short;
use crate::interface;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, Phase, State};
use crate::tables;

/// The endpoint's driver option by which the container says its node.
const NODE: &str = "netd.node";

/// How long Docker may take from one call of a start to the next; what stands still longer was given up.
pub(crate) const SETTLED: Duration = Duration::from_secs(10);

/// `CreateEndpoint`: address, driver option and MAC must all be the same row's.
pub(super) fn create(state: &State, new: &NewEndpoint, now: Moment) -> Result<Verdict, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let network = &new.id.network;
    let unknown = || Refusal::UnknownNetwork { id: short(network.as_str()) };
    let record = state.networks.get(network).ok_or_else(unknown)?;
    let on = tables::network_recorded(snapshot, &record.network)?;
    let endpoint = place(snapshot, on, new, now)?;
    let reply = new.mac_reply(Mac(endpoint.mac.octets()));
    if let Some(known) = state.endpoints.get(&endpoint.id) {
        return again(known, &endpoint, reply);
    }
    let mut before = Vec::new();
    if let Some(other) = state.place_of(&endpoint.node, &endpoint.on, &endpoint.id) {
        if in_use(other, now) {
            return Ok(Verdict::Occupied { by: other.id.clone(), refusal: running(other) });
        }
        before.push(Change::NoEndpoint(other.id.clone()));
    }
    Ok(Verdict::Attach { endpoint, before, reply })
}

/// The place on the network that the tables give the container which asks.
fn place(snapshot: &Snapshot, on: &HostNetwork, new: &NewEndpoint, now: Moment) -> Result<Endpoint, Refusal> {
    let addresses: Vec<IpNet> = new.addresses().collect();
    let Some(first) = addresses.first() else {
        return Err(Refusal::NoAddress { network: on.network.name.clone() });
    };
    let (row, nic) = tables::row_at(snapshot, on, first.addr())?;
    for address in addresses.iter().skip(1) {
        let (other, _) = tables::row_at(snapshot, on, address.addr())?;
        if other.node != row.node {
            let (address, node) = (address.addr(), other.node.clone());
            return Err(Refusal::OtherName { address, node, name: row.node.to_string() });
        }
    }
    if let Some(said) = new.options.get(NODE).filter(|said| *said != row.node.as_str()) {
        let (address, node, said) = (first.addr(), row.node.clone(), said.clone());
        return Err(Refusal::OtherNode { address, node, said });
    }
    let asked = new.mac().map(|mac| MacAddr::from(mac.0)).filter(|asked| *asked != nic.mac);
    if let Some(asked) = asked {
        return Err(Refusal::OtherMac { asked, node: row.node.clone(), tables: nic.mac });
    }
    Ok(Endpoint {
        id: new.id.endpoint.clone(),
        network: new.id.network.clone(),
        on: on.network.name.clone(),
        node: row.node.clone(),
        nic: nic.nic.clone(),
        mac: nic.mac,
        addresses,
        bridge: on.bridge.clone(),
        fabric: on.fabric,
        tag: on.tag,
        before: None,
        phase: Phase::Intended,
        since: now,
    })
}

/// dockerd repeats a call whose answer it did not get.
fn again(known: &Endpoint, asked: &Endpoint, reply: Reply) -> Result<Verdict, Refusal> {
    if known.same_place(asked) {
        return Ok(Verdict::Created { endpoint: known.id.clone(), reply });
    }
    Err(Refusal::EndpointTaken { id: short(known.id.as_str()), node: known.node.clone() })
}

/// Whether the endpoint may be a living container's. One that was joined is looked at on the host, by the caller.
fn in_use(other: &Endpoint, now: Moment) -> bool {
    match other.phase {
        Phase::Joined => true,
        Phase::Intended | Phase::Created => now.since(other.since) < SETTLED,
        Phase::Left => false,
    }
}

fn running(other: &Endpoint) -> Refusal {
    Refusal::Running {
        node: other.node.clone(),
        network: other.on.clone(),
        id: short(other.id.as_str()),
        port: other.port(),
    }
}

/// `Join`: names the container's end, its future name, and the gateways of the tables.
pub(super) fn join(state: &State, join: &Join, now: Moment) -> Result<Verdict, Refusal> {
    let endpoint = known(state, &join.id)?;
    let gateways = gateways(state, endpoint);
    let of = |v4: bool| gateways.iter().copied().find(|gateway| gateway.is_ipv4() == v4);
    let reply = Joined {
        src_name: endpoint.container_end().to_string(),
        dst_prefix: interface::prefix(&endpoint.nic),
        gateway: of(true),
        gateway6: of(false),
        // else dockerd would give the container a second NIC on a docker_gwbridge of its own making
        disable_gateway_service: gateways.is_empty(),
        static_routes: Vec::new(),
    };
    let joined = Endpoint { phase: Phase::Joined, since: now, ..endpoint.clone() };
    Ok(Verdict::Join { joined, reply: Reply::Joined(reply) })
}

/// Gateways of the families that the endpoint has.
fn gateways(state: &State, endpoint: &Endpoint) -> Vec<IpAddr> {
    let on = state.snapshot.as_ref().and_then(|snapshot| snapshot.network(&endpoint.on));
    let all = on.map(|on| on.network.gateways.as_slice()).unwrap_or_default();
    let has = |v4: bool| endpoint.addresses.iter().any(|address| address.addr().is_ipv4() == v4);
    all.iter().copied().filter(|gateway| has(gateway.is_ipv4())).collect()
}

/// `Leave`: the container has its end until the answer; then dockerd brings it back.
pub(super) fn leave(state: &State, id: &EndpointRef, now: Moment) -> Verdict {
    let changes = match known(state, id) {
        Ok(endpoint) if endpoint.phase == Phase::Joined => {
            vec![Change::Endpoint(Endpoint { phase: Phase::Left, since: now, ..endpoint.clone() })]
        }
        _ => Vec::new(),
    };
    Verdict::Answer(Reply::Empty, changes)
}

/// `DeleteEndpoint`.
pub(super) fn delete(state: &State, id: &EndpointRef) -> Verdict {
    let changes = known(state, id).map(|endpoint| vec![Change::NoEndpoint(endpoint.id.clone())]);
    Verdict::Answer(Reply::Empty, changes.unwrap_or_default())
}

/// `EndpointOperInfo`: what a person at the host looks for.
pub(super) fn info(state: &State, id: &EndpointRef) -> Result<Reply, Refusal> {
    let endpoint = known(state, id)?;
    let told = [
        ("netd.node", endpoint.node.to_string()),
        ("netd.network", endpoint.on.to_string()),
        ("netd.bridge", endpoint.bridge.to_string()),
        ("netd.port", endpoint.port().to_string()),
    ];
    Ok(Reply::OperInfo(told.map(|(key, value)| (key.to_owned(), value)).into()))
}

/// The endpoint, if it is on the network that the call says.
fn known<'a>(state: &'a State, id: &EndpointRef) -> Result<&'a Endpoint, Refusal> {
    let found = state.endpoints.get(&id.endpoint).filter(|endpoint| endpoint.network == id.network);
    found.ok_or_else(|| Refusal::UnknownEndpoint { id: short(id.endpoint.as_str()) })
}
