//! Compiles create bodies and snapshots and checks them all. Hosts are not contacted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use inventory::check::Severity;
use inventory::{Cluster, ContainerSpec, Network, NodeName, Settings, Snapshot};

use crate::delivery::{Tables, listed};
use crate::engine;
use crate::error::CommandError;
use crate::plan::{self, LinkTarget, Wanted};
use crate::targets::{NodeLocation, NodeLocations};
use chain::chain;

/// `image=`, `command=` and `dockerflag=` of the command line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Overrides {
    image: Option<String>,
    command: Option<Vec<String>>,
    settings: Option<Settings>,
}

/// Containers to create, by host.
#[derive(Debug)]
pub(super) struct Job {
    /// Work of each host.
    pub(super) hosts: BTreeMap<NodeName, Work>,
}

/// Work of a host.
#[derive(Debug)]
pub(super) struct Work {
    /// Snapshot for the host.
    pub(super) snapshot: Snapshot,
    /// Networks of its containers.
    pub(super) networks: Vec<Network>,
    /// Its containers.
    pub(super) containers: HashMap<NodeName, Wanted>,
}

/// Parses the arguments after the noderange. Messages are those of mkdocker.
pub(super) fn overrides(words: &[String]) -> Result<Overrides, CommandError> {
    let usage = |text: String| Err(CommandError::Usage(text));
    let mut overrides = Overrides::default();
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            (name @ ("image" | "command" | "dockerflag"), "") => {
                return usage(format!("Must set value for {name}"));
            }
            ("image", image) => match inventory::columns::image_and_command(image) {
                Ok((image, None)) => overrides.image = Some(image),
                Ok(_) => return usage(format!("image={image}: set the command with command=")),
                Err(rule) => return usage(format!("image={image}: {rule}")),
            },
            ("command", words) => match inventory::columns::command_words(words) {
                Ok(words) => overrides.command = Some(words),
                Err(rule) => return usage(format!("command={words}: {rule}")),
            },
            ("dockerflag", text) => match text.parse() {
                Ok(settings) => overrides.settings = Some(settings),
                Err(rule) => return usage(format!("dockerflag={text}: {rule}")),
            },
            _ => {
                return usage(format!(
                    "Option {word} is not supported for mk: image=IMAGE, command=WORDS and dockerflag=JSON are"
                ));
            }
        }
    }
    if overrides.command.is_some() && overrides.image.is_none() {
        return usage("Must set 'image' if use 'command'".to_owned());
    }
    Ok(overrides)
}

/// Result of the preparation.
pub(super) struct Prepared {
    /// Containers of each host.
    pub(super) job: Job,
    /// Locations of usable nodes, and errors of the others.
    pub(super) locations: NodeLocations,
    /// Nodes of these hosts that are not selected and have invalid rows, each with the reason.
    pub(super) left_out: Vec<String>,
}

/// Checks all nodes. An invalid node does not block the others.
pub(super) fn prepared(
    locations: NodeLocations,
    overrides: &Overrides,
    tables: &Tables<'_>,
) -> Result<Prepared, CommandError> {
    let cluster = tables.cluster()?;
    let (mut hosts, broken) = works(&locations.good, tables)?;
    let mut wrong = findings(&locations.good, cluster);
    wrong.extend(locations.wrong);
    let mut good = Vec::with_capacity(locations.good.len());
    for (node, host) in locations.good {
        if wrong.contains_key(&node) {
            continue;
        }
        let made = match broken.get(&host.name) {
            Some(text) => Err(text.clone()),
            None => wanted(&node, overrides, cluster),
        };
        match (made, hosts.get_mut(&host.name)) {
            (Ok((spec, wanted)), Some(work)) => {
                work.add(&spec, wanted, cluster);
                good.push((node, host));
            }
            (Ok(_), None) => {}
            (Err(text), _) => drop(wrong.insert(node, text)),
        }
    }
    hosts.retain(|_, work| !work.containers.is_empty());
    let left_out = left_out(hosts.keys(), &wrong, cluster);
    let wrong = wrong.into_iter().collect();
    Ok(Prepared { job: Job { hosts }, locations: NodeLocations { good, wrong }, left_out })
}

type Reasons = BTreeMap<NodeName, String>;

/// Hosts with their snapshots, and errors of hosts without one.
fn works(
    locations: &[NodeLocation],
    tables: &Tables<'_>,
) -> Result<(BTreeMap<NodeName, Work>, Reasons), CommandError> {
    let hosts: BTreeSet<&NodeName> = locations.iter().map(|(_, host)| &host.name).collect();
    let (mut works, mut broken) = (BTreeMap::new(), BTreeMap::new());
    for host in hosts {
        match tables.snapshot(host) {
            Ok(snapshot) => {
                let work = Work { snapshot, networks: Vec::new(), containers: HashMap::new() };
                works.insert(host.clone(), work);
            }
            Err(error) => drop(broken.insert(host.clone(), chain(&error))),
        }
    }
    Ok((works, broken))
}

