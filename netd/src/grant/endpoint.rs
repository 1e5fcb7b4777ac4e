//! Decides calls about endpoints: which node they belong to, and that a node is on a network only once.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use inventory::{HostNetwork, MacAddr, Snapshot};
use ipnet::IpNet;
use plugin::{EndpointRef, Join, Joined, Mac, NewEndpoint, Reply};

use super::Decision;
use super::network::short_id;
use super::ports::{PortConflict, choose_ports};
use crate::boot_time::BootTime;
use crate::interface;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, Phase, State};
use crate::tables;

/// The endpoint's driver option with the name of the node.
const NODE: &str = "netd.node";

/// Maximum time between two calls of one container start. After it the start counts as abandoned.
pub(crate) const START_STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// `CreateEndpoint`: address, driver option and MAC must match one row.
pub(super) fn create(state: &State, new: &NewEndpoint, now: BootTime) -> Result<Decision, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let network = &new.id.network;
    let unknown = || Refusal::UnknownNetwork { id: short_id(network.as_str()) };
    let record = state.networks.get(network).ok_or_else(unknown)?;
    let on = tables::network_recorded(snapshot, &record.network)?;
    let endpoint = endpoint_from_tables(snapshot, on, new, now)?;
    let reply = new.mac_reply(Mac(endpoint.mac.octets()));
    if let Some(known) = state.endpoints.get(&endpoint.id) {
        return repeated(known, &endpoint, reply);
    }
    let mut before = Vec::new();
    if let Some(other) = state.endpoint_of(&endpoint.node, &endpoint.on, &endpoint.id) {
        if in_use(other, now) {
            return Ok(Decision::Conflict { with: other.id.clone(), refusal: running(other) });
        }
        before.push(Change::RemoveEndpoint(other.id.clone()));
    }
    let bindings = new.ports.clone();
    match choose_ports(state, &endpoint, &bindings, &[], now) {
        Ok(ports) => {
            Ok(Decision::Attach { endpoint: Endpoint { ports, ..endpoint }, bindings, before, reply })
        }
        Err(PortConflict { with: Some(with), refusal }) => Ok(Decision::Conflict { with, refusal }),
        Err(PortConflict { with: None, refusal }) => Err(refusal),
    }
}

/// The endpoint that the tables define for the calling container.
fn endpoint_from_tables(
    snapshot: &Snapshot,
    on: &HostNetwork,
    new: &NewEndpoint,
    now: BootTime,
) -> Result<Endpoint, Refusal> {
    let addresses: Vec<IpNet> = new.addresses().collect();
    let Some(first) = addresses.first() else {
        return Err(Refusal::NoAddress { network: on.network.name.clone() });
    };
    let (row, nic) = tables::row_with_address(snapshot, on, first.addr())?;
    for address in addresses.iter().skip(1) {
        let (other, _) = tables::row_with_address(snapshot, on, address.addr())?;
        if other.node != row.node {
            let (address, node) = (address.addr(), other.node.clone());
            return Err(Refusal::OtherName { address, node, name: row.node.to_string() });
        }
    }
    if let Some(option) = new.options.get(NODE).filter(|option| *option != row.node.as_str()) {
        let (address, node, option) = (first.addr(), row.node.clone(), option.clone());
        return Err(Refusal::OtherNode { address, node, option });
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
        previous: None,
        ports: Vec::new(),
        sandbox: None,
        phase: Phase::Intended,
        since: now,
    })
}

/// dockerd repeats a call whose answer it did not get.
fn repeated(known: &Endpoint, asked: &Endpoint, reply: Reply) -> Result<Decision, Refusal> {
    if known.same_endpoint(asked) {
        return Ok(Decision::Repeated { endpoint: known.id.clone(), reply });
    }
    Err(Refusal::EndpointTaken { id: short_id(known.id.as_str()), node: known.node.clone() })
}

