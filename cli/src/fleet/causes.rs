//! Prints a common cause once: a dead host would hide other errors.

use std::collections::HashMap;

use inventory::NodeName;

use super::{Answer, Outcome};

/// Printed reasons of hosts, each with the node that it was printed for.
#[derive(Debug, Default)]
pub(super) struct Causes {
    told: HashMap<String, NodeName>,
    /// Consecutive nodes with a printed reason, and the node that it was printed for.
    pending: Option<(NodeName, Vec<NodeName>)>,
}

impl Causes {
    /// Adds an answer; `true`: its reason was printed for another node.
    pub(super) fn holds(&mut self, node: &NodeName, answer: &Answer) -> bool {
        let Some(first) = self.known(node, answer) else { return false };
        match &mut self.pending {
            Some((known, nodes)) if *known == first => nodes.push(node.clone()),
            _ => self.pending = Some((first, vec![node.clone()])),
        }
        true
    }

    /// Held nodes as a noderange, with the node that has their reason, unless `answer` continues them.
    pub(super) fn release(&mut self, answer: Option<&Answer>) -> Option<(String, NodeName)> {
        let next = answer.and_then(shared).and_then(|text| self.told.get(text));
        let (first, nodes) = self.pending.take_if(|(first, _)| next != Some(first))?;
        Some((noderange(&nodes), first))
    }

    /// Node for which the reason was printed; `None`: print it for this one.
    fn known(&mut self, node: &NodeName, answer: &Answer) -> Option<NodeName> {
        let text = shared(answer)?;
        if let Some(first) = self.told.get(text) {
            return Some(first.clone());
        }
        self.told.insert(text.to_owned(), node.clone());
        None
    }
}

/// Reason that applies to a host.
fn shared(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::End(Outcome::Unavailable(text) | Outcome::OfHost(text, _)) => Some(text),
        _ => None,
    }
}

/// Noderange of names: consecutive numbers become `host1c[2-4]`.
fn noderange(nodes: &[NodeName]) -> String {
    let mut parts: Vec<(&str, &str, &str)> = Vec::new();
    for node in nodes {
        let (stem, number) = split(node.as_str());
        match parts.last_mut() {
            Some((known, _, last)) if *known == stem && follows(last, number) => *last = number,
            _ => parts.push((stem, number, number)),
        }
    }
    let texts = parts.iter().map(|(stem, first, last)| match first == last {
        true => format!("{stem}{first}"),
        false => format!("{stem}[{first}-{last}]"),
    });
    texts.collect::<Vec<_>>().join(",")
}

/// Splits the trailing number from a name.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.trim_end_matches(|c: char| c.is_ascii_digit()).len())
}

fn follows(last: &str, number: &str) -> bool {
    let (Ok(before), Ok(now)) = (last.parse::<u64>(), number.parse::<u64>()) else { return false };
    before.checked_add(1) == Some(now) && (last.len() == number.len() || !number.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<NodeName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_cause_is_told_once_and_the_others_are_listed_in_their_place() {
        let dead = Answer::End(Outcome::Unavailable("cannot reach host2".into()));
        let other = Answer::End(Outcome::OfHost("no tables".into(), None));
        let own = Answer::End(Outcome::Failed("it runs".into(), None));
        let mut causes = Causes::default();
        let mut printed = Vec::new();
        for (node, answer) in [
            ("c1", &dead),
            ("c2", &dead),
            ("c3", &dead),
            ("d1", &own),
            ("d2", &own),
            ("e1", &other),
            ("c4", &dead),
            ("e2", &other),
        ] {
            let node = node.parse().unwrap();
            let text = |(nodes, first): (String, NodeName)| format!("{nodes} as {first}");
            printed.extend(causes.release(Some(answer)).map(text));
            if !causes.holds(&node, answer) {
                printed.push(node.to_string());
            }
        }
        printed.extend(causes.release(None).map(|(nodes, first)| format!("{nodes} as {first}")));
        assert_eq!(printed, ["c1", "c[2-3] as c1", "d1", "d2", "e1", "c4 as c1", "e2 as e1"]);
    }

    #[test]
    fn nodes_are_listed_as_a_noderange() {
        let listed = |all: &[&str]| noderange(&names(all));
        assert_eq!(listed(&["host2c2"]), "host2c2");
        assert_eq!(listed(&["host2c2", "host2c3", "host2r1", "host2r3"]), "host2c[2-3],host2r1,host2r3");
        assert_eq!(listed(&["n8", "n9", "n10", "n11"]), "n[8-11]");
        assert_eq!(listed(&["n08", "n09", "n10", "db", "web"]), "n[08-10],db,web");
        assert_eq!(listed(&["n9", "n010"]), "n9,n010");
    }
}
