//! From a noderange to nodes, and from nodes to the hosts that they live on.

use std::collections::BTreeMap;
use std::rc::Rc;

use inventory::{DockerHost, Inventory, NodeName};

use crate::app::App;
use crate::commands::CommandError;
use crate::fleet::{Group, Member};
use crate::host::Host;
use chain::chain;

/// A node and where it lives.
pub(crate) type Place = (NodeName, DockerHost);

/// The places of container nodes; any node that has none fails the command before it begins.
pub(crate) fn places(nodes: &[NodeName], tables: &Inventory) -> Result<Vec<Place>, CommandError> {
    let mut places = Vec::with_capacity(nodes.len());
    let mut wrong = Vec::new();
    for node in nodes {
        match docker_host(node, tables)? {
            Ok(host) => places.push((node.clone(), host)),
            Err(text) => wrong.push((node.clone(), text)),
        }
    }
    if wrong.is_empty() { Ok(places) } else { Err(CommandError::Nodes(wrong)) }
}

/// Only `vm.host` counts: a container whose other rows are wrong must still be stopped and removed.
fn docker_host(node: &NodeName, tables: &Inventory) -> Result<Result<DockerHost, String>, CommandError> {
    let column =
        |name| tables.value(node.as_str(), name).map(|value| value.unwrap_or_default().trim().to_owned());
    let mgt = column("nodehm.mgt")?;
    if mgt != "docker" {
        let said = if mgt.is_empty() { "empty" } else { &mgt };
        return Ok(Err(format!("nodehm.mgt of {node} is {said}, not docker: it is no container")));
    }
    Ok(match column("vm.host")? {
        host if host.is_empty() => {
            Err(format!("vm.host of {node} is empty; set it to the node name of its docker host"))
        }
        host => host.parse().map_err(|rule| format!("vm.host={host} of {node}: {rule}")),
    })
}

/// Groups places by host, each with its way there.
pub(crate) fn groups(places: &[Place], app: &App, tables: &Inventory) -> Result<Vec<Group>, CommandError> {
    let mut by_host: BTreeMap<&DockerHost, Vec<Member>> = BTreeMap::new();
    for (index, (node, host)) in places.iter().enumerate() {
        by_host.entry(host).or_default().push(Member { index, node: node.clone() });
    }
    let mut groups = Vec::with_capacity(by_host.len());
    let mut wrong = Vec::new();
    for (docker_host, members) in by_host {
        match Host::of(docker_host, &app.settings, tables) {
            Ok(host) => groups.push(Group { host: Rc::new(host), members }),
            Err(error) => wrong.extend(members.into_iter().map(|member| (member.node, chain(&error)))),
        }
    }
    if wrong.is_empty() { Ok(groups) } else { Err(CommandError::Nodes(wrong)) }
}