/// Whether a live container may use the endpoint. The caller checks the link of a joined endpoint.
pub(super) fn in_use(other: &Endpoint, now: BootTime) -> bool {
    match other.phase {
        Phase::Joined => true,
        Phase::Intended | Phase::Created => now.since(other.since) < START_STEP_TIMEOUT,
        Phase::Left => false,
    }
}

fn running(other: &Endpoint) -> Refusal {
    Refusal::Running {
        node: other.node.clone(),
        network: other.on.clone(),
        id: short_id(other.id.as_str()),
        port: other.port(),
    }
}

/// `Join`: the answer contains the container end, its name in the container, and the gateways of the tables.
pub(super) fn join(state: &State, join: &Join, now: BootTime) -> Result<Decision, Refusal> {
    let endpoint = find(state, &join.id)?;
    let gateways = gateways(state, endpoint);
    let of = |v4: bool| gateways.iter().copied().find(|gateway| gateway.is_ipv4() == v4);
    let reply = Joined {
        src_name: endpoint.container_end().to_string(),
        dst_prefix: interface::prefix(&endpoint.nic),
        gateway: of(true),
        gateway6: of(false),
        // otherwise dockerd adds a second NIC on a docker_gwbridge of its own
        disable_gateway_service: gateways.is_empty(),
        static_routes: Vec::new(),
    };
    let sandbox = Some(PathBuf::from(&join.sandbox));
    let joined = Endpoint { phase: Phase::Joined, since: now, sandbox, ..endpoint.clone() };
    Ok(Decision::Join { joined, reply: Reply::Joined(reply) })
}

/// Gateways of the endpoint's address families.
fn gateways(state: &State, endpoint: &Endpoint) -> Vec<IpAddr> {
    let on = state.snapshot.as_ref().and_then(|snapshot| snapshot.network(&endpoint.on));
    let all = on.map(|on| on.network.gateways.as_slice()).unwrap_or_default();
    let has = |v4: bool| endpoint.addresses.iter().any(|address| address.addr().is_ipv4() == v4);
    all.iter().copied().filter(|gateway| has(gateway.is_ipv4())).collect()
}

/// `Leave`: dockerd moves the container end back to the host after the answer.
pub(super) fn leave(state: &State, id: &EndpointRef, now: BootTime) -> Decision {
    let changes = match find(state, id) {
        Ok(endpoint) if endpoint.phase == Phase::Joined => {
            vec![Change::PutEndpoint(Endpoint { phase: Phase::Left, since: now, ..endpoint.clone() })]
        }
        _ => Vec::new(),
    };
    Decision::Answer(Reply::Empty, changes)
}

/// `DeleteEndpoint`.
pub(super) fn delete(state: &State, id: &EndpointRef) -> Decision {
    let changes = find(state, id).map(|endpoint| vec![Change::RemoveEndpoint(endpoint.id.clone())]);
    Decision::Answer(Reply::Empty, changes.unwrap_or_default())
}

/// `EndpointOperInfo`: data for `docker network inspect`.
pub(super) fn info(state: &State, id: &EndpointRef) -> Result<Reply, Refusal> {
    let endpoint = find(state, id)?;
    let values = [
        ("netd.node", endpoint.node.to_string()),
        ("netd.network", endpoint.on.to_string()),
        ("netd.bridge", endpoint.bridge.to_string()),
        ("netd.port", endpoint.port().to_string()),
    ];
    Ok(Reply::OperInfo(values.map(|(key, value)| (key.to_owned(), value)).into()))
}

/// The endpoint, if it is on the network of the call.
fn find<'a>(state: &'a State, id: &EndpointRef) -> Result<&'a Endpoint, Refusal> {
    let found = state.endpoints.get(&id.endpoint).filter(|endpoint| endpoint.network == id.network);
    found.ok_or_else(|| Refusal::UnknownEndpoint { id: short_id(id.endpoint.as_str()) })
}
