//! What an Open vSwitch bridge and its ports have to be. Pure.

use std::collections::BTreeSet;

use hostnet::ovs::{Port, PortSpec};
use hostnet::{Kind, Link};
use inventory::{HostNetwork, IfName};

use super::super::{Presence, Rules};
use super::{ENDPOINT, is_kernels, spec};
use crate::reconcile::{Plan, Seen, Step, mend_device};
use crate::refusal::Refusal;
use crate::state::{Endpoint, Phase};

/// Of Open vSwitch bridges.
pub(in crate::fabric) const RULES: OvsRules = OvsRules;

/// [`RULES`].
#[derive(Debug)]
pub(in crate::fabric) struct OvsRules;

impl Rules for OvsRules {
    /// The container's end is the only place on this host that is in its VLAN.
    fn asks_early(&self) -> bool {
        false
    }

    fn presence(&self, bridge: &IfName, seen: &Seen<'_>) -> Presence {
        let configured = seen.switch().map(|switch| switch.bridge(bridge).is_some());
        match (configured, seen.link(bridge)) {
            (Some(true), Some(_)) => Presence::Ready,
            (Some(false), _) => Presence::Absent,
            (None, _) | (Some(true), None) => Presence::Unsure,
        }
    }

    fn bridge_problem(&self, on: &HostNetwork, seen: &Seen<'_>) -> Option<String> {
        let (bridge, network) = (on.bridge.clone(), on.network.name.clone());
        // that the switch does not answer at all is told once, not for each network
        let switch = seen.switch()?;
        let made = match (switch.bridge(&bridge), seen.link(&bridge)) {
            (None, _) => return Some(Refusal::NoBridge { bridge, network }.to_string()),
            (Some(_), None) => return Some(Refusal::NotMade { bridge, network }.to_string()),
            (Some(_), Some(device)) => device,
        };
        (!made.up)
            .then(|| format!("bridge {bridge} of network {network} is switched off: ip link set {bridge} up"))
    }

    fn mend_port(&self, endpoint: &Endpoint, link: &Link, seen: &Seen<'_>, plan: &mut Plan) {
        if endpoint.phase == Phase::Intended {
            // it is being plugged in
            return;
        }
        if let Some(bridge) = seen.switch().and_then(|switch| switch.bridge(&endpoint.bridge)) {
            // a port of a Linux bridge hands its frames to that
            if seen.master(link).is_some_and(|master| master.kind == Kind::Bridge) {
                plan.steps.push(Step::Release { port: link.name.clone(), node: endpoint.node.clone() });
            }
            let wanted = spec(endpoint);
            match bridge.port(link.name.as_str()) {
                None => plan.steps.push(plug_in(endpoint, wanted)),
                Some(port) if !is(port, &wanted) => plan.steps.push(plug_in(endpoint, wanted)),
                Some(port) => {
                    let told = |(_, said)| {
                        format!("ovs-vswitchd cannot use port {} of {}: {said}", port.name, endpoint.node)
                    };
                    plan.problems.extend(port.faults().map(told));
                }
            }
        }
        if let Some(device) = seen.link(&endpoint.bridge) {
            // its settings may be set back for all interfaces at once: net.ipv6.conf.all.disable_ipv6
            if !is_kernels(device) && seen.hears(&link.name) {
                plan.steps.push(Step::Deafen { port: link.name.clone(), node: endpoint.node.clone() });
            }
            mend_device(endpoint, link, device.mtu, plan);
        }
    }
}

/// Takes ports out of the switch that are ours and nobody's: their container went while netd or the switch was not
/// there, or the power was cut and only the switch remembers. Not one whose other end is in a container: that is told
/// with its device.
pub(crate) fn plan_left_overs(ours: &BTreeSet<IfName>, seen: &Seen<'_>, plan: &mut Plan) {
    let ports = seen.switch().into_iter().flat_map(|switch| &switch.bridges).flat_map(|bridge| &bridge.ports);
    for port in ports.filter(|port| port.external_ids.contains_key(ENDPOINT)) {
        // nothing else than netd writes such a port, and its names are names of interfaces
        let Ok(name) = port.name.parse::<IfName>() else { continue };
        let in_container = seen.link(&name).is_some_and(|link| link.peer_netns.is_some());
        if !ours.contains(&name) && !in_container {
            plan.steps.push(Step::Unplug { port: name });
        }
    }
}

fn plug_in(endpoint: &Endpoint, port: PortSpec) -> Step {
    Step::PlugIn { port: Box::new(port), node: endpoint.node.clone() }
}

fn is(port: &Port, wanted: &PortSpec) -> bool {
    let named = |(key, value): (&String, &String)| port.external_ids.get(key) == Some(value);
    port.is_in(wanted.tag) && wanted.external_ids.iter().all(named)
}
