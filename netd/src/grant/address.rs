//! Decides requests for pools and addresses.

use std::net::IpAddr;

use inventory::HostNetwork;
use ipnet::IpNet;
use plugin::{AddressRequest, PoolRequest, Purpose, Reply};

use super::Decision;
use crate::refusal::Refusal;
use crate::state::{Change, Phase, State};
use crate::tables;

/// `RequestPool`: the subnet must be in the tables. The same subnet always has the same ID.
pub(super) fn pool(state: &State, request: &PoolRequest) -> Result<Reply, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let Some(pool) = request.pool else {
        return Err(Refusal::NoPool { version: snapshot.version, known: tables::list_networks(snapshot) });
    };
    tables::network_with_subnet(snapshot, pool)?;
    Ok(Reply::Pool { id: pool_id(pool), pool })
}

/// `RequestAddress`.
pub(super) fn request(state: &State, request: &AddressRequest) -> Result<Reply, Refusal> {
    let snapshot = state.snapshot.as_ref().ok_or(Refusal::NoSnapshot)?;
    let pool = parse_pool_id(&request.pool)?;
    let on = tables::network_with_subnet(snapshot, pool)?;
    let address = match (&request.purpose, request.address) {
        (Purpose::Gateway, asked) => return gateway(on, pool, asked),
        (Purpose::Endpoint { name: Some(name), .. }, Some(address)) => {
            let (row, _) = tables::row_with_address(snapshot, on, address)?;
            if row.node.as_str() != name {
                return Err(Refusal::OtherName { address, node: row.node.clone(), name: name.clone() });
            }
            address
        }
        (_, Some(address)) => {
            tables::row_with_address(snapshot, on, address)?;
            address
        }
        (Purpose::Endpoint { name: Some(name), .. }, None) => {
            let (row, nic) = tables::row_with_name(snapshot, on, name)?;
            let of_pool = nic.addresses.iter().find(|address| pool.contains(*address));
            let (node, network) = (row.node.clone(), on.network.name.clone());
            *of_pool.ok_or(Refusal::NoSuchFamily { node, family: family(pool), network })?
        }
        (_, None) => return Err(Refusal::NoAddress { network: on.network.name.clone() }),
    };
    within(pool, address, on)
}

/// The gateway of the tables. If they have none, dockerd before 28 still requests one: then it is the network
/// address, which no container can have. No container gets it as a route, because the answer to `Join`
/// contains the gateways.
fn gateway(on: &HostNetwork, pool: IpNet, asked: Option<IpAddr>) -> Result<Reply, Refusal> {
    let tables = on.network.gateways.iter().copied().find(|gateway| pool.contains(gateway));
    let gateway = tables.unwrap_or(pool.network());
    match asked {
        Some(asked) if asked != gateway => {
            Err(Refusal::Gateway { asked, network: on.network.name.clone(), tables })
        }
        _ => within(pool, gateway, on),
    }
}

/// `ReleaseAddress`. Usually the endpoint is already deleted; if not, dockerd crashed and forgot it. A joined
/// endpoint is checked first: dockerd also releases an address when it was refused a second start of the node.
pub(super) fn release(state: &State, pool: &str, address: IpAddr) -> Decision {
    let held = parse_pool_id(pool).ok().and_then(|pool| {
        let snapshot = state.snapshot.as_ref()?;
        let on = tables::network_with_subnet(snapshot, pool).ok()?;
        state.endpoint_with_address(&on.network.name, address)
    });
    match held {
        None => Decision::reply(Reply::Empty),
        Some(endpoint) if endpoint.phase == Phase::Joined => {
            Decision::CheckStale { endpoint: endpoint.id.clone(), reply: Reply::Empty }
        }
        Some(endpoint) => Decision::Answer(Reply::Empty, vec![Change::RemoveEndpoint(endpoint.id.clone())]),
    }
}

fn within(pool: IpNet, address: IpAddr, on: &HostNetwork) -> Result<Reply, Refusal> {
    let outside =
        || Refusal::Outside { address, network: on.network.name.clone(), subnets: pool.to_string() };
    if !pool.contains(&address) {
        return Err(outside());
    }
    IpNet::new(address, pool.prefix_len()).map(Reply::Address).map_err(|_| outside())
}

fn pool_id(pool: IpNet) -> String {
    match pool {
        IpNet::V4(_) => format!("v4:{pool}"),
        IpNet::V6(_) => format!("v6:{pool}"),
    }
}

fn parse_pool_id(id: &str) -> Result<IpNet, Refusal> {
    let subnet = id.strip_prefix("v4:").or_else(|| id.strip_prefix("v6:"));
    let pool: Option<IpNet> = subnet.and_then(|subnet| subnet.parse().ok());
    pool.filter(|pool| pool_id(*pool) == id).ok_or_else(|| Refusal::PoolId(id.to_owned()))
}

fn family(pool: IpNet) -> &'static str {
    match pool {
        IpNet::V4(_) => "IPv4",
        IpNet::V6(_) => "IPv6",
    }
}
