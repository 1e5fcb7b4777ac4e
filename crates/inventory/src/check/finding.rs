//! A finding of `xdock check`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use crate::name::NodeName;

/// An error or warning about the tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Severity.
    pub severity: Severity,
    /// Row or column: `d1`, `networks net98`, `hosts.ip of d1, hosts.ip of d2`.
    pub place: String,
    /// Complete message with row, column and value.
    pub text: String,
    /// Nodes whose containers cannot be created.
    pub nodes: Vec<NodeName>,
    /// Row that causes the finding, if it is not the node's own row.
    #[serde(skip)]
    cause: Option<Cause>,
    /// Messages for single nodes, if `text` is about several nodes.
    #[serde(skip)]
    per_node: BTreeMap<NodeName, String>,
}

/// Row that causes findings. Findings with the same cause are reported once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cause {
    row: String,
    /// Whether the finding is about this row itself, not about a row that needs it.
    is_root: bool,
}

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Containers can be created, but the tables may not be as intended.
    Warning,
    /// Containers of the nodes cannot be created.
    Error,
}

impl Finding {
    pub(super) fn error(
        place: impl Into<String>,
        text: &impl ToString,
        nodes: impl IntoIterator<Item = NodeName>,
    ) -> Self {
        Self::new(Severity::Error, place.into(), text, nodes)
    }

    pub(super) fn warning(
        place: impl Into<String>,
        text: &impl ToString,
        nodes: impl IntoIterator<Item = NodeName>,
    ) -> Self {
        Self::new(Severity::Warning, place.into(), text, nodes)
    }

    fn new(
        severity: Severity,
        place: String,
        text: &impl ToString,
        nodes: impl IntoIterator<Item = NodeName>,
    ) -> Self {
        let (text, nodes) = (text.to_string(), nodes.into_iter().collect());
        Self { severity, place, text, nodes, cause: None, per_node: BTreeMap::new() }
    }

    /// Message for one of the nodes.
    pub fn text_of(&self, node: &NodeName) -> &str {
        self.per_node.get(node).unwrap_or(&self.text)
    }

    /// Marks the finding as a consequence of `row`.
    pub(super) fn because_of(self, row: Option<String>) -> Self {
        Self { cause: row.map(|row| Cause { row, is_root: false }), ..self }
    }

    /// Marks the finding as one about `row` itself.
    pub(super) fn about(self, row: String) -> Self {
        Self { cause: Some(Cause { row, is_root: true }), ..self }
    }
}

/// Merges findings with the same cause: a wrong row that a hundred nodes need is one change. The order stays.
pub(super) fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<(Finding, Vec<Finding>)> = Vec::with_capacity(findings.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let known = finding.cause.as_ref().and_then(|cause| places.get(&cause.row));
        match known.and_then(|at| kept.get_mut(*at)) {
            Some((_, others)) => others.push(finding),
            None => {
                let at = kept.len();
                places.extend(finding.cause.as_ref().map(|cause| (cause.row.clone(), at)));
                kept.push((finding, Vec::new()));
            }
        }
    }
    kept.into_iter().map(|(first, others)| with_others(first, others)).collect()
}

/// Merges `others` into `first`: adds their nodes. If none of them is about the row itself, the text also names the other nodes.
fn with_others(mut first: Finding, others: Vec<Finding>) -> Finding {
    let is_root = first.cause.as_ref().is_some_and(|cause| cause.is_root);
    let alone = first.nodes.clone();
    let mut seen: HashSet<NodeName> = alone.iter().cloned().collect();
    for other in others {
        first.severity = first.severity.max(other.severity);
        for node in other.nodes {
            if seen.insert(node.clone()) {
                first.per_node.extend((!is_root).then(|| (node.clone(), other.text.clone())));
                first.nodes.push(node);
            }
        }
    }
    let more: Vec<&NodeName> = first.per_node.keys().collect();
    if !more.is_empty() {
        let text = format!("{}; the same applies to {}", first.text, listed(&more));
        let own = std::mem::replace(&mut first.text, text);
        first.per_node.extend(alone.into_iter().map(|node| (node, own.clone())));
    }
    first
}

fn listed(nodes: &[&NodeName]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = nodes.iter().take(SHOWN).map(|node| node.as_str()).collect();
    match nodes.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.text)
    }
}
