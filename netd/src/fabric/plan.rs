//! Repairs of bridges and ports, by fabric. Pure.

use hostnet::{Link, PortFilter};
use inventory::{Fabric, HostNetwork, IfName};

use super::{flat, ovs};
use crate::reconcile::{HostView, Plan};
use crate::state::Endpoint;

/// Whether the host has a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Ports can be attached to it.
    Ready,
    /// It exists or will come back: its switch restarts, or does not answer.
    Unknown,
    /// It does not exist.
    Absent,
}

/// Whether an endpoint's addresses can be probed before its veth pair exists.
pub(crate) fn probes_before_attach(fabric: Fabric) -> bool {
    match fabric {
        // through the bridge itself
        Fabric::Flat => true,
        // only the container end is in the endpoint's VLAN
        Fabric::Ovs => false,
    }
}

/// Whether the host has a bridge of this name and fabric.
pub(crate) fn presence(fabric: Fabric, bridge: &IfName, host: &HostView<'_>) -> Presence {
    match fabric {
        Fabric::Flat => flat::plan::presence(bridge, host),
        Fabric::Ovs => ovs::plan::presence(bridge, host),
    }
}

/// The problem of a network's bridge, if it has one.
pub(crate) fn bridge_problem(on: &HostNetwork, host: &HostView<'_>) -> Option<String> {
    match on.fabric {
        Fabric::Flat => flat::plan::bridge_problem(on, host),
        Fabric::Ovs => ovs::plan::bridge_problem(on, host),
    }
}

/// Plans the repairs of a live endpoint's port.
pub(crate) fn plan_port(
    endpoint: &Endpoint,
    filter: PortFilter,
    link: &Link,
    host: &HostView<'_>,
    plan: &mut Plan,
) {
    match endpoint.fabric {
        Fabric::Flat => flat::plan::plan_port(endpoint, filter, link, host, plan),
        Fabric::Ovs => ovs::plan::plan_port(endpoint, &filter, link, host, plan),
    }
}
