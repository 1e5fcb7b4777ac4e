//! Decides Docker's calls. Pure: input is the state and a call, output is a decision. Nothing here waits, writes or
//! reads the host.
//!
//! Rule: what the snapshot has for this host is granted, everything else is refused with the row as the reason.
//! Addresses are not allocated: granting one twice to the same node has no effect, and neither has a repeated call.
//! `CreateEndpoint` ensures that a node runs only once.

mod address;
mod endpoint;
mod network;
mod ports;
#[cfg(test)]
mod tests;

use plugin::{Call, EndpointId, IpamCall, NetworkCall, PortBinding, Reply};

use crate::boot_time::BootTime;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, State};

pub(crate) use endpoint::START_STEP_TIMEOUT;
pub(crate) use ports::{PortConflict, choose_ports};

/// What to do about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Apply the changes, then answer.
    Answer(Reply, Vec<Change>),
    /// Apply the changes, attach the endpoint, and answer when it is attached. If a process of the host uses one of the
    /// endpoint's ports, others are chosen for `bindings`.
    Attach { endpoint: Endpoint, bindings: Vec<PortBinding>, before: Vec<Change>, reply: Reply },
    /// A repeated `CreateEndpoint`: answer when the endpoint is attached.
    Repeated { endpoint: EndpointId, reply: Reply },
    /// The node already has an endpoint on the network, or another has its port. Refuse, unless it is dead or is removed within a short time.
    Conflict { with: EndpointId, refusal: Refusal },
    /// Answer when the endpoint is attached and no other machine uses its addresses.
    Join { joined: Endpoint, reply: Reply },
    /// Answer, then check whether a container still uses the endpoint: Docker seems to have forgotten it.
    CheckStale { endpoint: EndpointId, reply: Reply },
}

impl Decision {
    fn reply(reply: Reply) -> Self {
        Self::Answer(reply, Vec::new())
    }
}

/// Decides a call.
pub(crate) fn decide(state: &State, call: &Call, now: BootTime) -> Result<Decision, Refusal> {
    match call {
        Call::Activate => Ok(activate(state)),
        Call::Network(call) => network_call(state, call, now),
        Call::Ipam(call) => ipam_call(state, call),
    }
}

/// dockerd activates a plugin once per start, so this is a new dockerd, which does not complete the old one's starts.
fn activate(state: &State) -> Decision {
    let begun = state.endpoints.values().filter(|endpoint| endpoint.is_starting());
    let changes = begun.map(|endpoint| Change::RemoveEndpoint(endpoint.id.clone())).collect();
    Decision::Answer(Reply::Implements(&["NetworkDriver", "IpamDriver"]), changes)
}

fn network_call(state: &State, call: &NetworkCall, now: BootTime) -> Result<Decision, Refusal> {
    match call {
        // must not fail: dockerd asks only once
        NetworkCall::GetCapabilities => {
            Ok(Decision::reply(Reply::NetworkCapabilities { gateway_check: true }))
        }
        NetworkCall::GwAllocCheck(options) => network::gateway_check(state, options).map(Decision::reply),
        NetworkCall::CreateNetwork(new) => network::create(state, new),
        NetworkCall::DeleteNetwork(id) => Ok(network::delete(state, id)),
        NetworkCall::CreateEndpoint(new) => endpoint::create(state, new, now),
        NetworkCall::EndpointOperInfo(id) => endpoint::info(state, id).map(Decision::reply),
        NetworkCall::Join(join) => endpoint::join(state, join, now),
        NetworkCall::Leave(id) => Ok(endpoint::leave(state, id, now)),
        NetworkCall::DeleteEndpoint(id) => Ok(endpoint::delete(state, id)),
        NetworkCall::ProgramExternalConnectivity(_)
        | NetworkCall::RevokeExternalConnectivity(_)
        | NetworkCall::DiscoverNew(_)
        | NetworkCall::DiscoverDelete(_) => Ok(Decision::reply(Reply::Empty)),
    }
}

fn ipam_call(state: &State, call: &IpamCall) -> Result<Decision, Refusal> {
    match call {
        // if a MAC were required, dockerd would invent one instead of that of the tables
        IpamCall::GetCapabilities => {
            Ok(Decision::reply(Reply::IpamCapabilities { requires_mac: false, request_replay: true }))
        }
        IpamCall::GetDefaultAddressSpaces => Ok(Decision::reply(Reply::AddressSpaces {
            local: "local".to_owned(),
            global: "global".to_owned(),
        })),
        IpamCall::RequestPool(request) => address::pool(state, request).map(Decision::reply),
        // pools belong to the tables: there is nothing to release
        IpamCall::ReleasePool { .. } => Ok(Decision::reply(Reply::Empty)),
        IpamCall::RequestAddress(request) => address::request(state, request).map(Decision::reply),
        IpamCall::ReleaseAddress { pool, address } => Ok(address::release(state, pool, *address)),
    }
}
