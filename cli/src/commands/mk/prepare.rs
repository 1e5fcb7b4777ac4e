//! From nodes to create bodies and snapshots, everything checked. Nobody is spoken to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use inventory::check::Severity;
use inventory::{Cluster, ContainerSpec, Network, NodeName, Settings, Snapshot};

use crate::commands::CommandError;
use crate::commands::sync::Tables;
use crate::engine;
use crate::plan::{self, Named, Wanted};
use crate::targets::Place;
use chain::chain;

/// `image=`, `command=` and `dockerflag=` of the command line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Overrides {
    image: Option<String>,
    command: Option<Vec<String>>,
    settings: Option<Settings>,
}

/// What is to be made, by host.
#[derive(Debug)]
pub(super) struct Job {
    /// Each host's part.
    pub(super) hosts: BTreeMap<NodeName, Work>,
}

/// A host's part.
#[derive(Debug)]
pub(super) struct Work {
    /// The tables as it gets them.
    pub(super) snapshot: Snapshot,
    /// The networks that its containers are on.
    pub(super) networks: Vec<Network>,
    /// Its containers.
    pub(super) containers: HashMap<NodeName, Wanted>,
}

/// The words after the noderange; the messages are those of mkdocker.
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
                Ok(_) => return usage(format!("image={image}: a command is said by command=")),
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

/// All that is to be made, or all that is wrong.
pub(super) fn job(
    nodes: &[NodeName],
    places: &[Place],
    overrides: &Overrides,
    tables: &Tables<'_>,
) -> Result<Job, CommandError> {
    let cluster = tables.cluster()?;
    let specs = specs(nodes, overrides, cluster)?;
    let mut hosts = works(places, tables)?;
    for (spec, wanted) in specs {
        if let Some(work) = hosts.get_mut(&spec.host.name) {
            work.add(&spec, wanted, cluster);
        }
    }
    Ok(Job { hosts })
}

type Specs = Vec<(ContainerSpec, Wanted)>;

fn specs(nodes: &[NodeName], overrides: &Overrides, cluster: &Cluster<'_>) -> Result<Specs, CommandError> {
    let found = findings(nodes, cluster);
    let known: HashSet<NodeName> = found.iter().map(|(node, _)| node.clone()).collect();
    let mut wrong = found;
    let mut specs = Vec::with_capacity(nodes.len());
    for node in nodes.iter().filter(|node| !known.contains(*node)) {
        match prepared(node, overrides, cluster) {
            Ok(made) => specs.push(made),
            Err(text) => wrong.push((node.clone(), text)),
        }
    }
    if wrong.is_empty() { Ok(specs) } else { Err(CommandError::Nodes(wrong)) }
}

/// Each host with its snapshot: that there is one is part of what is checked.
fn works(places: &[Place], tables: &Tables<'_>) -> Result<BTreeMap<NodeName, Work>, CommandError> {
    let hosts: BTreeSet<&NodeName> = places.iter().map(|(_, host)| &host.name).collect();
    let mut works = BTreeMap::new();
    let mut wrong = Vec::new();
    for host in hosts {
        match tables.snapshot(host) {
            Ok(snapshot) => {
                drop(works.insert(
                    host.clone(),
                    Work { snapshot, networks: Vec::new(), containers: HashMap::new() },
                ));
            }
            Err(error) => wrong.push((host.clone(), chain(&error))),
        }
    }
    if wrong.is_empty() { Ok(works) } else { Err(CommandError::Nodes(wrong)) }
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

/// What `xdock check` finds of these nodes: nothing is made of rows that contradict each other.
fn findings(nodes: &[NodeName], cluster: &Cluster<'_>) -> Vec<(NodeName, String)> {
    let asked: HashSet<&NodeName> = nodes.iter().collect();
    let mut wrong = Vec::new();
    for finding in cluster.check().iter().filter(|finding| finding.severity == Severity::Error) {
        let of_asked = finding.nodes.iter().filter(|node| asked.contains(node));
        wrong.extend(of_asked.map(|node| (node.clone(), finding.text_of(node).to_owned())));
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

fn prepared(
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
            "nodetype.provmethod of {node} is empty: set it to IMAGE or IMAGE!COMMAND, or say image=IMAGE"
        )
    })?;
    let names = names(&spec, cluster)?;
    let body = plan::body(&spec, &image, &names).map_err(|error| format!("{error} ({node})"))?;
    engine::check_body(&body).map_err(|error| format!("vm.othersettings of {node}: {}", chain(&error)))?;
    Ok((spec, Wanted { node: node.clone(), image, body }))
}

/// Links as names for addresses: on a network that both are on, as others are not reached.
fn names(spec: &ContainerSpec, cluster: &Cluster<'_>) -> Result<Vec<Named>, String> {
    let mut names = Vec::new();
    for link in &spec.settings.links {
        let place = format!("link={} of {}", link.node, spec.node);
        let other = cluster.container(&link.node).map_err(|error| format!("{place}: {}", chain(&error)))?;
        let common = common_addresses(spec, &other)
            .ok_or_else(|| format!("{place}: the two nodes are on no common network"))?;
        let mut said = vec![link.alias.clone()];
        said.extend((link.alias != link.node.as_str()).then(|| link.node.to_string()));
        for name in said {
            names.extend(common.iter().map(|address| Named { name: name.clone(), address: *address }));
        }
    }
    Ok(names)
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
