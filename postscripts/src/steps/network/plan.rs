//! From what a bridge shall be and what is there, to the changes of the running kernel. Pure.
//!
//! The order keeps the host reachable. The bridge gets the address while the NIC still has it; routes with a gateway are
//! replaced in place; the NIC becomes its port; when the bridge is operational, the NIC loses the
//! address, and the bridge's own route to the subnet, which stood second until now, takes over (an equal prefix is
//! appended: kernel net/ipv4/fib_frontend.c, fib_magic). A run that is killed between two steps is completed by the next one.
//! From the one before the last on, for some milliseconds, the host does not hear neighbours that it does not know yet.

use std::fmt;

use hostnet::{BridgeSpec, Route};
use inventory::IfName;
use ipnet::IpNet;

use super::observe::Observed;
use super::resolve::Bridge;

/// One change of the running kernel, with what is needed to take it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the bridge.
    AddBridge(BridgeSpec),
    /// Remove the bridge: only ever the way back.
    DeleteBridge(IfName),
    /// Change the MTU.
    SetMtu {
        /// The interface.
        device: IfName,
        /// What it has.
        from: u32,
        /// What it shall have.
        to: u32,
    },
    /// Switch an interface on. Taking this back would gain nothing.
    SetUp(IfName),
    /// Give an address.
    AddAddress(IfName, IpNet),
    /// Take an address away.
    DelAddress(IfName, IpNet),
    /// Make the NIC a port.
    Enslave {
        /// The NIC.
        port: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// Wait until what is sent through the bridge leaves.
    Settle(IfName),
    /// Make the NIC a port of nothing: only ever the way back.
    Release {
        /// The NIC.
        port: IfName,
    },
    /// Put a route, in the place of the one to the same destination.
    Route {
        /// Through which interface it shall go.
        device: IfName,
        /// The route.
        route: Route,
        /// What it replaces.
        instead: Option<(IfName, Route)>,
    },
    /// Remove a route: only ever the way back.
    DelRoute(IfName, Route),
}

/// The changes that make the machine follow; none when it does.
pub fn plan(bridge: &Bridge, observed: &Observed) -> Vec<Step> {
    let mut steps = make(bridge, observed);
    steps.extend(routes(bridge, observed));
    steps.extend(enslave(bridge, observed));
    steps.extend(stale(bridge, observed));
    steps
}

/// What the NIC has no more, and addresses of ours with another prefix.
fn stale(bridge: &Bridge, observed: &Observed) -> Vec<Step> {
    let wrong = |address: &IpNet| bridge.has(address) && !bridge.addresses.contains(address);
    let on_bridge = observed.addresses(&bridge.name).filter(wrong).map(|address| (&bridge.name, address));
    let on_port = observed.addresses(&bridge.port).map(|address| (&bridge.port, address));
    on_bridge.chain(on_port).map(|(device, address)| Step::DelAddress(device.clone(), address)).collect()
}

/// The bridge, its MTU and its addresses.
fn make(bridge: &Bridge, observed: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    match observed.link(&bridge.name) {
        None => steps.push(Step::AddBridge(BridgeSpec {
            name: bridge.name.clone(),
            mac: observed.link(&bridge.port).and_then(|port| port.mac),
            mtu: bridge.mtu,
        })),
        Some(link) if !link.up => steps.push(Step::SetUp(bridge.name.clone())),
        Some(_) => {}
    }
    // first the port: a bridge can not have a larger MTU than its ports (net/bridge/br_device.c, br_change_mtu)
    for device in [&bridge.port, &bridge.name] {
        steps.extend(mtu(bridge, device, observed));
    }
    // addresses that the tables do not have (IPv6 of router advertisements) move along
    let moved = observed.addresses(&bridge.port).filter(|address| !bridge.has(address));
    let wanted = bridge.addresses.iter().copied().chain(moved);
    let missing = wanted.filter(|address| !observed.addresses(&bridge.name).any(|on| on == *address));
    steps.extend(missing.map(|address| Step::AddAddress(bridge.name.clone(), address)));
    steps
}

fn mtu(bridge: &Bridge, device: &IfName, observed: &Observed) -> Option<Step> {
    let from = observed.link(device)?.mtu;
    let to = bridge.mtu.filter(|to| *to != from)?;
    Some(Step::SetMtu { device: device.clone(), from, to })
}

