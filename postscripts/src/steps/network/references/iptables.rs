//! Rules of iptables, as `iptables-save` prints them and as files that are loaded at boot contain them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::device::{DeviceTest, Pattern};
use super::ruleset::{Action, Chain, Holds, NewSsh, Rule, Ruleset};

/// Targets that drop a packet.
const DROPS: [&str; 3] = ["DROP", "REJECT", "TARPIT"];
/// Matches that only enable options.
const PLAIN_MATCHES: [&str; 9] =
    ["tcp", "udp", "conntrack", "state", "multiport", "comment", "addrtype", "iprange", "set"];

/// Parses the rules. `place` is their origin. If `file` is set, each rule is reported with its line number.
pub(super) fn parse(text: &str, place: &str, file: bool, packet: NewSsh) -> Ruleset {
    let mut ruleset = Ruleset::default();
    let mut table = "";
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('*') {
            table = name.trim();
        } else if let Some(chain) = line.strip_prefix(':') {
            declare(&mut ruleset, table, chain);
        } else if let Some(at) = line.find("-A ").filter(|at| *at == 0 || line.starts_with('[')) {
            let text = line.get(at..).unwrap_or_default();
            let place = if file { format!("{place}:{}", number + 1) } else { place.to_owned() };
            let (chain, rule) = rule(table, text, place, packet);
            // firewalld's zones follow the device
            if chain.ends_with("_ZONES") {
                continue;
            }
            ruleset.chains.entry(chain).or_default().rules.push(rule);
        }
    }
    ruleset
}

fn chain_of(table: &str, name: &str) -> String {
    format!("{table} {name}")
}

fn declare(ruleset: &mut Ruleset, table: &str, line: &str) {
    let mut words = line.split_whitespace();
    let (Some(name), Some(policy)) = (words.next(), words.next()) else { return };
    // nat sees the first packet too, but does not drop
    let is_entry = matches!(
        (table, name),
        ("raw" | "mangle", "PREROUTING") | ("mangle" | "filter" | "security", "INPUT")
    );
    let chain = ruleset.chains.entry(chain_of(table, name)).or_default();
    *chain = Chain { is_entry: is_entry && policy != "-", drops: policy == "DROP", ..std::mem::take(chain) };
}

fn rule(table: &str, text: &str, place: String, packet: NewSsh) -> (String, Rule) {
    let words = words(text);
    let mut rule = Rule {
        place,
        text: text.to_owned(),
        incoming: Vec::new(),
        outgoing: Vec::new(),
        others: Holds::Yes,
        action: Action::Continue,
    };
    let mut chain = String::new();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let (negated, option) = match word {
            "!" => (true, words.next().unwrap_or_default()),
            option => (false, option),
        };
        let mut value = || words.next_if(|word| *word != "!").unwrap_or_default();
        match option {
            "-A" | "--append" => chain = chain_of(table, value()),
            "-i" | "--in-interface" => rule.incoming.push(test(value(), negated)),
            "-o" | "--out-interface" => rule.outgoing.push(test(value(), negated)),
            "-j" | "--jump" => rule.action = target(table, value()),
            "-g" | "--goto" => rule.action = Action::Goto(chain_of(table, value())),
            _ => {
                let mut given: Vec<&str> = Vec::new();
                while let Some(next) = words.next_if(|word| !word.starts_with('-') && *word != "!") {
                    given.push(next);
                }
                // an unknown option after the target belongs to the target
                let unknown = if rule.action == Action::Continue { Holds::Maybe } else { Holds::Yes };
                let holds = condition(option, &given, packet);
                let holds = holds.map_or(unknown, |holds| if negated { holds.not() } else { holds });
                rule.others = rule.others.min(holds);
            }
        }
    }
    (chain, rule)
}

fn test(name: &str, negated: bool) -> DeviceTest {
    DeviceTest { patterns: vec![Pattern::iptables(name)], negated }
}

fn target(table: &str, name: &str) -> Action {
    match name {
        "ACCEPT" => Action::Accept,
        "RETURN" => Action::Return,
        name if DROPS.contains(&name) => Action::Drop,
        // extensions are in capitals (LOG, MARK, DNAT); an undeclared chain is empty
        name => Action::Jump(chain_of(table, name)),
    }
}

/// Evaluates an option; `None` if it is unknown.
fn condition(option: &str, values: &[&str], packet: NewSsh) -> Option<Holds> {
    let value = values.first().copied().unwrap_or_default();
    Some(match option {
        "-p" | "--protocol" => Holds::of(matches!(value, "tcp" | "6" | "all" | "0")),
        "-s" | "--source" => source(value, packet.source),
        "--dport" | "--destination-port" => ports(value, packet.port),
        "--dports" | "--destination-ports" | "--ports" => {
            value.split(',').map(|range| ports(range, packet.port)).max().unwrap_or(Holds::Maybe)
        }
        "--ctstate" | "--state" => Holds::of(value.split(',').any(|state| state == "NEW")),
        "--tcp-flags" if values == ["FIN,SYN,RST,ACK", "SYN"] => Holds::Yes,
        "--syn" | "--comment" => Holds::Yes,
        "--dst-type" if value == "LOCAL" => Holds::Yes,
        "-m" | "--match" if PLAIN_MATCHES.contains(&value) => Holds::Yes,
        _ => return None,
    })
}

fn source(value: &str, source: IpAddr) -> Holds {
    let mut all = Holds::No;
    for network in value.split(',') {
        let parsed: Option<IpNet> =
            network.parse().ok().or_else(|| network.parse::<IpAddr>().ok().map(IpNet::from));
        all = all.max(parsed.map_or(Holds::Maybe, |network| Holds::of(network.contains(&source))));
    }
    all
}

fn ports(range: &str, port: u16) -> Holds {
    let number = |text: &str| if text == "ssh" { Some(22) } else { text.parse::<u16>().ok() };
    let (first, last) = range.split_once(':').unwrap_or((range, range));
    match (number(first), number(last)) {
        (Some(first), Some(last)) => Holds::of((first..=last).contains(&port)),
        _ => Holds::Maybe,
    }
}

/// Splits words as iptables-save quotes them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                word.get_or_insert_default().push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
#[path = "iptables/tests.rs"]
mod tests;
