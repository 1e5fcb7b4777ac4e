//! Repairs of Open vSwitch bridges and their ports. Pure.

use std::collections::BTreeSet;

use hostnet::ovs::{Port, PortSpec};
use hostnet::{Kind, Link};
use inventory::{HostNetwork, IfName};

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

pub(in crate::fabric) fn plan_port(endpoint: &Endpoint, link: &Link, host: &HostView<'_>, plan: &mut Plan) {
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
        let wanted = port_spec(endpoint);
        match bridge.port(link.name.as_str()) {
            None => plan.steps.push(attach(endpoint, wanted)),
            Some(port) if !matches_spec(port, &wanted) => plan.steps.push(attach(endpoint, wanted)),
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

fn attach(endpoint: &Endpoint, port: PortSpec) -> Step {
    Step::OvsPort(OvsPortStep::Attach { port: Box::new(port), node: endpoint.node.clone() })
}

fn matches_spec(port: &Port, wanted: &PortSpec) -> bool {
    let has_id = |(key, value): (&String, &String)| port.external_ids.get(key) == Some(value);
    port.is_in(wanted.tag) && wanted.external_ids.iter().all(has_id)
}
