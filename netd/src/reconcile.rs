//! What has to be done so that the host is as the records and the tables say. Pure.
//!
//! Desired: the endpoints of the records, each a port of its bridge; nothing else with a name of ours. Observed: the
//! links, and Open vSwitch where networks are on it. What a bridge and its ports have to be is the fabric's to say. An observation is older than some records: what changed since it began is left for the next one.

mod place;
mod step;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hostnet::{Kind, Link, firewall, ovs};
use inventory::{Fabric, HostNetwork, IfName};

use crate::fabric::{self, rules};
use crate::grant::SETTLED;
use crate::interface::{self, CONTAINER_PREFIX, HOST_PREFIX};
use crate::moment::Moment;
use crate::state::{Endpoint, Phase, Place, State};

pub(crate) use step::{Moved, Retired, Step, Why};

/// How long an endpoint that Docker neither joined nor deleted is left alone.
const ABANDONED: Duration = Duration::from_secs(60);

/// The host's links at a moment.
#[derive(Debug)]
pub(crate) struct Observed {
    /// When looking began.
    pub(crate) began: Moment,
    /// All interfaces of the main namespace.
    pub(crate) links: Vec<Link>,
    /// Open vSwitch, if it was looked at.
    pub(crate) switch: Option<Result<ovs::Observed, String>>,
    /// Ports of ours through which the host itself hears something, if that was looked at.
    pub(crate) hearing: BTreeSet<IfName>,
    /// The packet filter, if it was looked at.
    pub(crate) firewall: Option<Result<firewall::Observed, String>>,
}

/// What was observed, by name.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    links: BTreeMap<&'a str, &'a Link>,
    switch: Option<&'a ovs::Observed>,
    hearing: &'a BTreeSet<IfName>,
}

impl<'a> Seen<'a> {
    fn new(observed: &'a Observed) -> Self {
        let links = observed.links.iter().map(|link| (link.name.as_str(), link)).collect();
        let switch = observed.switch.as_ref().and_then(|switch| switch.as_ref().ok());
        Self { links, switch, hearing: &observed.hearing }
    }

    /// The interface of that name.
    pub(crate) fn link(&self, name: &IfName) -> Option<&'a Link> {
        self.links.get(name.as_str()).copied()
    }

    /// Whether the host itself hears something through a port of ours.
    pub(crate) fn hears(&self, port: &IfName) -> bool {
        self.hearing.contains(port)
    }

    /// The bridge or bond of which an interface is a port.
    pub(crate) fn master(&self, of: &Link) -> Option<&'a Link> {
        let index = of.master?;
        self.links.values().find(|link| link.index == index).copied()
    }

    /// Open vSwitch, where it was looked at and answered.
    pub(crate) fn switch(&self) -> Option<&'a ovs::Observed> {
        self.switch
    }
}

/// What to do, and what netd can not do anything about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Endpoints whose port goes to another bridge. The steps are of their new place.
    pub(crate) moved: Vec<Moved>,
    /// Endpoints that go.
    pub(crate) retired: Vec<Retired>,
    /// Repairs, in this order.
    pub(crate) steps: Vec<Step>,
    /// For a person.
    pub(crate) problems: Vec<String>,
}

/// Whether a container has its end of this link, or is about to get it.
pub(crate) fn is_alive(endpoint: &Endpoint, link: Option<&Link>, now: Moment) -> bool {
    link.is_some_and(|link| link.peer_netns.is_some() || now.since(endpoint.since) < SETTLED)
}

/// Whether Open vSwitch has to be looked at.
pub(crate) fn needs_switch(state: &State) -> bool {
    let networks = state.snapshot.iter().flat_map(|snapshot| &snapshot.networks);
    let endpoints = state.endpoints.values();
    let before = endpoints.clone().flat_map(|on| &on.before).map(|before| before.fabric);
    let mut fabrics = networks.map(|on| on.fabric).chain(endpoints.map(|on| on.fabric)).chain(before);
    fabrics.any(|fabric| fabric == Fabric::Ovs)
}

/// Plans.
pub(crate) fn plan(state: &State, observed: &Observed) -> Plan {
    let seen = Seen::new(observed);
    let mut plan = Plan::default();
    for endpoint in state.endpoints.values().filter(|endpoint| endpoint.since < observed.began) {
        plan_endpoint(state, endpoint, &seen, observed.began, &mut plan);
    }
    plan_left_overs(state, &seen, &mut plan);
    if let Some(Err(problem)) = &observed.switch {
        plan.problems.push(problem.clone());
    }
    if let Some(snapshot) = &state.snapshot {
        let problem = |on: &HostNetwork| rules(on.fabric).bridge_problem(on, &seen);
        plan.problems.extend(snapshot.networks.iter().filter_map(problem));
    }
    plan_firewall(state, observed, &mut plan);
    plan
}

