//! What has to be done so that the host is as the records and the tables say. Pure.
//!
//! Desired: the endpoints of the records, each a port of its bridge; nothing else with a name of ours. Observed: the
//! links. An observation is older than some records: what changed since it began is left for the next one.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use hostnet::{Kind, Link, firewall};
use inventory::{IfName, NodeName, Snapshot};
use plugin::EndpointId;

use crate::grant::SETTLED;
use crate::interface::{self, CONTAINER_PREFIX, HOST_PREFIX};
use crate::moment::Moment;
use crate::state::{Endpoint, Phase, State};

/// How long an endpoint that Docker neither joined nor deleted is left alone.
const ABANDONED: Duration = Duration::from_secs(60);

/// The host's links at a moment.
#[derive(Debug)]
pub(crate) struct Observed {
    /// When looking began.
    pub(crate) began: Moment,
    /// All interfaces of the main namespace.
    pub(crate) links: Vec<Link>,
    /// The packet filter, if it was looked at.
    pub(crate) firewall: Option<Result<firewall::Observed, String>>,
}

/// What to do, and what netd can not do anything about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Endpoints that go.
    pub(crate) retired: Vec<Retired>,
    /// Repairs, in this order.
    pub(crate) steps: Vec<Step>,
    /// For a person.
    pub(crate) problems: Vec<String>,
}

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A device of ours that no record has goes.
    Delete { device: IfName },
    /// A port goes back into its bridge.
    Plug { port: IfName, node: NodeName, bridge: IfName, index: u32 },
    /// A port gets its bridge's MTU.
    Mtu { port: IfName, node: NodeName, mtu: u32 },
    /// A port is switched on.
    Up { port: IfName, node: NodeName },
    /// Bridged traffic may pass Docker's packet filter.
    Firewall(firewall::Step),
}

/// An endpoint that is a container's no more: record and pair go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retired {
    /// The endpoint.
    pub(crate) endpoint: EndpointId,
    /// Its node.
    pub(crate) node: NodeName,
    /// Its port.
    pub(crate) port: IfName,
    /// Why it goes.
    pub(crate) why: Why,
}

/// Why an endpoint is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its pair is gone, with the container's namespace or by somebody's hand.
    Gone,
    /// Docker began its start and never ended it.
    NeverJoined,
    /// The container has not got its end, and Docker does not delete it.
    Abandoned,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete { device } => write!(f, "left-over device {device} deleted"),
            Self::Plug { port, node, bridge, .. } => {
                write!(f, "port {port} of {node} put back into {bridge}")
            }
            Self::Mtu { port, node, mtu } => write!(f, "MTU of port {port} of {node} set to {mtu}"),
            Self::Up { port, node } => write!(f, "port {port} of {node} switched on"),
            Self::Firewall(step) => write!(f, "packet filter: {step}"),
        }
    }
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint: _, node, port, why } = self;
        write!(f, "record of {node} ({port}) removed: {why}")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "its interface is gone",
            Self::NeverJoined => "its start was never ended",
            Self::Abandoned => "no container has it",
        })
    }
}

/// Whether a container has its end of this link, or is about to get it.
pub(crate) fn is_alive(endpoint: &Endpoint, link: Option<&Link>, now: Moment) -> bool {
    link.is_some_and(|link| link.peer_netns.is_some() || now.since(endpoint.since) < SETTLED)
}

/// Plans.
pub(crate) fn plan(state: &State, observed: &Observed) -> Plan {
    let links: BTreeMap<&str, &Link> = observed.links.iter().map(|link| (link.name.as_str(), link)).collect();
    let mut plan = Plan::default();
    for endpoint in state.endpoints.values().filter(|endpoint| endpoint.since < observed.began) {
        plan_endpoint(endpoint, &links, observed.began, &mut plan);
    }
    plan_left_overs(state, &links, &mut plan);
    if let Some(snapshot) = &state.snapshot {
        plan.problems.extend(missing_bridges(snapshot, &links));
        plan_firewall(snapshot, observed, &mut plan);
    }
    plan
}

