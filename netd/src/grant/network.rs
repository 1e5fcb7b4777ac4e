//! Docker's networks.

use inventory::HostNetwork;
use ipnet::IpNet;
use plugin::{NetworkId, NetworkOptions, NewNetwork, Reply};

use super::Verdict;
use crate::refusal::Refusal;
use crate::state::{Change, NetworkRecord, State};
use crate::tables;

/// The option by which a Docker network says which row of `networks` it is: its name is in no call.
const NETWORK: &str = "netd.network";

/// `CreateNetwork`: the named row, with just the row's subnets.
pub(super) fn create(state: &State, new: &NewNetwork) -> Result<Verdict, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let name = new.options.generic.get(NETWORK).ok_or(Refusal::NoNetworkOption)?;
    let on = tables::network_named(snapshot, name)?;
    let subnets: Vec<IpNet> = new.ipv4.iter().chain(&new.ipv6).map(|data| data.pool).collect();
    same_subnets(on, &subnets)?;
    let record = NetworkRecord { id: new.network.clone(), network: on.network.name.clone(), subnets };
    match state.networks.get(&new.network) {
        Some(known) if *known != record => {
            Err(Refusal::NetworkTaken { id: short(new.network.as_str()), network: known.network.clone() })
        }
        Some(_) => Ok(Verdict::just(Reply::Empty)),
        None => Ok(Verdict::Answer(Reply::Empty, vec![Change::Network(record)])),
    }
}

/// `DeleteNetwork`. Docker has seen to it that no endpoint is left; a record that is left is of a container that
/// Docker lost in a crash.
pub(super) fn delete(state: &State, id: &NetworkId) -> Verdict {
    if !state.networks.contains_key(id) {
        return Verdict::just(Reply::Empty);
    }
    let left = state.endpoints.values().filter(|endpoint| endpoint.network == *id);
    let mut changes: Vec<Change> = left.map(|endpoint| Change::NoEndpoint(endpoint.id.clone())).collect();
    changes.push(Change::NoNetwork(id.clone()));
    Verdict::Answer(Reply::Empty, changes)
}

/// `GwAllocCheck`: Docker reserves a gateway only where the tables have one.
pub(super) fn gateway_check(state: &State, options: &NetworkOptions) -> Result<Reply, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let name = options.generic.get(NETWORK).ok_or(Refusal::NoNetworkOption)?;
    let gateways = &tables::network_named(snapshot, name)?.network.gateways;
    Ok(Reply::GatewayCheck {
        skip_ipv4: !gateways.iter().any(|gateway| gateway.is_ipv4()),
        skip_ipv6: !gateways.iter().any(|gateway| gateway.is_ipv6()),
    })
}

fn same_subnets(on: &HostNetwork, asked: &[IpNet]) -> Result<(), Refusal> {
    let tables = &on.network.subnets;
    let same = asked.len() == tables.len() && asked.iter().all(|subnet| tables.contains(subnet));
    if same {
        return Ok(());
    }
    Err(Refusal::OtherSubnets {
        network: on.network.name.clone(),
        tables: tables::list(tables),
        asked: tables::list(asked),
    })
}

/// As `docker network ls` and `docker ps` shorten identifiers.
pub(super) fn short(id: &str) -> String {
    id.chars().take(12).collect()
}
