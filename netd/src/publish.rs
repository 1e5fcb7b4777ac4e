//! Which ports of which containers are published, and through which of their addresses. Pure.
//!
//! dockerd sends the ports of a container to all of its endpoints. `ProgramExternalConnectivity` names one of them, but it
//! never comes for a container without default route, and dockerd repeats nothing after a restart with live-restore. So
//! netd decides by itself: for each family, the endpoint whose network the host has an address on, and if there are
//! several, one with a gateway, then the first by interface name.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use hostnet::firewall::Family;
use hostnet::ovs::{self, Flow, FlowCounts, HostPort, SwitchedPorts, publish_flows};
use hostnet::publish::{Hidden, Publication, has_family};
use hostnet::{Kind, Link};
use inventory::{Fabric, IfName, MacAddr, NetName, NodeName, PortList, Protocol, PublishedPort};
use ipnet::IpNet;

use crate::reconcile::ovs_bridges;
use crate::state::{Endpoint, State};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// An endpoint of a container that publishes ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    node: NodeName,
    nic: IfName,
    mac: MacAddr,
    on: NetName,
    addresses: Vec<IpNet>,
    bridge: IfName,
    fabric: Fabric,
    /// VLAN of its port on Open vSwitch.
    tag: Option<u16>,
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
    /// The bridges of Open vSwitch, also those without published ports.
    switches: BTreeSet<IfName>,
}

/// What is published, and what cannot be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) published: Vec<Publication>,
    /// The ports that bridges of Open vSwitch translate, by bridge.
    pub(crate) switched: BTreeMap<IfName, Vec<SwitchedPorts>>,
    pub(crate) problems: Vec<String>,
}

/// Changes of the flows of published ports on a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlowStep {
    pub(crate) bridge: IfName,
    pub(crate) add: Vec<Flow>,
    /// Cookies.
    pub(crate) remove: Vec<u64>,
}

/// The host as far as published ports need it.
#[derive(Debug)]
pub(crate) struct HostAddresses<'a> {
    pub(crate) links: &'a [Link],
    /// Each with the index of its interface.
    pub(crate) addresses: &'a [(u32, IpNet)],
    /// Open vSwitch, if it is used and answered.
    pub(crate) switch: Option<&'a ovs::Observed>,
}

/// The containers that publish ports.
pub(crate) fn wanted(state: &State) -> Wanted {
    let publishing = state.endpoints.values().filter(|endpoint| endpoint.publishes());
    let mut candidates: Vec<Candidate> = publishing.map(|endpoint| candidate(state, endpoint)).collect();
    candidates.sort_by(|one, other| (&one.node, &one.nic).cmp(&(&other.node, &other.nic)));
    // equal if nothing is published, also before the first snapshot
    let host = if candidates.is_empty() { String::new() } else { state.host_name() };
    Wanted { host, candidates, switches: ovs_bridges(state) }
}

impl Wanted {
    /// The bridges of Open vSwitch.
    pub(crate) fn switches(&self) -> &BTreeSet<IfName> {
        &self.switches
    }
}

fn candidate(state: &State, endpoint: &Endpoint) -> Candidate {
    let on = state.snapshot.as_ref().and_then(|snapshot| snapshot.network(&endpoint.on));
    Candidate {
        node: endpoint.node.clone(),
        nic: endpoint.nic.clone(),
        mac: endpoint.mac,
        on: endpoint.on.clone(),
        addresses: endpoint.addresses.clone(),
        bridge: endpoint.bridge.clone(),
        fabric: endpoint.fabric,
        tag: endpoint.tag,
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
        let chosen: Vec<Chosen> =
            FAMILIES.into_iter().filter_map(|family| choose(&candidates, family, host)).collect();
        let (published, switched): (Vec<_>, Vec<_>) =
            chosen.into_iter().map(|Chosen { publication, switched }| (publication, switched)).unzip();
        let problems = problems(&wanted.host, node, &candidates, &published, host);
        selection.problems.extend(problems);
        selection.published.extend(published);
        for (bridge, ports) in switched.into_iter().flatten() {
            selection.switched.entry(bridge).or_default().push(ports);
        }
    }
    for bridge in &wanted.switches {
        selection.switched.entry(bridge.clone()).or_default();
    }
    selection
}

/// How a container is published at addresses of one family.
struct Chosen {
    publication: Publication,
    /// The bridge of Open vSwitch that translates, with its part.
    switched: Option<(IfName, SwitchedPorts)>,
}

fn choose(candidates: &[&Candidate], family: Family, host: &HostAddresses<'_>) -> Option<Chosen> {
    let possible = candidates.iter().filter_map(|on| Some((on, on.publication(family, host)?)));
    // the first of the best; the candidates are in the order of their interfaces
    let (on, publication) = possible.min_by_key(|(on, _)| !on.has_gateway(family))?;
    let switched = on.switched(&publication, host).map(|ports| (on.bridge.clone(), ports));
    Some(Chosen { publication, switched })
}

