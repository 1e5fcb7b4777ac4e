//! Ambiguous names. These are warnings, because xCAT itself accepts them.

use std::collections::BTreeMap;

use super::Finding;
use crate::compile::Cluster;
use crate::name::NodeName;

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let mut findings = of_case(cluster.nodes());
    findings.extend(of_groups(cluster));
    findings
}

/// DNS ignores upper and lower case (RFC 1035, 2.3.3).
fn of_case(nodes: &[NodeName]) -> Vec<Finding> {
    let mut by_small: BTreeMap<String, Vec<&NodeName>> = BTreeMap::new();
    for node in nodes {
        by_small.entry(node.as_str().to_ascii_lowercase()).or_default().push(node);
    }
    let alike = by_small.values().filter_map(|nodes| Some((nodes.first()?, nodes.get(1)?)));
    alike
        .map(|(one, other)| {
            let text = format!(
                "nodes {one} and {other} differ only in upper and lower case, which DNS ignores; rename one"
            );
            Finding::warning(format!("nodelist {one}, nodelist {other}"), &text, [])
        })
        .collect()
}

/// In a noderange such a name means the node (xCAT `NodeRange.pm`). Node and group share a row in every table.
fn of_groups(cluster: &Cluster<'_>) -> Vec<Finding> {
    let groups = cluster.groups();
    let is_node = |name: &&String| name.parse().is_ok_and(|name| cluster.has_node(&name));
    groups
        .iter()
        .filter(is_node)
        .map(|name| {
            let text = format!(
                "{name} is a node and a group: a noderange selects the node, and both share a row in each table; rename one"
            );
            Finding::warning(format!("nodelist {name}, nodegroup {name}"), &text, [])
        })
        .collect()
}
