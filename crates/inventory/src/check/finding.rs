//! One thing that is wrong.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use crate::name::NodeName;

/// Something that an administrator should change in the tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Row or column: `d1`, `networks net98`, `hosts.ip of d1, hosts.ip of d2`.
    pub place: String,
    /// The whole message; it names the row, column and value by itself.
    pub text: String,
    /// The nodes that can not be made because of it.
    pub nodes: Vec<NodeName>,
    /// The row that makes it wrong, where that is another than the node's own.
    #[serde(skip)]
    cause: Option<Cause>,
    /// What is told of some of the nodes alone, where the text is about several.
    #[serde(skip)]
    per_node: BTreeMap<NodeName, String>,
}

/// The row behind a finding: what has the same cause is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cause {
    row: String,
    /// Whether the finding is about that row, and not about one that needs it.
    is_root: bool,
}

/// Whether something can be made of the tables all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It can; it may not be what is meant.
    Warning,
    /// It can not.
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

    /// What is wrong for one of its nodes.
    pub fn text_of(&self, node: &NodeName) -> &str {
        self.per_node.get(node).unwrap_or(&self.text)
    }

    /// The same finding, which follows from what is wrong with `row`.
    pub(super) fn because_of(self, row: Option<String>) -> Self {
        Self { cause: row.map(|row| Cause { row, is_root: false }), ..self }
    }

    /// The same finding, which is about `row` itself.
    pub(super) fn about(self, row: String) -> Self {
        Self { cause: Some(Cause { row, is_root: true }), ..self }
    }
}

/// One finding for each cause: a wrong row that a hundred nodes need is one thing to change. The rest keep their order.
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

/// What follows from a wrong row is not told, only whom it stops; of equals the first is told, and who the others are.
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
