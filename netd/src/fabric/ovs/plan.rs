//! Repairs of Open vSwitch bridges and their ports. Pure.

use std::collections::{BTreeMap, BTreeSet};

use hostnet::ovs::{Flow, Port, PortSpec, filter_flows, network_flows};
use hostnet::{Isolation, Kind, Link, PortFilter};
use inventory::{Fabric, HostNetwork, IfName, NetName};

use super::super::Presence;
use super::{ENDPOINT_KEY, is_kernel_datapath, port_spec};
use crate::reconcile::{BridgePortStep, HostView, OvsPortStep, Plan, Step};
use crate::refusal::Refusal;
use crate::state::{Endpoint, Phase};

pub(in crate::fabric) fn presence(bridge: &IfName, host: &HostView<'_>) -> Presence {
    let configured = host.switch().map(|switch| switch.bridge(bridge).is_some());
    match (configured, host.link(bridge)) {
        (Some(true), Some(_)) => Presence::Ready,
        (Some(false), _) => Presence::Absent,
        (None, _) | (Some(true), None) => Presence::Unknown,
    }
}

/// A switch that does not answer is reported once, not for each network.
pub(in crate::fabric) fn bridge_problem(on: &HostNetwork, host: &HostView<'_>) -> Option<String> {
    let (bridge, network) = (on.bridge.clone(), on.network.name.clone());
    let switch = host.switch()?;
    let device = match (switch.bridge(&bridge), host.link(&bridge)) {
        (None, _) => return Some(Refusal::NoBridge { bridge, network }.to_string()),
        (Some(_), None) => return Some(Refusal::NotMade { bridge, network }.to_string()),
        (Some(_), Some(device)) => device,
    };
    (!device.up).then(|| format!("bridge {bridge} of network {network} is down: ip link set {bridge} up"))
}

pub(in crate::fabric) fn plan_port(
    endpoint: &Endpoint,
    filter: &PortFilter,
    link: &Link,
    host: &HostView<'_>,
    plan: &mut Plan,
) {
    if endpoint.phase == Phase::Intended {
        // it is being attached
        return;
    }
    if let Some(bridge) = host.switch().and_then(|switch| switch.bridge(&endpoint.bridge)) {
        // a port of a Linux bridge sends its frames there
        if host.master(link).is_some_and(|master| master.kind == Kind::Bridge) {
            let (port, node) = (link.name.clone(), endpoint.node.clone());
            plan.steps.push(Step::BridgePort(BridgePortStep::Detach { port, node }));
        }
        plan_filter(endpoint, filter, link, host, plan);
        let wanted = port_spec(endpoint);
        match bridge.port(link.name.as_str()) {
            None => plan.steps.push(attach(endpoint, wanted, filter)),
            Some(port) if !matches_spec(port, &wanted) => plan.steps.push(attach(endpoint, wanted, filter)),
            Some(port) => {
                let problem = |(_, error)| {
                    format!("ovs-vswitchd cannot use port {} of {}: {error}", port.name, endpoint.node)
                };
                plan.problems.extend(port.errors().map(problem));
            }
        }
    }
    if let Some(device) = host.link(&endpoint.bridge) {
        // a change of net.ipv6.conf.all.disable_ipv6 resets the settings of all interfaces
        if !is_kernel_datapath(device) && !host.is_isolated(&link.name) {
            let (port, node) = (link.name.clone(), endpoint.node.clone());
            plan.steps.push(Step::OvsPort(OvsPortStep::Isolate { port, node }));
        }
        plan.correct_device(endpoint, link, device.mtu);
    }
}

/// The flows of an endpoint's filter. `None`: ovs-vswitchd has not given its port a number yet.
fn flows(endpoint: &Endpoint, filter: &PortFilter, host: &HostView<'_>) -> Option<Vec<Flow>> {
    let port = endpoint.port();
    let (_, _, interface) = host.switch()?.interface(port.as_str())?;
    Some(filter_flows(filter, interface.ofport.filter(|number| *number >= 0)?))
}

