//! Computes which rules to insert and delete. Pure.

use std::fmt;

use inventory::IfName;

use crate::publish;

/// Two comments, so that a rule that is too low in the chain is replaced without interruption: the new rule is
/// inserted at the top with the other comment, then the old one is deleted by its comment. Rule numbers would race
/// with other programs that change the chain, and with equal comments `iptables -D` would delete the first rule,
/// which is the new one.
const TAGS: [&str; 2] = ["xdock", "xdock:2"];

/// Address families, each with its packet filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4: `iptables`.
    V4,
    /// IPv6: `ip6tables`.
    V6,
}

impl Family {
    /// The program that configures it.
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

/// One of our rules: accepts packets from the bridge to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Address family.
    pub family: Family,
    /// The bridge.
    pub bridge: IfName,
    /// Its comment: `xdock` or `xdock:2`.
    pub tag: String,
}

/// A change of a FORWARD chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Inserts a rule at the top.
    Insert(Rule),
    /// Deletes the first rule that equals this.
    Delete(Rule),
}

impl Step {
    /// Its rule.
    pub fn rule(&self) -> &Rule {
        match self {
            Self::Insert(rule) | Self::Delete(rule) => rule,
        }
    }

    pub(super) fn family(&self) -> Family {
        self.rule().family
    }

    /// The arguments of the program.
    pub(super) fn args(&self) -> Vec<String> {
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
            Self::Insert(rule) => ("insert", rule),
            Self::Delete(rule) => ("delete", rule),
        };
        write!(f, "{verb} the {} rule {:?} that lets bridge {} forward", rule.family, rule.tag, rule.bridge)
    }
}

/// The steps after which a chain, as `iptables -S FORWARD` lists it, has exactly one rule per bridge before all that
/// can drop, and none for other bridges.
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

/// The bridges whose rule is before all that can drop.
pub(super) fn accepted(family: Family, listing: &str) -> Vec<IfName> {
    let placed = read(family, listing).into_iter().filter(|placed| placed.before_drops);
    placed.map(|placed| placed.rule.bridge).collect()
}

/// The lines that can drop, up to the rule of the bridge. The policy is the chain's last line.
pub(super) fn drops_before<'a>(family: Family, bridge: &IfName, listing: &'a str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for line in listing.lines().filter(|line| line.starts_with("-A ")) {
        let words: Vec<&str> = line.split_ascii_whitespace().map(|word| word.trim_matches('"')).collect();
        match own_rule(family, &words) {
            Some(rule) if rule.bridge == *bridge => return found,
            Some(_) => {}
            None if can_drop(&words) => found.push(line),
            None => {}
        }
    }
    found.extend(listing.lines().find(|line| line.starts_with("-P ") && !line.ends_with(" ACCEPT")));
    found
}

/// One of our rules with its position.
#[derive(Debug)]
struct Placed {
    rule: Rule,
    /// No rule before it can drop.
    before_drops: bool,
}

fn steps(family: Family, bridge: &IfName, found: &[&Placed]) -> Vec<Step> {
    let count = |tag: &str| found.iter().filter(|placed| placed.rule.tag == tag).count();
    let good = found.iter().find(|placed| placed.before_drops && count(&placed.rule.tag) == 1);
    let delete = |keep: &str| {
        let others = found.iter().filter(|placed| placed.rule.tag != keep);
        others.map(|placed| Step::Delete(placed.rule.clone())).collect::<Vec<_>>()
    };
    if let Some(good) = good {
        return delete(&good.rule.tag);
    }
    // if both comments are used (only by hand), traffic is interrupted: the rules with the second comment are
    // deleted first
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
    let mut before_drops = true;
    let mut placed = Vec::new();
    for line in listing.lines().filter(|line| line.starts_with("-A ")) {
        let words: Vec<&str> = line.split_ascii_whitespace().map(|word| word.trim_matches('"')).collect();
        match own_rule(family, &words) {
            Some(rule) => placed.push(Placed { rule, before_drops }),
            None => before_drops &= !can_drop(&words),
        }
    }
    placed
}

fn own_rule(family: Family, words: &[&str]) -> Option<Rule> {
    match words {
        ["-A", "FORWARD", "-i", bridge, "-o", out, "-m", "comment", "--comment", tag, "-j", "ACCEPT"]
            if bridge == out && TAGS.contains(tag) =>
        {
            Some(Rule { family, bridge: bridge.parse().ok()?, tag: (*tag).to_owned() })
        }
        _ => None,
    }
}

/// Whether a chain may drop packets, by its policy or by a rule that is not ours.
pub(super) fn may_drop(listing: &str) -> bool {
    listing.lines().any(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["-P", _, policy] => *policy != "ACCEPT",
            ["-A", ..] => can_drop(&words),
            _ => false,
        }
    })
}

