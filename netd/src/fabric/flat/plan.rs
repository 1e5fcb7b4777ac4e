//! What a Linux bridge and its ports have to be. Pure.

use hostnet::{Kind, Link};
use inventory::{HostNetwork, IfName};

use super::super::{Presence, Rules};
use crate::reconcile::{Plan, Seen, Step, mend_device};
use crate::refusal::Refusal;
use crate::state::Endpoint;

/// Of Linux bridges.
pub(in crate::fabric) const RULES: FlatRules = FlatRules;

/// [`RULES`].
#[derive(Debug)]
pub(in crate::fabric) struct FlatRules;

impl Rules for FlatRules {
    /// From the bridge itself.
    fn asks_early(&self) -> bool {
        true
    }

    fn presence(&self, bridge: &IfName, seen: &Seen<'_>) -> Presence {
        match seen.link(bridge) {
            Some(link) if link.kind == Kind::Bridge => Presence::Ready,
            _ => Presence::Absent,
        }
    }

    fn bridge_problem(&self, on: &HostNetwork, seen: &Seen<'_>) -> Option<String> {
        let (bridge, network) = (&on.bridge, &on.network.name);
        match seen.link(bridge) {
            None => Some(Refusal::NoBridge { bridge: bridge.clone(), network: network.clone() }.to_string()),
            Some(link) if link.kind != Kind::Bridge => Some(format!(
                "{bridge} of network {network} is not a bridge: run the postscript xdockhost network"
            )),
            Some(link) if !link.up => {
                Some(format!("bridge {bridge} of network {network} is switched off: ip link set {bridge} up"))
            }
            Some(_) => None,
        }
    }

    fn mend_port(&self, endpoint: &Endpoint, link: &Link, seen: &Seen<'_>, plan: &mut Plan) {
        let bridge = seen.link(&endpoint.bridge).filter(|bridge| bridge.kind == Kind::Bridge);
        let Some(bridge) = bridge else { return };
        // the kernel does not take a port from Open vSwitch's datapath
        if seen.switch().is_some_and(|switch| switch.port(link.name.as_str()).is_some()) {
            plan.steps.push(Step::Unplug { port: link.name.clone() });
        }
        if link.master != Some(bridge.index) {
            plan.steps.push(Step::Plug {
                port: link.name.clone(),
                node: endpoint.node.clone(),
                bridge: bridge.name.clone(),
                index: bridge.index,
            });
        }
        mend_device(endpoint, link, bridge.mtu, plan);
    }
}