fn plan_filter(endpoint: &Endpoint, filter: &PortFilter, link: &Link, host: &HostView<'_>, plan: &mut Plan) {
    let (port, node) = (link.name.clone(), endpoint.node.clone());
    if host.filter(link).is_some_and(|installed| !installed.is_empty()) {
        // it was on a Linux bridge
        let (port, node, filter) = (port.clone(), node.clone(), Box::default());
        plan.steps.push(Step::BridgePort(BridgePortStep::Filter { port, node, filter }));
    }
    let (Some(installed), Some(wanted)) = (host.flows(&endpoint.bridge), flows(endpoint, filter, host))
    else {
        return;
    };
    let missing: Vec<_> = wanted.into_iter().filter(|flow| !installed.contains_key(&flow.cookie())).collect();
    if !missing.is_empty() {
        let bridge = endpoint.bridge.clone();
        plan.steps.push(Step::OvsPort(OvsPortStep::Filter { port, node, bridge, flows: missing }));
    }
}

/// Plans the flows that the ports of an isolated network share, and the removal of flows that no filter has. Flows of an
/// endpoint that is being attached look like that too, so nothing is removed while there is one.
pub(crate) fn plan_bridge_flows<'a>(
    filters: impl Iterator<Item = (&'a Endpoint, PortFilter)>,
    host: &HostView<'_>,
    plan: &mut Plan,
) {
    let mut bridges: BTreeMap<&IfName, BridgeFlows<'a>> = BTreeMap::new();
    for (endpoint, filter) in filters.filter(|(endpoint, _)| endpoint.fabric == Fabric::Ovs) {
        let bridge = bridges.entry(&endpoint.bridge).or_default();
        match flows(endpoint, &filter, host) {
            Some(flows) if endpoint.phase != Phase::Intended && endpoint.since < host.began() => {
                bridge.cookies.extend(flows.iter().map(Flow::cookie));
            }
            _ => bridge.is_changing = true,
        }
        bridge.isolated.extend(filter.isolation.map(|isolation| (&endpoint.on, isolation)));
    }
    for (bridge, installed) in host.all_flows() {
        let BridgeFlows { mut cookies, isolated, is_changing } = bridges.remove(bridge).unwrap_or_default();
        for (network, isolation) in isolated {
            let shared = network_flows(&isolation);
            cookies.extend(shared.iter().map(Flow::cookie));
            let missing: Vec<_> =
                shared.into_iter().filter(|flow| !installed.contains_key(&flow.cookie())).collect();
            if !missing.is_empty() {
                let (network, bridge) = (network.clone(), bridge.clone());
                plan.steps.push(Step::OvsPort(OvsPortStep::Isolation { network, bridge, flows: missing }));
            }
        }
        let stale: Vec<u64> = installed.keys().filter(|cookie| !cookies.contains(cookie)).copied().collect();
        if !is_changing && !stale.is_empty() {
            let bridge = bridge.clone();
            plan.steps.push(Step::OvsPort(OvsPortStep::RemoveFlows { bridge, cookies: stale }));
        }
    }
}

/// The flows that a bridge should have.
#[derive(Default)]
struct BridgeFlows<'a> {
    /// Of ports.
    cookies: BTreeSet<u64>,
    /// Isolated networks, each as one of its ports has it.
    isolated: BTreeMap<&'a NetName, Isolation>,
    /// A port is being attached, or has no number yet.
    is_changing: bool,
}

/// Plans the removal of our Open vSwitch ports that have no endpoint: the container stopped while netd or the switch
/// was down, or the power failed and only the switch's database kept the port. A port whose other end is in a
/// container is kept: its device is reported as a problem.
pub(crate) fn plan_stale_ports(recorded: &BTreeSet<IfName>, host: &HostView<'_>, plan: &mut Plan) {
    let ports = host.switch().into_iter().flat_map(|switch| &switch.bridges).flat_map(|bridge| &bridge.ports);
    for port in ports.filter(|port| port.external_ids.contains_key(ENDPOINT_KEY)) {
        // only netd writes such ports, and their names are interface names
        let Ok(name) = port.name.parse::<IfName>() else { continue };
        let in_container = host.link(&name).is_some_and(|link| link.peer_netns.is_some());
        if !recorded.contains(&name) && !in_container {
            plan.steps.push(Step::OvsPort(OvsPortStep::Remove { port: name }));
        }
    }
}

fn attach(endpoint: &Endpoint, port: PortSpec, filter: &PortFilter) -> Step {
    let (port, node, filter) = (Box::new(port), endpoint.node.clone(), Box::new(filter.clone()));
    Step::OvsPort(OvsPortStep::Attach { port, node, filter })
}

fn matches_spec(port: &Port, wanted: &PortSpec) -> bool {
    let has_id = |(key, value): (&String, &String)| port.external_ids.get(key) == Some(value);
    port.is_in(wanted.tag) && wanted.external_ids.iter().all(has_id)
}
