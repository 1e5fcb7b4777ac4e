//! Repairs of Linux bridges and their ports. Pure.

use hostnet::{Kind, Link, PortFilter};
use inventory::{HostNetwork, IfName};

use super::super::Presence;
use crate::reconcile::{BridgePortStep, HostView, OvsPortStep, Plan, Step};
use crate::refusal::Refusal;
use crate::state::Endpoint;

pub(in crate::fabric) fn presence(bridge: &IfName, host: &HostView<'_>) -> Presence {
    match host.link(bridge) {
        Some(link) if link.kind == Kind::Bridge => Presence::Ready,
        _ => Presence::Absent,
    }
}

pub(in crate::fabric) fn bridge_problem(on: &HostNetwork, host: &HostView<'_>) -> Option<String> {
    let (bridge, network) = (&on.bridge, &on.network.name);
    match host.link(bridge) {
        None => Some(Refusal::NoBridge { bridge: bridge.clone(), network: network.clone() }.to_string()),
        Some(link) if link.kind != Kind::Bridge => Some(format!(
            "{bridge} of network {network} is not a bridge: run the postscript xdockhost network"
        )),
        Some(link) if !link.up => {
            Some(format!("bridge {bridge} of network {network} is down: ip link set {bridge} up"))
        }
        Some(_) => None,
    }
}

pub(in crate::fabric) fn plan_port(
    endpoint: &Endpoint,
    filter: PortFilter,
    link: &Link,
    host: &HostView<'_>,
    plan: &mut Plan,
) {
    // before a port is attached
    plan_filter(endpoint, filter, link, host, plan);
    let bridge = host.link(&endpoint.bridge).filter(|bridge| bridge.kind == Kind::Bridge);
    let Some(bridge) = bridge else { return };
    // the kernel does not detach a port from Open vSwitch's datapath
    if host.switch().is_some_and(|switch| switch.port(link.name.as_str()).is_some()) {
        plan.steps.push(Step::OvsPort(OvsPortStep::Remove { port: link.name.clone() }));
    }
    if link.master != Some(bridge.index) {
        plan.steps.push(Step::BridgePort(BridgePortStep::Attach {
            port: link.name.clone(),
            node: endpoint.node.clone(),
            bridge: bridge.name.clone(),
            index: bridge.index,
        }));
    }
    plan.correct_device(endpoint, link, bridge.mtu);
}

/// Plans the filter of a port. A filter that is missing is installed also where the bridge does not exist.
pub(in crate::fabric) fn plan_filter(
    endpoint: &Endpoint,
    filter: PortFilter,
    link: &Link,
    host: &HostView<'_>,
    plan: &mut Plan,
) {
    if host.filter(link).is_some_and(|installed| !installed.matches(&filter)) {
        let (port, node) = (link.name.clone(), endpoint.node.clone());
        plan.steps.push(Step::BridgePort(BridgePortStep::Filter { port, node, filter: Box::new(filter) }));
    }
}
