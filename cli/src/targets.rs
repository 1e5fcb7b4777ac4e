//! Resolves a noderange to nodes, and nodes to their hosts.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use inventory::{DockerHost, Inventory, NodeName};

use crate::app::App;
use crate::enroll;
use crate::error::{CHECK, CommandError};
use crate::fleet::{Group, Member, Outcome, Targets};
use crate::host::Host;
use chain::chain;

/// A node with its host.
pub(crate) type NodeLocation = (NodeName, DockerHost);

/// Nodes with their hosts, or the error of their row.
#[derive(Debug, Default)]
pub(crate) struct NodeLocations {
    /// Valid nodes.
    pub(crate) good: Vec<NodeLocation>,
    /// Invalid nodes with the reason.
    pub(crate) wrong: Vec<(NodeName, String)>,
}

/// Locates container nodes.
pub(crate) fn locations(nodes: &[NodeName], tables: &Inventory) -> Result<NodeLocations, CommandError> {
    let mut locations = NodeLocations::default();
    for node in nodes {
        match docker_host(node, tables)? {
            Ok(host) => locations.good.push((node.clone(), host)),
            Err(text) => locations.wrong.push((node.clone(), text)),
        }
    }
    Ok(locations)
}

/// Reads only `vm.host`: containers with other invalid columns can still be stopped and removed.
fn docker_host(node: &NodeName, tables: &Inventory) -> Result<Result<DockerHost, String>, CommandError> {
    let column =
        |name| tables.value(node.as_str(), name).map(|value| value.unwrap_or_default().trim().to_owned());
    let mgt = column("nodehm.mgt")?;
    if mgt != "docker" {
        let value = if mgt.is_empty() { "empty" } else { &mgt };
        return Ok(Err(format!("nodehm.mgt of {node} is {value}, not docker: it is not a container")));
    }
    Ok(match column("vm.host")? {
        host if host.is_empty() => {
            Err(format!("vm.host of {node} is empty; set it to the node name of its docker host"))
        }
        host => host.parse().map_err(|rule| format!("vm.host={host} of {node}: {rule}")),
    })
}

/// Groups the containers of a noderange by host.
pub(crate) fn containers(nodes: &[NodeName], app: &App, tables: &Inventory) -> Result<Targets, CommandError> {
    locations(nodes, tables)?.grouped(nodes, app, tables)
}

impl NodeLocations {
    /// Groups nodes by host. Invalid nodes are reported; if all are invalid, it is an error.
    pub(crate) fn grouped(
        self,
        nodes: &[NodeName],
        app: &App,
        tables: &Inventory,
    ) -> Result<Targets, CommandError> {
        let Self { good, mut wrong } = self;
        let locations: HashMap<&NodeName, usize> = nodes.iter().zip(0..).collect();
        let member = |node: NodeName| Some(Member { index: *locations.get(&node)?, node });
        let mut by_host: BTreeMap<DockerHost, Vec<Member>> = BTreeMap::new();
        for (node, host) in good {
            by_host.entry(host).or_default().extend(member(node));
        }
        let needs_certificate =
            |host: &DockerHost| Host::needs_certificate(host, &app.settings).unwrap_or(false);
        // once for all hosts; a failure concerns only those that need it
        let renewed = if by_host.keys().any(needs_certificate) {
            enroll::renew_client(&app.settings.tls).map_err(|error| chain(&error))
        } else {
            Ok(())
        };
        let mut groups = Vec::with_capacity(by_host.len());
        for (docker_host, members) in by_host {
            let resolved = match &renewed {
                Err(error) if needs_certificate(&docker_host) => Err(error.clone()),
                _ => Host::of(&docker_host, &app.settings, tables).map_err(|error| chain(&error)),
            };
            match resolved {
                Ok(host) => groups.push(Group { host: Rc::new(host), members }),
                Err(error) => wrong.extend(members.into_iter().map(|member| (member.node, error.clone()))),
            }
        }
        if groups.is_empty() && !wrong.is_empty() {
            return Err(CommandError::Nodes(wrong));
        }
        let refused = wrong.into_iter().filter_map(|(node, text)| Some((member(node)?, refused(text))));
        Ok(Targets { groups, refused: refused.collect() })
    }
}

fn refused(text: String) -> Outcome {
    Outcome::Failed(text, Some(CHECK.to_owned()))
}

/// Groups located nodes by host.
pub(crate) fn groups(
    locations: &[NodeLocation],
    nodes: &[NodeName],
    app: &App,
    tables: &Inventory,
) -> Result<Targets, CommandError> {
    NodeLocations { good: locations.to_vec(), wrong: Vec::new() }.grouped(nodes, app, tables)
}
