//! Plans what makes the host match the records and the tables. Pure.
//!
//! Desired: each recorded endpoint is a port of its bridge, and no other device has a name of netd. Observed: the
//! links, and Open vSwitch if a network uses it. The fabrics define what a bridge and its ports need. An observation
//! may be older than a record: an endpoint that changed after it began is left for the next pass.

mod location;
mod model;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use hostnet::{Kind, Link, firewall, publish};
use inventory::{Fabric, HostNetwork, IfName};

use crate::boot_time::BootTime;
use crate::fabric;
use crate::filter::Filters;
use crate::grant::START_STEP_TIMEOUT;
use crate::host::PublishView;
use crate::interface::{self, CONTAINER_PREFIX, HOST_PREFIX};
use crate::names;
use crate::publish::plan_flows;
use crate::state::{Endpoint, Phase, PortLocation, State};

pub(crate) use model::{HostView, HostsFiles, Observation, Plan};
pub(crate) use step::{BridgePortStep, Moved, OvsPortStep, StaleEndpoint, StaleReason, Step};

/// An endpoint that Docker neither joins nor deletes is removed after this time.
const ABANDONED_TIMEOUT: Duration = Duration::from_secs(60);

/// dockerd has written the sandbox of a container into its files this long after `Join`.
const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether a container has the other end of this link, or is about to get it.
pub(crate) fn is_alive(endpoint: &Endpoint, link: Option<&Link>, now: BootTime) -> bool {
    link.is_some_and(|link| link.peer_netns.is_some() || now.since(endpoint.since) < START_STEP_TIMEOUT)
}

/// The bridges of Open vSwitch that networks or endpoints use. None: Open vSwitch is not observed.
pub(crate) fn ovs_bridges(state: &State) -> BTreeSet<IfName> {
    let networks = state.snapshot.iter().flat_map(|snapshot| &snapshot.networks);
    let endpoints = state.endpoints.values();
    let previous = endpoints.clone().filter_map(|endpoint| endpoint.previous.clone());
    let all = networks.map(PortLocation::of).chain(endpoints.map(Endpoint::location)).chain(previous);
    all.filter(|location| location.fabric == Fabric::Ovs).map(|location| location.bridge).collect()
}

/// Computes the plan.
pub(crate) fn plan(state: &State, observation: &Observation) -> Plan {
    let host = HostView::new(observation);
    let filters = Filters::new(state.snapshot.as_deref());
    let mut plan = Plan::default();
    for endpoint in state.endpoints.values().filter(|endpoint| endpoint.since < observation.began) {
        plan_endpoint(state, &filters, endpoint, &host, &mut plan);
    }
    plan_left_overs(state, &host, &mut plan);
    let filter = |endpoint| (endpoint, filters.of(endpoint));
    fabric::plan_bridge_flows(state.endpoints.values().map(filter), &host, &mut plan);
    plan.problems.extend(observation.flow_problems.iter().cloned());
    if let Some(Err(problem)) = &observation.switch {
        plan.problems.push(problem.clone());
    }
    if let Some(snapshot) = &state.snapshot {
        let problem = |on: &HostNetwork| fabric::bridge_problem(on, &host);
        plan.problems.extend(snapshot.networks.iter().filter_map(problem));
    }
    plan_names(state, observation, &mut plan);
    plan_hosts_files(state, observation, &mut plan);
    plan_firewall(state, observation, &mut plan);
    plan_published(observation, &mut plan);
    plan
}

/// Rules of published ports and their devices.
fn plan_published(observation: &Observation, plan: &mut Plan) {
    if let Some(view) = &observation.switched {
        let bridges = view.bridges.iter();
        let steps = bridges.filter_map(|(bridge, (ports, installed))| plan_flows(bridge, ports, installed));
        plan.steps.extend(steps.map(|step| Step::PublishFlows(view.generation, step)));
        plan.problems.extend(view.problems.iter().cloned());
    }
    let Some(view) = &observation.published else { return };
    let problems = match view {
        Ok(view) => {
            let steps = publish::plan(&view.published, &view.observed).into_iter();
            plan.steps.extend(steps.map(|step| Step::Publish(view.generation, step)));
            view.problems.iter().cloned().chain(missing_module(view)).collect()
        }
        Err(problem) => vec![problem.clone()],
    };
    plan.port_problems = Some(problems);
}

/// Without br_netfilter the answers of containers on a Linux bridge keep the container's address.
fn missing_module(view: &PublishView) -> Option<String> {
    let on = view.published.iter().find(|on| on.bridge_port.is_some() && !view.observed.br_netfilter)?;
    Some(format!(
        "ports of containers on bridge {} are not reachable from other hosts without the kernel module br_netfilter: modprobe br_netfilter, and add it to /etc/modules-load.d",
        on.device
    ))
}

/// Plans open DNS sockets for each container, and none in a namespace that dockerd removed: sockets keep a namespace and its
/// interfaces alive.
fn plan_names(state: &State, observation: &Observation, plan: &mut Plan) {
    let sandboxes = state.sandboxes();
    for (sandbox, observed) in &observation.sandboxes {
        let node = sandboxes.get(sandbox.as_path());
        match (node, observed.namespace, observed.served) {
            (Some(node), Some(_), None) => {
                plan.steps.push(Step::OpenNames { sandbox: sandbox.clone(), node: (*node).clone() });
            }
            (Some(_), namespace, served) if namespace == served => {}
            (_, _, None) => {}
            (_, _, Some(_)) => plan.steps.push(Step::CloseNames { sandbox: sandbox.clone() }),
        }
    }
}