fn enslave(bridge: &Bridge, observed: &Observed) -> Vec<Step> {
    let Some(port) = observed.link(&bridge.port) else { return Vec::new() };
    let mut steps = Vec::new();
    if !port.up {
        steps.push(Step::SetUp(bridge.port.clone()));
    }
    let index = observed.link(&bridge.name).map(|link| link.index);
    if index.is_none() || port.master != index {
        steps.push(Step::Enslave { port: bridge.port.clone(), bridge: bridge.name.clone() });
        // a NIC that was down, or has no cable, may take seconds; nothing goes through it that could be lost
        steps.extend((port.up && port.running).then(|| Step::Settle(bridge.name.clone())));
    }
    steps
}

/// The NIC's routes, and the default routes of the tables.
fn routes(bridge: &Bridge, observed: &Observed) -> Vec<Step> {
    let planned: Vec<Route> = bridge.gateways.iter().map(|gateway| Route::default_via(*gateway)).collect();
    let is_planned = |route: &Route| planned.iter().any(|planned| planned.destination == route.destination);
    let carried = observed.routes(&bridge.port).filter(|route| !is_planned(route));
    let mut steps: Vec<Step> = carried
        .map(|route| bridge.route(route.clone(), Some((bridge.port.clone(), route.clone()))))
        .collect();
    steps.extend(planned.iter().filter_map(|route| gateway(bridge, route, observed)));
    steps
}

/// The step to a default route; `None` where it is so already.
fn gateway(bridge: &Bridge, route: &Route, observed: &Observed) -> Option<Step> {
    let old = [&bridge.name, &bridge.port].into_iter().find_map(|device| {
        let same = observed.routes(device).find(|old| old.destination == route.destination)?;
        Some((device.clone(), same.clone()))
    });
    match &old {
        Some((device, old)) if *device == bridge.name && old.gateway == route.gateway => None,
        // replaced in place only with the same metric
        Some((_, same)) => Some(bridge.route(Route { metric: same.metric, ..route.clone() }, old.clone())),
        None => Some(bridge.route(route.clone(), None)),
    }
}

impl Bridge {
    fn route(&self, route: Route, instead: Option<(IfName, Route)>) -> Step {
        Step::Route { device: self.name.clone(), route, instead }
    }

    fn has(&self, address: &IpNet) -> bool {
        self.addresses.iter().any(|own| own.addr() == address.addr())
    }
}

impl Step {
    /// What takes it back; `None` where that would gain nothing.
    pub fn inverse(&self) -> Option<Self> {
        match self.clone() {
            Self::AddBridge(spec) => Some(Self::DeleteBridge(spec.name)),
            Self::SetMtu { device, from, to } => Some(Self::SetMtu { device, from: to, to: from }),
            Self::AddAddress(device, address) => Some(Self::DelAddress(device, address)),
            Self::DelAddress(device, address) => Some(Self::AddAddress(device, address)),
            Self::Enslave { port, .. } => Some(Self::Release { port }),
            Self::Route { device, route, instead: None } => Some(Self::DelRoute(device, route)),
            Self::Route { device, route, instead: Some((old, instead)) } => {
                Some(Self::Route { device: old, route: instead, instead: Some((device, route)) })
            }
            Self::SetUp(_)
            | Self::Settle(_)
            | Self::DeleteBridge(_)
            | Self::Release { .. }
            | Self::DelRoute(..) => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddBridge(spec) => write!(f, "add bridge {}", spec.name),
            Self::DeleteBridge(name) => write!(f, "delete bridge {name}"),
            Self::SetMtu { device, from, to } => write!(f, "set mtu of {device} from {from} to {to}"),
            Self::SetUp(device) => write!(f, "set {device} up"),
            Self::AddAddress(device, address) => write!(f, "add {address} to {device}"),
            Self::DelAddress(device, address) => write!(f, "remove {address} from {device}"),
            Self::Enslave { port, bridge } => write!(f, "make {port} a port of {bridge}"),
            Self::Settle(bridge) => write!(f, "wait for {bridge} to be operational"),
            Self::Release { port } => write!(f, "make {port} a port of nothing"),
            Self::Route { device, route, .. } => write!(f, "route {} through {device}", Words(route)),
            Self::DelRoute(device, route) => write!(f, "remove the route {} through {device}", Words(route)),
        }
    }
}

/// A route as `ip route` takes it, without its device.
pub struct Words<'a>(pub &'a Route);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.destination.prefix_len() {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.0.destination)?,
        }
        self.0.gateway.map_or(Ok(()), |gateway| write!(f, " via {gateway}"))?;
        self.0.metric.map_or(Ok(()), |metric| write!(f, " metric {metric}"))
    }
}