/// Whether a rule, or a chain that it jumps to, may drop a packet.
pub(crate) fn can_drop(words: &[&str]) -> bool {
    // the target follows all matches; a comment may contain anything
    let from = words.iter().rposition(|word| matches!(*word, "-j" | "-g"));
    let target = from.and_then(|at| words.get(at + 1));
    !matches!(target, None | Some(&("ACCEPT" | "LOG" | "NFLOG" | "MARK" | "CONNMARK" | publish::FORWARD)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "-P FORWARD DROP";
    const OLD: &str = "-A FORWARD -i br0 -o br0 -m comment --comment xdock -j ACCEPT";
    const NEW: &str = "-A FORWARD -i br0 -o br0 -m comment --comment \"xdock:2\" -j ACCEPT";
    const DOCKER: &str = "-A FORWARD -j DOCKER-USER";

    /// The plan for `br0`, a line a step: verb and comment.
    fn of(lines: &[&str]) -> Vec<String> {
        let steps = chain(Family::V4, &["br0".parse().unwrap()], &lines.join("\n"));
        let line = |step: &Step| {
            let args = step.args();
            format!("{} {} {}", args[0], args[3], args[9])
        };
        steps.iter().map(line).collect()
    }

    #[test]
    fn what_drops_before_the_rule_is_listed() {
        let br0: IfName = "br0".parse().unwrap();
        let drop = "-A FORWARD -s 10.0.0.0/8 -j DROP";
        let of = |lines: &[&str]| {
            let listing = lines.join("\n");
            let found = drops_before(Family::V4, &br0, &listing).into_iter().map(str::to_owned);
            (accepted(Family::V4, &listing) == [br0.clone()], found.collect::<Vec<_>>())
        };
        assert_eq!(of(&[POLICY, OLD, DOCKER]), (true, vec![]));
        assert_eq!(of(&[POLICY, drop, OLD, DOCKER]), (false, vec![drop.to_owned()]));
        assert_eq!(of(&[POLICY]), (false, vec![POLICY.to_owned()]));
        assert_eq!(of(&["-P FORWARD ACCEPT"]), (false, vec![]));
    }

    #[test]
    fn nothing_where_it_stands_on_top() {
        assert_eq!(of(&[POLICY, OLD, DOCKER]), [""; 0]);
        assert_eq!(of(&[POLICY, NEW, DOCKER]), [""; 0]);
    }

    #[test]
    fn rules_before_it_that_can_not_drop_are_let_be() {
        let accept = "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT";
        assert_eq!(of(&[POLICY, "-A FORWARD -i br0", accept, "-A FORWARD -j LOG", OLD]), [""; 0]);
        assert_eq!(
            of(&[POLICY, "-A FORWARD -g on_blocking_thread", OLD]),
            ["-I br0 xdock:2", "-D br0 xdock"]
        );
        assert_eq!(
            of(&[POLICY, "-A FORWARD -s 10.0.0.0/8 -j DROP", OLD]),
            ["-I br0 xdock:2", "-D br0 xdock"]
        );
    }

    #[test]
    fn a_comment_that_says_j_accept_is_no_target() {
        let sly = "-A FORWARD -m comment --comment \"-j ACCEPT\" -j DROP";
        assert_eq!(of(&[POLICY, sly, OLD]), ["-I br0 xdock:2", "-D br0 xdock"]);
    }

    #[test]
    fn a_missing_one_is_put_in() {
        assert_eq!(of(&[POLICY]), ["-I br0 xdock"]);
        assert_eq!(of(&[POLICY, DOCKER]), ["-I br0 xdock"]);
        assert_eq!(of(&[]), ["-I br0 xdock"]);
    }

    #[test]
    fn the_new_one_goes_in_before_the_old_one_goes_out() {
        assert_eq!(of(&[POLICY, DOCKER, OLD]), ["-I br0 xdock:2", "-D br0 xdock"]);
        assert_eq!(of(&[POLICY, DOCKER, NEW]), ["-I br0 xdock", "-D br0 xdock:2"]);
    }

    #[test]
    fn what_a_power_cut_left_between_the_two_is_finished() {
        assert_eq!(of(&[POLICY, NEW, DOCKER, OLD]), ["-D br0 xdock"]);
    }

    #[test]
    fn duplicates_go_and_one_stays() {
        assert_eq!(of(&[POLICY, OLD, NEW]), ["-D br0 xdock:2"]);
        assert_eq!(of(&[POLICY, OLD, OLD]), ["-I br0 xdock:2", "-D br0 xdock", "-D br0 xdock"]);
        let all = ["-D br0 xdock:2", "-D br0 xdock:2", "-I br0 xdock:2", "-D br0 xdock", "-D br0 xdock"];
        assert_eq!(of(&[POLICY, OLD, OLD, NEW, NEW]), all);
    }

    #[test]
    fn rules_of_others_are_not_touched() {
        let theirs = [
            "-A FORWARD -i br7 -o br7 -m comment --comment mine -j ACCEPT",
            "-A FORWARD -i br7 -o eth0 -m comment --comment xdock -j ACCEPT",
            "-A FORWARD -i br7 -o br7 -m comment --comment xdock -j DROP",
            "-A FORWARD -i br7 -o br7 -j ACCEPT",
        ];
        assert_eq!(of(&[&[POLICY, OLD], &theirs[..]].concat()), [""; 0]);
        let gone = OLD.replace("br0", "br7");
        assert_eq!(of(&[POLICY, OLD, &gone]), ["-D br7 xdock"]);
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do() {
        let every = [DOCKER, OLD, NEW, "-A FORWARD -j ACCEPT"];
        for number in 0..4_usize.pow(5) {
            let picks = (0..5_u32).map(|digit| every[number / 4_usize.pow(digit) % 4]);
            let mut lines: Vec<String> = picks.map(|line| line.replace('"', "")).collect();
            let bridges = ["br0".parse().unwrap()];
            for step in chain(Family::V4, &bridges, &lines.join("\n")) {
                carry_out(&step, &mut lines);
            }
            assert_eq!(chain(Family::V4, &bridges, &lines.join("\n")), [], "{number}: {lines:#?}");
        }
    }

    /// What iptables does: in on top, or out with the first of the same args.
    fn carry_out(step: &Step, lines: &mut Vec<String>) {
        let args = step.args();
        let line = format!("-A {}", args[1..].join(" "));
        if args[0] == "-I" {
            lines.insert(0, line);
        } else {
            let first = lines.iter().position(|have| *have == line).unwrap();
            lines.remove(first);
        }
    }
}