/// Plans current lines of links in /etc/hosts of containers.
fn plan_hosts_files(state: &State, observation: &Observation, plan: &mut Plan) {
    let files = &observation.hosts_files;
    plan.problems.extend(files.problems.iter().cloned());
    let Some(snapshot) = &state.snapshot else { return };
    for (sandbox, node) in state.sandboxes() {
        // a container that left the tables keeps what it has
        let Some(wanted) = names::link_entries(snapshot, node.as_str()) else { continue };
        match files.containers.get(sandbox) {
            Some(container) => {
                let (created, text) = (container.created_for(node), files.texts.get(sandbox));
                if let (Some(created), Some(text)) = (created, text)
                    && names::refresh(text, created, &wanted).is_some()
                {
                    let (container, node) = (container.clone(), node.clone());
                    plan.steps.push(Step::WriteHosts { container, node, wanted });
                }
            }
            None if !wanted.is_empty()
                && state.joined_before(sandbox, observation.began, UNKNOWN_TIMEOUT) =>
            {
                plan.problems.push(format!(
                    "no container of Docker has the sandbox of {node}: its /etc/hosts may have old addresses of links; set NETD_DOCKER_ROOT in /etc/xdock/netd.env to Docker's data directory"
                ));
            }
            None => {}
        }
    }
}

/// Only Linux bridges need rules: frames that Open vSwitch forwards do not pass iptables, neither in the kernel's
/// datapath (which takes them before the bridge hooks, net/openvswitch/vport-netdev.c) nor in ovs-vswitchd's. A
/// bridge that left the tables keeps its rule while containers use it. Without a snapshot only the bridges of others
/// are known, and existing rules for netd's bridges stay.
fn plan_firewall(state: &State, observation: &Observation, plan: &mut Plan) {
    let networks = state.snapshot.iter().flat_map(|snapshot| &snapshot.networks);
    let locations = networks.map(PortLocation::of).chain(state.endpoints.values().map(Endpoint::location));
    let flat = locations.filter(|location| location.fabric == Fabric::Flat);
    let bridges: BTreeSet<IfName> = flat.map(|location| location.bridge).collect();
    let bridges: Vec<IfName> = bridges.into_iter().collect();
    match &observation.firewall {
        Some(Ok(chains)) => {
            let is_known = |step: &firewall::Step| {
                state.snapshot.is_some() || chains.foreign_bridges.contains(&step.rule().bridge)
            };
            let steps = firewall::plan(&bridges, chains).into_iter().filter(is_known);
            plan.steps.extend(steps.map(Step::Firewall));
        }
        Some(Err(problem)) => plan.problems.push(problem.clone()),
        None => {}
    }
}

fn plan_endpoint(
    state: &State,
    filters: &Filters<'_>,
    endpoint: &Endpoint,
    host: &HostView<'_>,
    plan: &mut Plan,
) {
    let port = endpoint.port();
    let link = host.link(&port);
    if let Some(reason) = stale_reason(endpoint, link, host.began()) {
        let (id, node) = (endpoint.id.clone(), endpoint.node.clone());
        plan.stale.push(StaleEndpoint { endpoint: id, node, port, reason });
    } else if let Some(link) = link {
        let moved = location::moved(state, endpoint, host);
        let endpoint = moved.as_ref().unwrap_or(endpoint);
        fabric::plan_port(endpoint, filters.of(endpoint), link, host, plan);
        plan.moved.extend(moved.map(|endpoint| Moved { endpoint }));
    }
}

fn stale_reason(endpoint: &Endpoint, link: Option<&Link>, now: BootTime) -> Option<StaleReason> {
    let age = now.since(endpoint.since);
    match (endpoint.phase, link) {
        // the pair is being created
        (Phase::Intended, None) if age < START_STEP_TIMEOUT => None,
        (_, None) => Some(StaleReason::NoLink),
        (Phase::Intended | Phase::Created, Some(_)) if age >= ABANDONED_TIMEOUT => {
            Some(StaleReason::NeverJoined)
        }
        (Phase::Left, Some(_)) if age >= START_STEP_TIMEOUT => Some(StaleReason::Abandoned),
        (Phase::Joined, Some(link)) if link.peer_netns.is_none() && age >= ABANDONED_TIMEOUT => {
            Some(StaleReason::Abandoned)
        }
        _ => None,
    }
}

/// Plans the removal of devices and ports with a name of netd and no record: netd was killed before it wrote or after
/// it removed the record, or the record was lost. A device whose other end is in a container is kept: a lost record
/// must not disconnect a running container.
fn plan_left_overs(state: &State, host: &HostView<'_>, plan: &mut Plan) {
    let recorded: BTreeSet<IfName> =
        state.endpoints.values().flat_map(|endpoint| [endpoint.port(), endpoint.container_end()]).collect();
    fabric::plan_stale_ports(&recorded, host, plan);
    let left_over = host.links().filter(|link| {
        link.kind == Kind::Veth && interface::is_ours(link.name.as_str()) && !recorded.contains(&link.name)
    });
    for link in left_over {
        if link.peer_netns.is_some() {
            plan.problems.push(format!(
                "port {} has no record, but its other end is in a container: restart that container",
                link.name
            ));
        } else if !is_second_end(link.name.as_str(), host) {
            plan.steps.push(Step::DeleteDevice { device: link.name.clone() });
        }
    }
}

/// Deleting the host end of a pair also deletes its container end.
fn is_second_end(name: &str, host: &HostView<'_>) -> bool {
    let key = name.strip_prefix(CONTAINER_PREFIX);
    key.is_some_and(|key| host.has_link(&format!("{HOST_PREFIX}{key}")))
}
