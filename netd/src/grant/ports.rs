//! Chooses the host's ports of a container, and refuses those of other containers. Pure.

use std::ops::RangeInclusive;

use inventory::{NodeName, Protocol, PublishedPort};
use plugin::{EndpointId, PortBinding, Transport};

use super::endpoint::in_use;
use crate::boot_time::BootTime;
use crate::refusal::Refusal;
use crate::state::{Endpoint, Phase, State};

/// Ports to choose from if the user gave none, as Docker does (moby `libnetwork/portallocator`).
const ANY: RangeInclusive<u16> = 49153..=65535;

/// Why a container does not get its ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortConflict {
    /// The endpoint that has the port; `None`: a process of the host, or the container itself.
    pub(crate) with: Option<EndpointId>,
    /// The message.
    pub(crate) refusal: Refusal,
}

/// Chooses one port of the host for each binding. `in_use`: ports that processes of the host use.
///
/// dockerd sends a container's ports to each of its endpoints. All of them have the same choice, and one of them
/// publishes.
pub(crate) fn choose_ports(
    state: &State,
    endpoint: &Endpoint,
    bindings: &[PortBinding],
    in_use: &[PublishedPort],
    now: BootTime,
) -> Result<Vec<PublishedPort>, PortConflict> {
    let sibling = |other: &&Endpoint| {
        other.node == endpoint.node && other.id != endpoint.id && other.on != endpoint.on && other.publishes()
    };
    if let Some(sibling) = state.endpoints.values().find(sibling).filter(|_| !bindings.is_empty()) {
        return Ok(sibling.ports.clone());
    }
    let claims = Claims { state, node: &endpoint.node, in_use, now };
    bindings.iter().try_fold(Vec::new(), |mut chosen, binding| {
        chosen.push(claims.choose(binding, &chosen)?);
        Ok(chosen)
    })
}

/// All that may have a port of the host.
struct Claims<'a> {
    state: &'a State,
    /// The container that gets ports.
    node: &'a NodeName,
    in_use: &'a [PublishedPort],
    now: BootTime,
}

impl Claims<'_> {
    fn choose(&self, binding: &PortBinding, chosen: &[PublishedPort]) -> Result<PublishedPort, PortConflict> {
        let range = binding.host.map_or(ANY, |(first, last)| first..=last);
        let mut conflict = None;
        for host in range.clone() {
            let port = PublishedPort {
                protocol: protocol(binding.transport),
                address: binding.address,
                host,
                container: binding.container,
            };
            match self.conflict(&port, chosen) {
                None => return Ok(port),
                found => conflict = found,
            }
        }
        let (first, last) = range.into_inner();
        match conflict {
            Some(conflict) if first == last => Err(conflict),
            _ => Err(self.no_free_port(binding, first, last)),
        }
    }

    fn conflict(&self, port: &PublishedPort, chosen: &[PublishedPort]) -> Option<PortConflict> {
        let (number, protocol, node) = (port.host, port.protocol, self.node.clone());
        let host = self.state.host_name();
        let meets = |ports: &[PublishedPort]| ports.iter().any(|other| port.overlaps(other));
        if meets(chosen) {
            let refusal = Refusal::PortTwice { port: number, protocol, host, node };
            return Some(PortConflict { with: None, refusal });
        }
        if let Some(other) = self.other_endpoints().find(|other| meets(&other.ports)) {
            let refusal = Refusal::PortTaken { port: number, protocol, host, node, by: other.node.clone() };
            return Some(PortConflict { with: Some(other.id.clone()), refusal });
        }
        let refusal = || Refusal::PortInUse { port: number, protocol, host, node };
        meets(self.in_use).then(|| PortConflict { with: None, refusal: refusal() })
    }

    fn other_endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let all = self.state.endpoints.values();
        all.filter(|other| other.node != *self.node && !other.ports.is_empty() && in_use(other, self.now))
    }

    fn no_free_port(&self, binding: &PortBinding, first: u16, last: u16) -> PortConflict {
        let (host, node) = (self.state.host_name(), self.node.clone());
        let protocol = protocol(binding.transport);
        PortConflict { with: None, refusal: Refusal::NoFreePort { first, last, protocol, host, node } }
    }
}

fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Tcp => Protocol::Tcp,
        Transport::Udp => Protocol::Udp,
        Transport::Sctp => Protocol::Sctp,
    }
}

impl Endpoint {
    /// Whether its ports are published, or about to be.
    pub(crate) fn publishes(&self) -> bool {
        !self.ports.is_empty() && self.phase != Phase::Left
    }
}
