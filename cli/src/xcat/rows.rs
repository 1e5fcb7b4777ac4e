//! Checks rows that a node needs, as the original did first. The original aborted all nodes if a host was missing;
//! here the other nodes are processed.

use inventory::{AttachError, Cluster, Inventory, NodeName, SpecError};

use super::command::{Command, Kind};
use super::mk;
use super::own_command::OwnCommand;
use crate::error::CommandError;

/// The nodes of a request, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Valid nodes.
    pub(super) good: Vec<NodeName>,
    /// Nodes that are not containers.
    pub(super) others: Vec<NodeName>,
    /// Missing values, in the original's words, with their nodes.
    pub(super) missing: Vec<String>,
}

/// Value that a row may lack.
const HOST: &str = "Docker host";
const IMAGE: &str = "Image";
const NETWORK: &str = "Network";

impl Rows {
    pub(super) fn sort(
        command: Command,
        own: &OwnCommand,
        nodes: Vec<NodeName>,
        tables: &Inventory,
    ) -> Result<Self, CommandError> {
        let mut rows = Self::default();
        let mut wrong: Vec<(&str, NodeName)> = Vec::new();
        let cluster = tables.cluster()?;
        for node in nodes {
            let of = |column| tables.value(node.as_str(), column).map(|text| text.unwrap_or_default());
            if of("nodehm.mgt")? != "docker" {
                rows.others.push(node);
            } else if of("vm.host")?.trim().is_empty() {
                wrong.push((HOST, node));
            } else if command.kind != Kind::Mk {
                rows.good.push(node);
            } else if !mk::has_word(own, "image") && of("nodetype.provmethod")?.trim().is_empty() {
                wrong.push((IMAGE, node));
            } else if !has_network(&cluster, &node) {
                wrong.push((NETWORK, node));
            } else {
                rows.good.push(node);
            }
        }
        for what in [HOST, IMAGE, NETWORK] {
            let nodes: Vec<&str> =
                wrong.iter().filter(|(missing, _)| *missing == what).map(|(_, node)| node.as_str()).collect();
            if !nodes.is_empty() {
                rows.missing.push(format!("{what} not set correct for {}", nodes.join(" ")));
            }
        }
        Ok(rows)
    }
}

/// Whether it has an address in a row of networks.
fn has_network(cluster: &Cluster<'_>, node: &NodeName) -> bool {
    !matches!(
        cluster.container(node),
        Err(SpecError::NoAddress(_) | SpecError::Attach(AttachError::NoMatchingNetwork { .. }))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "\
# <xCAT data object stanza file>

mynet0:
    objtype=network
    net=10.99.0.0
    mask=255.255.0.0

dh1:
    objtype=node
    mgt=ipmi
    ip=10.99.0.11

d1:
    objtype=node
    mgt=docker
    ip=10.99.1.1
    vmhost=dh1
    provmethod=bb

noimage:
    objtype=node
    mgt=docker
    ip=10.99.1.2
    vmhost=dh1

nohost:
    objtype=node
    mgt=docker
    ip=10.99.1.3
    provmethod=bb

nonet:
    objtype=node
    mgt=docker
    ip=10.50.1.4
    vmhost=dh1
    provmethod=bb

noip:
    objtype=node
    mgt=docker
    vmhost=dh1
    provmethod=bb
";

    fn sorted(command: &str, words: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let tables = Inventory::from_stanzas(TABLES).unwrap();
        let command = Command::named(command).unwrap();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let nodes = tables.nodes().unwrap();
        let rows = Rows::sort(command, &command.parse(&words).unwrap(), nodes, &tables).unwrap();
        let names = |nodes: Vec<NodeName>| nodes.into_iter().map(String::from).collect();
        (names(rows.good), names(rows.others), rows.missing)
    }

    #[test]
    fn what_mkdocker_misses_is_told_in_its_words() {
        let (good, others, missing) = sorted("mkdocker", &[]);
        assert_eq!((good.join(","), others.join(",")), ("d1".into(), "dh1".into()));
        assert_eq!(
            missing,
            [
                "Docker host not set correct for nohost",
                "Image not set correct for noimage",
                "Network not set correct for noip nonet"
            ]
        );
        let (good, _, missing) = sorted("mkdocker", &["image=bb"]);
        assert_eq!((good.join(","), missing.len()), ("d1,noimage".into(), 2));
    }

    #[test]
    fn defect_8_a_node_without_a_host_keeps_no_other_from_its_work() {
        let (good, _, missing) = sorted("rpower", &["state"]);
        assert_eq!(good.join(","), "d1,noimage,noip,nonet");
        assert_eq!(missing, ["Docker host not set correct for nohost"]);
    }
}
