//! Decides calls about networks.

use inventory::HostNetwork;
use ipnet::IpNet;
use plugin::{NetworkId, NetworkOptions, NewNetwork, Reply};

use super::Decision;
use crate::refusal::Refusal;
use crate::state::{Change, NetworkRecord, State};
use crate::tables;

/// The driver option with the row of `networks`: no call contains a network's name.
const NETWORK: &str = "netd.network";

/// `CreateNetwork`: the subnets must be exactly those of the row.
pub(super) fn create(state: &State, new: &NewNetwork) -> Result<Decision, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let name = new.options.generic.get(NETWORK).ok_or(Refusal::NoNetworkOption)?;
    let on = tables::network_named(snapshot, name)?;
    let subnets: Vec<IpNet> = new.ipv4.iter().chain(&new.ipv6).map(|data| data.pool).collect();
    same_subnets(on, &subnets)?;
    let record = NetworkRecord { id: new.network.clone(), network: on.network.name.clone(), subnets };
    match state.networks.get(&new.network) {
        Some(known) if *known != record => {
            Err(Refusal::NetworkTaken { id: short_id(new.network.as_str()), network: known.network.clone() })
        }
        Some(_) => Ok(Decision::reply(Reply::Empty)),
        None => Ok(Decision::Answer(Reply::Empty, vec![Change::PutNetwork(record)])),
    }
}

/// `DeleteNetwork`. Docker allows it only without endpoints; a record that still exists is of a container that Docker
/// lost in a crash.
pub(super) fn delete(state: &State, id: &NetworkId) -> Decision {
    if !state.networks.contains_key(id) {
        return Decision::reply(Reply::Empty);
    }
    let left = state.endpoints.values().filter(|endpoint| endpoint.network == *id);
    let mut changes: Vec<Change> = left.map(|endpoint| Change::RemoveEndpoint(endpoint.id.clone())).collect();
    changes.push(Change::RemoveNetwork(id.clone()));
    Decision::Answer(Reply::Empty, changes)
}

/// `GwAllocCheck`: Docker reserves a gateway address only if the tables have a gateway.
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
        tables: tables::list_subnets(tables),
        asked: tables::list_subnets(asked),
    })
}

/// Shortens an ID like `docker network ls` and `docker ps`.
pub(super) fn short_id(id: &str) -> String {
    id.chars().take(12).collect()
}
