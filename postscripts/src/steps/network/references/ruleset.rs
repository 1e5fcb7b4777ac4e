//! Chains of a packet filter, and the path of the first packet of a new ssh connection through them. An
//! unknown condition may match or not, so both paths are followed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use inventory::IfName;

use super::device::{DeviceTest, Pattern};
use super::reference::{Effect, Moved, Reference};

/// The first packet of an ssh connection from the management node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSsh {
    /// The management node.
    pub source: IpAddr,
    /// sshd's port.
    pub port: u16,
}

/// Whether a condition matches that packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// Never.
    No,
    /// Unknown, or it depends.
    Maybe,
    /// Always.
    Yes,
}

impl Holds {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

/// Action of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    /// Drop or reject.
    Drop,
    Jump(String),
    Goto(String),
    Return,
    /// Count, log or mark.
    Continue,
    /// A verdict map by incoming device.
    ByDevice(Vec<(Pattern, Action)>),
    /// A verdict map by another key: any of the actions, or none.
    AnyOf(Vec<Action>),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) place: String,
    pub(super) text: String,
    pub(super) incoming: Vec<DeviceTest>,
    pub(super) outgoing: Vec<DeviceTest>,
    /// All other conditions.
    pub(super) others: Holds,
    pub(super) action: Action,
}

/// A chain. Packets enter at chains with a hook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Chain {
    /// Whether packets to the host enter here.
    pub(super) is_entry: bool,
    pub(super) drops: bool,
    pub(super) rules: Vec<Rule>,
}

/// All chains of a packet filter, by table and name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ruleset {
    pub(super) chains: BTreeMap<String, Chain>,
}

/// Possible results of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ends {
    accepted: bool,
    dropped: bool,
    /// The end of a chain, or a return.
    falls: bool,
}

impl Ends {
    fn take(&mut self, other: Self) {
        self.accepted |= other.accepted;
        self.dropped |= other.dropped;
    }
}

impl Rule {
    fn holds(&self, device: &IfName) -> Holds {
        let passes = self.incoming.iter().all(|test| test.passes(device));
        // a packet to the host has no outgoing device
        let out = self.outgoing.iter().all(|test| test.negated);
        if passes && out { self.others } else { Holds::No }
    }

    /// Whether it matches one device and not the other, by name or pattern.
    fn names(&self, moved: &Moved) -> bool {
        let tells_apart = |test: &DeviceTest| test.passes(&moved.from) != test.passes(&moved.to);
        let by_map = |action: &Action| match action {
            Action::ByDevice(entries) => chosen(entries, &moved.from) != chosen(entries, &moved.to),
            _ => false,
        };
        self.incoming.iter().chain(&self.outgoing).any(tells_apart) || by_map(&self.action)
    }

    fn is_incoming(&self) -> bool {
        !self.incoming.is_empty() || matches!(self.action, Action::ByDevice(_))
    }
}

fn chosen<'a>(entries: &'a [(Pattern, Action)], device: &IfName) -> Option<&'a Action> {
    entries.iter().find(|(pattern, _)| pattern.matches(device)).map(|(_, action)| action)
}

impl Ruleset {
    /// The rules that name a moved device, and whether new ssh connections depend on them.
    pub(super) fn references(&self, moved: &Moved) -> Vec<Reference> {
        let (before, after) = (self.ends(&moved.from), self.ends(&moved.to));
        let cut = before.accepted && after.dropped && before != after;
        let entered = self.entered();
        let mut found = Vec::new();
        for (name, chain) in &self.chains {
            for rule in chain.rules.iter().filter(|rule| rule.names(moved)) {
                let decides =
                    cut && entered.contains(&name) && rule.is_incoming() && rule.others != Holds::No;
                found.push(Reference {
                    place: rule.place.clone(),
                    text: rule.text.clone(),
                    device: moved.from.clone(),
                    effect: if decides { Effect::CutsSshAccess } else { Effect::StopsApplying },
                });
            }
        }
        found
    }

    /// The chains that a packet to the host can reach.
    fn entered(&self) -> Vec<&String> {
        let mut found: Vec<&String> =
            self.chains.iter().filter(|(_, chain)| chain.is_entry).map(|(name, _)| name).collect();
        let mut next = 0;
        while let Some(name) = found.get(next) {
            next += 1;
            let rules = self.chains.get(*name).map(|chain| chain.rules.as_slice()).unwrap_or_default();
            let targets = rules.iter().flat_map(|rule| targets(&rule.action));
            let known = targets.filter_map(|target| self.chains.get_key_value(target)).map(|(name, _)| name);
            let new: Vec<&String> = known.filter(|name| !found.contains(name)).collect();
            found.extend(new);
        }
        found
    }

    /// A packet must pass every entry chain.
    fn ends(&self, device: &IfName) -> Ends {
        let mut ends = Ends { accepted: true, ..Ends::default() };
        let mut known = BTreeMap::new();
        for (name, chain) in self.chains.iter().filter(|(_, chain)| chain.is_entry) {
            let walked = self.walk(name, device, &mut known);
            let (accepts, drops) = (walked.falls && !chain.drops, walked.falls && chain.drops);
            ends.accepted &= walked.accepted || accepts;
            ends.dropped |= walked.dropped || drops;
        }
        ends
    }

    /// Walks each chain once and then reuses its result. That also ends a loop, which no packet filter
    /// allows.
    fn walk<'a>(&'a self, name: &'a str, device: &IfName, known: &mut BTreeMap<&'a str, Ends>) -> Ends {
        if let Some(ends) = known.get(name) {
            return *ends;
        }
        known.insert(name, Ends { falls: true, ..Ends::default() });
        let mut ends = Ends::default();
        let mut goes_on = true;
        for rule in self.chains.get(name).map(|chain| chain.rules.as_slice()).unwrap_or_default() {
            let holds = rule.holds(device);
            if holds == Holds::No {
                continue;
            }
            let (done, next) = self.act(&rule.action, device, known);
            ends.take(done);
            ends.falls |= done.falls;
            if holds == Holds::Yes && !next {
                goes_on = false;
                break;
            }
        }
        ends.falls |= goes_on;
        known.insert(name, ends);
        ends
    }

    /// Results of an action, and whether the next rule can be reached.
    fn act<'a>(
        &'a self,
        action: &'a Action,
        device: &IfName,
        known: &mut BTreeMap<&'a str, Ends>,
    ) -> (Ends, bool) {
        let none = Ends::default();
        match action {
            Action::Accept => (Ends { accepted: true, ..none }, false),
            Action::Drop => (Ends { dropped: true, ..none }, false),
            Action::Return => (Ends { falls: true, ..none }, false),
            Action::Continue => (none, true),
            Action::Goto(chain) => (self.walk(chain, device, known), false),
            Action::Jump(chain) => {
                let ends = self.walk(chain, device, known);
                (Ends { falls: false, ..ends }, ends.falls)
            }
            Action::ByDevice(entries) => match chosen(entries, device) {
                Some(action) => self.act(action, device, known),
                None => (none, true),
            },
            Action::AnyOf(actions) => {
                let mut all = none;
                for action in actions {
                    let (ends, _) = self.act(action, device, known);
                    all.take(ends);
                    all.falls |= ends.falls;
                }
                (all, true)
            }
        }
    }
}

fn targets(action: &Action) -> Vec<&String> {
    match action {
        Action::Jump(chain) | Action::Goto(chain) => vec![chain],
        Action::ByDevice(entries) => entries.iter().flat_map(|(_, action)| targets(action)).collect(),
        Action::AnyOf(actions) => actions.iter().flat_map(targets).collect(),
        _ => Vec::new(),
    }
}