fn plan_firewall(snapshot: &Snapshot, observed: &Observed, plan: &mut Plan) {
    let bridges: BTreeSet<IfName> = snapshot.networks.iter().map(|on| on.bridge.clone()).collect();
    let bridges: Vec<IfName> = bridges.into_iter().collect();
    match &observed.firewall {
        Some(Ok(chains)) => {
            plan.steps.extend(firewall::plan(&bridges, chains).into_iter().map(Step::Firewall));
        }
        Some(Err(problem)) => plan.problems.push(problem.clone()),
        None => {}
    }
}

fn plan_endpoint(endpoint: &Endpoint, links: &BTreeMap<&str, &Link>, now: Moment, plan: &mut Plan) {
    let port = endpoint.port();
    let link = links.get(port.as_str()).copied();
    if let Some(why) = is_over(endpoint, link, now) {
        let (id, node) = (endpoint.id.clone(), endpoint.node.clone());
        plan.retired.push(Retired { endpoint: id, node, port, why });
        return;
    }
    let bridge = links.get(endpoint.bridge.as_str()).filter(|bridge| bridge.kind == Kind::Bridge);
    if let (Some(link), Some(bridge)) = (link, bridge) {
        plan.steps.extend(port_repairs(endpoint, link, bridge));
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

fn port_repairs(endpoint: &Endpoint, link: &Link, bridge: &Link) -> Vec<Step> {
    let (port, node) = (link.name.clone(), endpoint.node.clone());
    let mut steps = Vec::new();
    if link.master != Some(bridge.index) {
        let bridge_name = bridge.name.clone();
        steps.push(Step::Plug {
            port: port.clone(),
            node: node.clone(),
            bridge: bridge_name,
            index: bridge.index,
        });
    }
    if link.mtu != bridge.mtu {
        steps.push(Step::Mtu { port: port.clone(), node: node.clone(), mtu: bridge.mtu });
    }
    if !link.up {
        steps.push(Step::Up { port, node });
    }
    steps
}

/// Devices with a name of ours and no record: netd was killed between the two, or lost the record. One whose other
/// end is in a container is not touched: a lost record must not take the network from a running container.
fn plan_left_overs(state: &State, links: &BTreeMap<&str, &Link>, plan: &mut Plan) {
    let ours: BTreeSet<IfName> =
        state.endpoints.values().flat_map(|endpoint| [endpoint.port(), endpoint.container_end()]).collect();
    let stray = links.values().filter(|link| {
        link.kind == Kind::Veth && interface::is_ours(link.name.as_str()) && !ours.contains(&link.name)
    });
    for link in stray {
        if link.peer_netns.is_some() {
            plan.problems.push(format!(
                "port {} has no record, but its other end is in a container: restart that container",
                link.name
            ));
        } else if !is_second_end(link.name.as_str(), links) {
            plan.steps.push(Step::Delete { device: link.name.clone() });
        }
    }
}

/// Both ends go with the first.
fn is_second_end(name: &str, links: &BTreeMap<&str, &Link>) -> bool {
    let key = name.strip_prefix(CONTAINER_PREFIX);
    key.is_some_and(|key| links.contains_key(format!("{HOST_PREFIX}{key}").as_str()))
}

fn missing_bridges<'a>(
    snapshot: &'a Snapshot,
    links: &'a BTreeMap<&str, &Link>,
) -> impl Iterator<Item = String> + 'a {
    snapshot.networks.iter().filter_map(|on| {
        let (bridge, network) = (&on.bridge, &on.network.name);
        match links.get(bridge.as_str()) {
            None => Some(format!(
                "bridge {bridge} of network {network} is not on this host: run the postscript xdockhost network"
            )),
            Some(link) if link.kind != Kind::Bridge => {
                Some(format!("{bridge} of network {network} is not a bridge: run the postscript xdockhost network"))
            }
            Some(link) if !link.up => {
                Some(format!("bridge {bridge} of network {network} is switched off: ip link set {bridge} up"))
            }
            Some(_) => None,
        }
    })
}