/// Open vSwitch does not bring frames that it forwards before iptables, neither in the kernel (it takes them before the
/// hooks of bridges, net/openvswitch/vport-netdev.c) nor in ovs-vswitchd: rules are for Linux bridges. Also for one that
/// left the tables while containers are on it. Without a snapshot only bridges of others are known: the rules of ours stay.
fn plan_firewall(state: &State, observed: &Observed, plan: &mut Plan) {
    let networks = state.snapshot.iter().flat_map(|snapshot| &snapshot.networks);
    let places = networks.map(Place::of).chain(state.endpoints.values().map(Endpoint::place));
    let flat = places.filter(|place| place.fabric == Fabric::Flat);
    let bridges: BTreeSet<IfName> = flat.map(|place| place.bridge).collect();
    let bridges: Vec<IfName> = bridges.into_iter().collect();
    match &observed.firewall {
        Some(Ok(chains)) => {
            let is_known = |step: &firewall::Step| {
                state.snapshot.is_some() || chains.passed.contains(&step.rule().bridge)
            };
            let steps = firewall::plan(&bridges, chains).into_iter().filter(is_known);
            plan.steps.extend(steps.map(Step::Firewall));
        }
        Some(Err(problem)) => plan.problems.push(problem.clone()),
        None => {}
    }
}

fn plan_endpoint(state: &State, endpoint: &Endpoint, seen: &Seen<'_>, now: Moment, plan: &mut Plan) {
    let port = endpoint.port();
    let link = seen.link(&port);
    if let Some(why) = is_over(endpoint, link, now) {
        let (id, node) = (endpoint.id.clone(), endpoint.node.clone());
        plan.retired.push(Retired { endpoint: id, node, port, why });
    } else if let Some(link) = link {
        let moved = place::moved(state, endpoint, seen);
        let endpoint = moved.as_ref().unwrap_or(endpoint);
        rules(endpoint.fabric).mend_port(endpoint, link, seen, plan);
        plan.moved.extend(moved.map(|endpoint| Moved { endpoint }));
    }
}

fn is_over(endpoint: &Endpoint, link: Option<&Link>, now: Moment) -> Option<Why> {
    let age = now.since(endpoint.since);
    match (endpoint.phase, link) {
        // the pair is being made
        (Phase::Intended, None) if age < SETTLED => None,
        (_, None) => Some(Why::Gone),
        (Phase::Intended | Phase::Created, Some(_)) if age >= ABANDONED => Some(Why::NeverJoined),
        (Phase::Left, Some(_)) if age >= SETTLED => Some(Why::Abandoned),
        (Phase::Joined, Some(link)) if link.peer_netns.is_none() && age >= ABANDONED => Some(Why::Abandoned),
        _ => None,
    }
}

/// Adds what every port's device has to be, whatever it is a port of.
pub(crate) fn mend_device(endpoint: &Endpoint, link: &Link, mtu: u32, plan: &mut Plan) {
    let (port, node) = (link.name.clone(), endpoint.node.clone());
    if link.mtu != mtu {
        plan.steps.push(Step::Mtu { port: port.clone(), node: node.clone(), mtu });
    }
    if !link.up {
        plan.steps.push(Step::Up { port, node });
    }
}

/// Devices with a name of ours and no record: netd was killed between the two, or lost the record. One whose other
/// end is in a container is not touched: a lost record must not take the network from a running container.
fn plan_left_overs(state: &State, seen: &Seen<'_>, plan: &mut Plan) {
    let ours: BTreeSet<IfName> =
        state.endpoints.values().flat_map(|endpoint| [endpoint.port(), endpoint.container_end()]).collect();
    fabric::plan_left_overs(&ours, seen, plan);
    let stray = seen.links.values().filter(|link| {
        link.kind == Kind::Veth && interface::is_ours(link.name.as_str()) && !ours.contains(&link.name)
    });
    for link in stray {
        if link.peer_netns.is_some() {
            plan.problems.push(format!(
                "port {} has no record, but its other end is in a container: restart that container",
                link.name
            ));
        } else if !is_second_end(link.name.as_str(), &seen.links) {
            plan.steps.push(Step::Delete { device: link.name.clone() });
        }
    }
}

/// Both ends go with the first.
fn is_second_end(name: &str, links: &BTreeMap<&str, &Link>) -> bool {
    let key = name.strip_prefix(CONTAINER_PREFIX);
    key.is_some_and(|key| links.contains_key(format!("{HOST_PREFIX}{key}").as_str()))
}
