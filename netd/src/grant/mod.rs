//! What Docker asks, decided. Pure: state and call in, verdict out; nothing here waits, writes or looks at the host.
//!
//! The law of it all: what the snapshot says for this host is granted, everything else is refused with the row.
//! Addresses are not allocated, so granting one twice to the same node costs nothing and a replay changes nothing;
//! that a node is not there twice is held at `CreateEndpoint`.

mod address;
mod endpoint;
mod network;
#[cfg(test)]
mod tests;

use plugin::{Call, EndpointId, IpamCall, NetworkCall, Reply};

use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, State};

pub(crate) use endpoint::SETTLED;

/// What to do about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Make these changes, then answer.
    Answer(Reply, Vec<Change>),
    /// Make the changes and the endpoint's pair, and answer when the pair is there.
    Attach { endpoint: Endpoint, before: Vec<Change>, reply: Reply },
    /// The call comes again: answer when the pair is there.
    Created { endpoint: EndpointId, reply: Reply },
    /// Another endpoint is in the way. Refuse, unless it is a dead one's or goes away in a moment.
    Occupied { by: EndpointId, refusal: Refusal },
    /// Answer when the pair is there and nobody on the wire claims the address.
    Join { joined: Endpoint, reply: Reply },
    /// Answer; then look whether that endpoint still is a container's, for Docker seems to have forgotten it.
    Suspect { endpoint: EndpointId, reply: Reply },
}

impl Verdict {
    fn just(reply: Reply) -> Self {
        Self::Answer(reply, Vec::new())
    }
}

/// Decides a call.
pub(crate) fn decide(state: &State, call: &Call, now: Moment) -> Result<Verdict, Refusal> {
    match call {
        Call::Activate => Ok(activate(state)),
        Call::Network(call) => network_call(state, call, now),
        Call::Ipam(call) => ipam_call(state, call),
    }
}

/// Docker activates a plugin once in its life: this is a new dockerd, and what the old one began it will not end.
fn activate(state: &State) -> Verdict {
    let begun = state.endpoints.values().filter(|endpoint| endpoint.is_begun());
    let changes = begun.map(|endpoint| Change::NoEndpoint(endpoint.id.clone())).collect();
    Verdict::Answer(Reply::Implements(&["NetworkDriver", "IpamDriver"]), changes)
}

fn network_call(state: &State, call: &NetworkCall, now: Moment) -> Result<Verdict, Refusal> {
    match call {
        // must never fail: dockerd asks once in its life
        NetworkCall::GetCapabilities => Ok(Verdict::just(Reply::NetworkCapabilities { gateway_check: true })),
        NetworkCall::GwAllocCheck(options) => network::gateway_check(state, options).map(Verdict::just),
        NetworkCall::CreateNetwork(new) => network::create(state, new),
        NetworkCall::DeleteNetwork(id) => Ok(network::delete(state, id)),
        NetworkCall::CreateEndpoint(new) => endpoint::create(state, new, now),
        NetworkCall::EndpointOperInfo(id) => endpoint::info(state, id).map(Verdict::just),
        NetworkCall::Join(join) => endpoint::join(state, join, now),
        NetworkCall::Leave(id) => Ok(endpoint::leave(state, id, now)),
        NetworkCall::DeleteEndpoint(id) => Ok(endpoint::delete(state, id)),
        NetworkCall::ProgramExternalConnectivity(_)
        | NetworkCall::RevokeExternalConnectivity(_)
        | NetworkCall::DiscoverNew(_)
        | NetworkCall::DiscoverDelete(_) => Ok(Verdict::just(Reply::Empty)),
    }
}

fn ipam_call(state: &State, call: &IpamCall) -> Result<Verdict, Refusal> {
    match call {
        // a required MAC would be invented by dockerd, and the tables' could not be given any more
        IpamCall::GetCapabilities => {
            Ok(Verdict::just(Reply::IpamCapabilities { requires_mac: false, request_replay: true }))
        }
        IpamCall::GetDefaultAddressSpaces => {
            Ok(Verdict::just(Reply::AddressSpaces { local: "local".to_owned(), global: "global".to_owned() }))
        }
        IpamCall::RequestPool(request) => address::pool(state, request).map(Verdict::just),
        // pools are the tables': there is nothing to give back
        IpamCall::ReleasePool { .. } => Ok(Verdict::just(Reply::Empty)),
        IpamCall::RequestAddress(request) => address::request(state, request).map(Verdict::just),
        IpamCall::ReleaseAddress { pool, address } => Ok(address::release(state, pool, *address)),
    }
}
