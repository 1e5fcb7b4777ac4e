//! Which rules to put in and take out: pure.

use std::fmt;

use inventory::IfName;

/// Two comments, so that a rule that stands too low is replaced without a gap: the new one goes in on top under the
/// comment that the old one has not, then the old one is taken out by its own. By number would be a race with whoever
/// else changes the chain, and by the same words `iptables -D` takes out the first, which is the new one.
const TAGS: [&str; 2] = ["xdock", "xdock:2"];

/// The two packet filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4: `iptables`.
    V4,
    /// IPv6: `ip6tables`.
    V6,
}

impl Family {
    /// The program that keeps it.
    pub fn program(self) -> &'static str {
        match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// A rule of ours: accept what goes from the bridge to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which filter.
    pub family: Family,
    /// The bridge.
    pub bridge: IfName,
    /// Its comment: `xdock`, or `xdock:2`.
    pub tag: String,
}

/// One change of a FORWARD chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Puts a rule in on top.
    Insert(Rule),
    /// Takes the first rule of these words out.
    Delete(Rule),
}

impl Step {
    pub(super) fn family(&self) -> Family {
        match self {
            Self::Insert(rule) | Self::Delete(rule) => rule.family,
        }
    }

    /// The words for the program.
    pub(super) fn words(&self) -> Vec<String> {
        let (verb, rule) = match self {
            Self::Insert(rule) => ("-I", rule),
            Self::Delete(rule) => ("-D", rule),
        };
        let bridge = rule.bridge.as_str();
        [verb, "FORWARD", "-i", bridge, "-o", bridge, "-m", "comment", "--comment", &rule.tag, "-j", "ACCEPT"]
            .map(str::to_owned)
            .into()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, rule) = match self {
            Self::Insert(rule) => ("put in", rule),
            Self::Delete(rule) => ("take out", rule),
        };
        write!(f, "{verb} the {} rule {:?} that lets bridge {} forward", rule.family, rule.tag, rule.bridge)
    }
}

/// What brings a chain, as `iptables -S FORWARD` lists it, to exactly one rule a bridge ahead of all that can drop, and
/// none for other bridges.
pub(super) fn chain(family: Family, bridges: &[IfName], listing: &str) -> Vec<Step> {
    let placed = read(family, listing);
    let gone = placed.iter().filter(|found| !bridges.contains(&found.rule.bridge));
    let gone = gone.map(|found| Step::Delete(found.rule.clone())).collect::<Vec<_>>();
    let wanted = bridges.iter().flat_map(|bridge| {
        let of_bridge: Vec<_> = placed.iter().filter(|found| found.rule.bridge == *bridge).collect();
        steps(family, bridge, &of_bridge)
    });
    wanted.chain(gone).collect()
}

/// A rule of ours where it stands.
#[derive(Debug)]
struct Placed {
    rule: Rule,
    /// Nothing that can drop stands before it.
    on_top: bool,
}

fn steps(family: Family, bridge: &IfName, found: &[&Placed]) -> Vec<Step> {
    let count = |tag: &str| found.iter().filter(|placed| placed.rule.tag == tag).count();
    let good = found.iter().find(|placed| placed.on_top && count(&placed.rule.tag) == 1);
    let delete = |keep: &str| {
        let others = found.iter().filter(|placed| placed.rule.tag != keep);
        others.map(|placed| Step::Delete(placed.rule.clone())).collect::<Vec<_>>()
    };
    if let Some(good) = good {
        return delete(&good.rule.tag);
    }
    // where both comments are taken (only by hand) there is a gap: the second one's rules go first
    let [first, second] = TAGS;
    let tag = if count(first) == 0 { first } else { second };
    let mut steps: Vec<_> = found
        .iter()
        .filter(|placed| placed.rule.tag == tag)
        .map(|placed| Step::Delete(placed.rule.clone()))
        .collect();
    steps.push(Step::Insert(Rule { family, bridge: bridge.clone(), tag: tag.to_owned() }));
    steps.extend(delete(tag));
    steps
}

fn read(family: Family, listing: &str) -> Vec<Placed> {
    let mut on_top = true;
    let mut placed = Vec::new();
    for line in listing.lines().filter(|line| line.starts_with("-A ")) {
        let words: Vec<&str> = line.split_ascii_whitespace().map(|word| word.trim_matches('"')).collect();
        match ours(family, &words) {
            Some(rule) => placed.push(Placed { rule, on_top }),
            None => on_top &= !can_drop(&words),
        }
    }
    placed
}

fn ours(family: Family, words: &[&str]) -> Option<Rule> {
    match words {
        ["-A", "FORWARD", "-i", bridge, "-o", out, "-m", "comment", "--comment", tag, "-j", "ACCEPT"]
            if bridge == out && TAGS.contains(tag) =>
        {
            Some(Rule { family, bridge: bridge.parse().ok()?, tag: (*tag).to_owned() })
        }
        _ => None,
    }
}

/// Whether a packet of ours may end in a rule, or in a chain that it jumps to.
fn can_drop(words: &[&str]) -> bool {
    let target = words.iter().skip_while(|word| !matches!(**word, "-j" | "-g")).nth(1);
    !matches!(target, None | Some(&("ACCEPT" | "LOG" | "NFLOG" | "MARK" | "CONNMARK")))
}