/// The change of a bridge's flows; `None`: they are right.
pub(crate) fn plan_flows(
    bridge: &IfName,
    ports: &[SwitchedPorts],
    installed: &FlowCounts,
) -> Option<FlowStep> {
    let wanted = publish_flows(ports);
    let cookies: BTreeSet<u64> = wanted.iter().map(Flow::cookie).collect();
    let add: Vec<Flow> = wanted.into_iter().filter(|flow| !installed.contains_key(&flow.cookie())).collect();
    let remove: Vec<u64> = installed.keys().filter(|cookie| !cookies.contains(cookie)).copied().collect();
    let step = FlowStep { bridge: bridge.clone(), add, remove };
    (!step.add.is_empty() || !step.remove.is_empty()).then_some(step)
}

impl Candidate {
    fn publication(&self, family: Family, host: &HostAddresses<'_>) -> Option<Publication> {
        let address = *self.addresses.iter().find(|address| is_of(address.addr(), family))?;
        let device = host.device(&address, &self.bridge)?;
        let on_bridge =
            device.name == self.bridge && device.kind == Kind::Bridge && self.fabric == Fabric::Flat;
        let ports: Vec<PublishedPort> =
            self.ports.iter().filter(|port| has_family(port, family)).copied().collect();
        (!ports.is_empty()).then(|| Publication {
            node: self.node.clone(),
            address,
            device: device.name.clone(),
            bridge_port: on_bridge.then(|| self.port.clone()),
            hidden: match (on_bridge, self.has_gateway(family)) {
                (true, true) => Hidden::Host,
                (true, false) => Hidden::OtherSubnets,
                (false, _) => Hidden::All,
            },
            ports,
        })
    }

    fn has_gateway(&self, family: Family) -> bool {
        self.gateways.iter().any(|gateway| is_of(*gateway, family))
    }

    /// What the bridge of Open vSwitch translates for a publication. `None`: the host's interface is not on the bridge.
    fn switched(&self, published: &Publication, host: &HostAddresses<'_>) -> Option<SwitchedPorts> {
        let device = host.links.iter().find(|link| link.name == published.device)?;
        if self.fabric != Fabric::Ovs || !host.is_on_switch(&device.name, &self.bridge) {
            return None;
        }
        let address = published.address.addr();
        let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
        let own =
            host.addresses.iter().filter(|(index, _)| *index == device.index).map(|(_, own)| own.addr());
        let addresses = own.filter(|own| is_of(*own, family) && !is_link_local(*own)).collect();
        Some(SwitchedPorts {
            mac: self.mac,
            address,
            clients: (!self.has_gateway(family)).then(|| published.address.trunc()),
            ports: published.ports.clone(),
            host: HostPort { mac: device.mac?, addresses, vlan: self.tag.filter(|tag| *tag != 0) },
        })
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

impl HostAddresses<'_> {
    /// Whether an interface of the host is a port of this bridge of Open vSwitch, or its internal one.
    fn is_on_switch(&self, device: &IfName, bridge: &IfName) -> bool {
        let port = || self.switch?.interface(device.as_str());
        device == bridge || port().is_some_and(|(on, ..)| on.name == bridge.as_str())
    }

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

/// UDP ports of the host, and who gets their packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UdpPorts {
    /// Addresses of the host.
    host: BTreeSet<IpAddr>,
    now: Vec<(IpAddr, PublishedPort)>,
    /// Those of the former rules.
    before: Vec<(IpAddr, PublishedPort)>,
}

impl UdpPorts {
    /// `before`, `now`: what was and what is published.
    pub(crate) fn new(before: &[Publication], now: &[Publication], addresses: &[(u32, IpNet)]) -> Self {
        let udp = |published: &[Publication]| {
            let each =
                published.iter().flat_map(|on| on.ports.iter().map(move |port| (on.address.addr(), *port)));
            each.filter(|(_, port)| port.protocol == Protocol::Udp).collect()
        };
        let host = addresses.iter().map(|(_, address)| address.addr()).collect();
        Self { host, now: udp(now), before: udp(before) }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty() && self.before.is_empty()
    }

    /// Whether the kernel sends the packets of a flow elsewhere than the rules say, because it began under other rules.
    pub(crate) fn is_stale(&self, to: SocketAddr, served_by: SocketAddr) -> bool {
        let (to, number) = (to.ip(), to.port());
        let find = |ports: &[(IpAddr, PublishedPort)]| {
            let at = |port: &PublishedPort| port.address.is_none_or(|own| own.is_unspecified() || own == to);
            let found = ports.iter().find(|(container, port)| {
                container.is_ipv4() == to.is_ipv4() && port.host == number && at(port)
            });
            found.map(|(container, port)| SocketAddr::new(*container, port.container))
        };
        self.host.contains(&to)
            && match (find(&self.now), find(&self.before)) {
                (Some(container), _) => served_by != container,
                (None, Some(former)) => served_by == former,
                (None, None) => false,
            }
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
