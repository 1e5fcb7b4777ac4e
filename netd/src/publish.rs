//! Which ports of which containers are published, and through which of their addresses. Pure.
//!
//! dockerd sends the ports of a container to all of its endpoints. `ProgramExternalConnectivity` names one of them, but it
//! never comes for a container without default route, and dockerd repeats nothing after a restart with live-restore. So
//! netd decides by itself: for each family, the endpoint whose network the host has an address on, and if there are
//! several, one with a gateway, then the first by interface name.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hostnet::firewall::Family;
use hostnet::publish::{Hidden, Publication, has_family};
use hostnet::{Kind, Link};
use inventory::{Fabric, IfName, NetName, NodeName, PortList, PublishedPort};
use ipnet::IpNet;

use crate::state::{Endpoint, State};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// An endpoint of a container that publishes ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    node: NodeName,
    nic: IfName,
    on: NetName,
    addresses: Vec<IpNet>,
    bridge: IfName,
    fabric: Fabric,
    /// Host end of its veth pair.
    port: IfName,
    /// Gateways of its network.
    gateways: Vec<IpAddr>,
    ports: Vec<PublishedPort>,
}

/// All containers that publish ports, and the name of this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    host: String,
    candidates: Vec<Candidate>,
}

/// What is published, and what cannot be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) published: Vec<Publication>,
    pub(crate) problems: Vec<String>,
}

/// The host as far as published ports need it.
#[derive(Debug)]
pub(crate) struct HostAddresses<'a> {
    pub(crate) links: &'a [Link],
    /// Each with the index of its interface.
    pub(crate) addresses: &'a [(u32, IpNet)],
}

/// The containers that publish ports.
pub(crate) fn wanted(state: &State) -> Wanted {
    let publishing = state.endpoints.values().filter(|endpoint| endpoint.publishes());
    let mut candidates: Vec<Candidate> = publishing.map(|endpoint| candidate(state, endpoint)).collect();
    candidates.sort_by(|one, other| (&one.node, &one.nic).cmp(&(&other.node, &other.nic)));
    // equal if nothing is published, also before the first snapshot
    let host = if candidates.is_empty() { String::new() } else { state.host_name() };
    Wanted { host, candidates }
}

fn candidate(state: &State, endpoint: &Endpoint) -> Candidate {
    let on = state.snapshot.as_ref().and_then(|snapshot| snapshot.network(&endpoint.on));
    Candidate {
        node: endpoint.node.clone(),
        nic: endpoint.nic.clone(),
        on: endpoint.on.clone(),
        addresses: endpoint.addresses.clone(),
        bridge: endpoint.bridge.clone(),
        fabric: endpoint.fabric,
        port: endpoint.port(),
        gateways: on.map(|on| on.network.gateways.clone()).unwrap_or_default(),
        ports: endpoint.ports.clone(),
    }
}

/// Chooses the endpoints that publish.
pub(crate) fn select(wanted: &Wanted, host: &HostAddresses<'_>) -> Selection {
    let mut by_node: BTreeMap<&NodeName, Vec<&Candidate>> = BTreeMap::new();
    for candidate in &wanted.candidates {
        by_node.entry(&candidate.node).or_default().push(candidate);
    }
    let mut selection = Selection::default();
    for (node, candidates) in by_node {
        let published: Vec<Publication> =
            FAMILIES.into_iter().filter_map(|family| publication(&candidates, family, host)).collect();
        let problems = problems(&wanted.host, node, &candidates, &published, host);
        selection.problems.extend(problems);
        selection.published.extend(published);
    }
    selection
}

/// The publication of a container at addresses of one family.
fn publication(candidates: &[&Candidate], family: Family, host: &HostAddresses<'_>) -> Option<Publication> {
    let mut possible: Vec<Publication> =
        candidates.iter().filter_map(|candidate| candidate.publication(family, host)).collect();
    // stable: the candidates are in the order of their interfaces
    possible.sort_by_key(|publication| publication.hidden != Hidden::Host);
    possible.into_iter().next()
}

impl Candidate {
    fn publication(&self, family: Family, host: &HostAddresses<'_>) -> Option<Publication> {
        let address = *self.addresses.iter().find(|address| is_of(address.addr(), family))?;
        let device = host.device(&address, &self.bridge)?;
        let on_bridge =
            device.name == self.bridge && device.kind == Kind::Bridge && self.fabric == Fabric::Flat;
        let has_gateway = self.gateways.iter().any(|gateway| is_of(*gateway, family));
        let ports: Vec<PublishedPort> =
            self.ports.iter().filter(|port| has_family(port, family)).copied().collect();
        (!ports.is_empty()).then(|| Publication {
            node: self.node.clone(),
            address,
            device: device.name.clone(),
            bridge_port: on_bridge.then(|| self.port.clone()),
            hidden: match (on_bridge, has_gateway) {
                (true, true) => Hidden::Host,
                (true, false) => Hidden::OtherSubnets,
                (false, _) => Hidden::All,
            },
            ports,
        })
    }
}

impl HostAddresses<'_> {
    /// The interface with an address in the subnet of a container, its bridge if possible.
    fn device(&self, container: &IpNet, bridge: &IfName) -> Option<&Link> {
        let in_subnet = |address: &IpNet| address.contains(&container.addr());
        let indexes: BTreeSet<u32> = self
            .addresses
            .iter()
            .filter(|(_, address)| in_subnet(address))
            .map(|(index, _)| *index)
            .collect();
        let devices = || self.links.iter().filter(|link| indexes.contains(&link.index));
        devices().find(|link| link.name == *bridge).or_else(|| devices().next())
    }

    fn has(&self, address: IpAddr) -> bool {
        let any = address.is_unspecified() || address.is_loopback();
        any || self.addresses.iter().any(|(_, own)| own.addr() == address)
    }
}

fn is_of(address: IpAddr, family: Family) -> bool {
    address.is_ipv4() == (family == Family::V4)
}

/// Ports of a container that no client reaches.
fn problems(
    host_name: &str,
    node: &NodeName,
    candidates: &[&Candidate],
    published: &[Publication],
    host: &HostAddresses<'_>,
) -> Vec<String> {
    let ports = candidates.first().map(|candidate| candidate.ports.as_slice()).unwrap_or_default();
    let is_published = |port: &PublishedPort| published.iter().any(|on| on.ports.contains(port));
    let (published, missing): (Vec<PublishedPort>, Vec<PublishedPort>) =
        ports.iter().copied().partition(is_published);
    let networks = || {
        let each = candidates.iter().flat_map(|on| on.addresses.iter().map(move |a| (on, a.trunc())));
        let each: Vec<String> = each.map(|(on, subnet)| format!("{} ({subnet})", on.on)).collect();
        each.join(" and ")
    };
    let unpublished = (!missing.is_empty()).then(|| {
        format!(
            "{node} does not publish {}: {host_name} has no address of that family on {}; connect to the container's own address",
            PortList(&missing),
            networks()
        )
    });
    let elsewhere: BTreeSet<IpAddr> =
        published.iter().filter_map(|port| port.address).filter(|address| !host.has(*address)).collect();
    let elsewhere = elsewhere.into_iter().map(|address| {
        format!("{node} publishes a port at {address}, which is not an address of {host_name}: correct port= in vm.othersettings of {node}")
    });
    unpublished.into_iter().chain(elsewhere).collect()
}