fn left_out<'a>(
    hosts: impl Iterator<Item = &'a NodeName>,
    asked: &Reasons,
    cluster: &Cluster<'_>,
) -> Vec<String> {
    let of_hosts = hosts.flat_map(|host| cluster.withheld(host));
    let others = of_hosts.filter(|(node, _)| !asked.contains_key(*node));
    listed(others.map(|(_, why)| format!("left out: {why}")).collect())
}

impl Work {
    fn add(&mut self, spec: &ContainerSpec, wanted: Wanted, cluster: &Cluster<'_>) {
        for on in &spec.attachments {
            if self.networks.iter().all(|known| known.name != on.network) {
                self.networks
                    .extend(cluster.networks().iter().find(|network| network.name == on.network).cloned());
            }
        }
        self.containers.insert(wanted.node.clone(), wanted);
    }
}

/// Findings of `xdock check` for these nodes: rows that contradict each other are not used.
fn findings(locations: &[NodeLocation], cluster: &Cluster<'_>) -> Reasons {
    let asked: HashSet<&NodeName> = locations.iter().map(|(node, _)| node).collect();
    let mut wrong: BTreeMap<NodeName, BTreeSet<String>> = BTreeMap::new();
    for finding in cluster.check().iter().filter(|finding| finding.severity == Severity::Error) {
        for node in finding.nodes.iter().filter(|node| asked.contains(node)) {
            wrong.entry(node.clone()).or_default().insert(finding.text_of(node).to_owned());
        }
    }
    let together = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join("\n");
    wrong.into_iter().map(|(node, texts)| (node, together(texts))).collect()
}

fn wanted(
    node: &NodeName,
    overrides: &Overrides,
    cluster: &Cluster<'_>,
) -> Result<(ContainerSpec, Wanted), String> {
    let mut spec = cluster.container(node).map_err(|error| chain(&error))?;
    if let Some(image) = &overrides.image {
        spec.image = Some(image.clone());
        spec.command.clone_from(&overrides.command);
    }
    if let Some(settings) = &overrides.settings {
        spec.settings.clone_from(settings);
    }
    let image = spec.image.clone().ok_or_else(|| {
        format!(
            "nodetype.provmethod of {node} is empty: set it to IMAGE or IMAGE!COMMAND, or add image=IMAGE"
        )
    })?;
    let targets = link_targets(&spec, cluster)?;
    let plan::Body { value: body, link_env } =
        plan::body(&spec, &image, &targets).map_err(|error| format!("{error} ({node})"))?;
    engine::check_body(&body).map_err(|error| format!("vm.othersettings of {node}: {}", chain(&error)))?;
    Ok((spec, Wanted { node: node.clone(), image, body, link_env }))
}

/// Resolves links to addresses on a network that both containers have.
fn link_targets(spec: &ContainerSpec, cluster: &Cluster<'_>) -> Result<Vec<LinkTarget>, String> {
    let mut targets = Vec::new();
    for link in &spec.settings.links {
        let place = format!("link={} of {}", link.node, spec.node);
        let other = cluster.container(&link.node).map_err(|error| format!("{place}: {}", chain(&error)))?;
        let addresses = common_addresses(spec, &other)
            .ok_or_else(|| format!("{place}: the two nodes have no common network"))?;
        targets.push(LinkTarget { link: link.clone(), addresses, ports: plan::ports(&other.settings) });
    }
    Ok(targets)
}

fn common_addresses(spec: &ContainerSpec, other: &ContainerSpec) -> Option<Vec<IpAddr>> {
    let on =
        |own: &inventory::Attachment| other.attachments.iter().find(|theirs| theirs.network == own.network);
    spec.attachments.iter().find_map(on).map(|common| common.addresses.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<Overrides, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        overrides(&words).map_err(|error| error.to_string())
    }

    #[test]
    fn image_and_command_are_taken_from_the_command_line() {
        let both = words(&["image=debian:12", "command=sh,-c,x=1"]).unwrap();
        assert_eq!(both.image.as_deref(), Some("debian:12"));
        assert_eq!(both.command.unwrap(), ["sh", "-c", "x=1"]);
        assert_eq!(words(&[]).unwrap(), Overrides::default());
    }

    #[test]
    fn other_words_are_refused_as_mkdocker_refuses_them() {
        assert_eq!(words(&["command=/bin/sh"]).unwrap_err(), "Must set 'image' if use 'command'");
        assert_eq!(words(&["image"]).unwrap_err(), "Must set value for image");
        assert_eq!(words(&["image="]).unwrap_err(), "Must set value for image");
        assert_eq!(
            words(&["foo=bar"]).unwrap_err(),
            "Option foo=bar is not supported for mk: image=IMAGE, command=WORDS and dockerflag=JSON are"
        );
    }
}
