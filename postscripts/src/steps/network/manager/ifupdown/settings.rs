//! What stanzas say of their interface, and what becomes of each option when ours take their place. Pure.

use std::path::Path;

use hostnet::Route;

use super::super::dialect::{Refused, Said};
use super::super::nic::Nic;
use super::super::views::DEVICE;
use super::stanza::{Opt, Stanza};

/// Options that our stanzas have too.
const TAKEN: [&str; 13] = [
    "address",
    "netmask",
    "network",
    "broadcast",
    "gateway",
    "mtu",
    "dns-nameservers",
    "dns-nameserver",
    "dns-search",
    "vlan-raw-device",
    "vlan_raw_device",
    "slaves",
    "pointopoint",
];

/// What becomes of an option.
enum Fate {
    /// Our stanzas have it, from the tables or from what is there.
    Ours,
    /// It is the interface's own.
    Kept,
    /// It goes to the device that has the addresses.
    Moved,
    /// Without it the network would be another.
    Refused(&'static str),
}

/// Adds what a stanza says; `is_template`: it is one that another inherits.
pub(super) fn add(said: &mut Said, stanza: &Stanza<'_>, file: &Path, nic: &Nic, is_template: bool) {
    said.dhcp |= !is_template && (stanza.family, stanza.method) == ("inet", "dhcp");
    // ours are of IPv4 first: what IPv6 gets by itself is a stanza of its own
    let is_own_stanza = stanza.family == "inet6" && matches!(stanza.method, "auto" | "dhcp");
    let mut moved = Vec::new();
    for option in &stanza.options {
        let line = option.words.join(" ");
        match option.words.as_slice() {
            ["dns-nameservers" | "dns-nameserver", servers @ ..] => said.dns.extend(owned(servers)),
            ["dns-search", domains @ ..] => said.search.extend(owned(domains)),
            words => match fate(words, nic) {
                Fate::Ours => said.routes.extend(command(words).and_then(route)),
                Fate::Kept => said.kept.push(line),
                Fate::Moved => moved.push(line),
                Fate::Refused(advice) => said.refused.push(refused(option, file, nic, advice)),
            },
        }
    }
    if is_own_stanza {
        said.moved.push(format!("iface {DEVICE} inet6 {}", stanza.method));
        said.moved.extend(moved.into_iter().map(|line| format!("    {line}")));
    } else {
        // before a stanza of its own, which would take them
        said.moved.splice(0..0, moved);
    }
}

pub(super) fn refused(option: &Opt<'_>, file: &Path, nic: &Nic, advice: &'static str) -> Refused {
    Refused {
        file: file.to_owned(),
        line: option.line,
        setting: option.words.join(" "),
        interface: nic.name.clone(),
        advice,
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn fate(words: &[&str], nic: &Nic) -> Fate {
    let Some(keyword) = words.first() else { return Fate::Ours };
    if let Some(command) = command(words) {
        return of_command(command, nic);
    }
    let dashed = keyword.replace('_', "-");
    match dashed.as_str() {
        key if key.starts_with("bridge-v") => Fate::Refused(
            "VLANs of a bridge are not in the tables: use an Open vSwitch bridge (nictypes=bridge_ovs), or remove the line",
        ),
        key if ["bridge-", "bond-", "ovs-"].iter().any(|begin| key.starts_with(begin)) => Fate::Ours,
        _ if TAKEN.contains(keyword) => Fate::Ours,
        "hwaddress" | "media" => Fate::Kept,
        key if OF_NIC.iter().any(|begin| key.starts_with(begin)) => Fate::Kept,
        _ => Fate::Moved,
    }
}

/// Beginnings of the options that packages of Debian have for a NIC itself: ethtool, wpasupplicant, ifupdown2.
const OF_NIC: [&str; 7] =
    ["ethernet-", "offload-", "link-", "hardware-", "ethtool-", "wpa-", "driver-message-level"];

/// The command of a hook.
fn command<'a, 'b>(words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    match words {
        ["pre-up" | "up" | "post-up" | "pre-down" | "down" | "post-down", command @ ..] => Some(command),
        _ => None,
    }
}

fn of_command(command: &[&str], nic: &Nic) -> Fate {
    let program = command.first().map(|program| program.rsplit('/').next().unwrap_or_default());
    let named = |word: &&str| {
        let parts = word.split(|c: char| !(c.is_ascii_alphanumeric() || "$_.-{}".contains(c)));
        parts.map(|part| part.trim_matches(['{', '}'])).any(|part| {
            part == nic.name.as_str() || matches!(part, "$IFACE" | "${IFACE" | "$LOGICAL" | "${LOGICAL")
        })
    };
    match program {
        Some("ip" | "route") if is_route(command) => Fate::Ours,
        _ if !command.iter().any(named) => Fate::Moved,
        Some("ethtool" | "ifup" | "ifdown" | "vconfig") => Fate::Kept,
        Some("ip") if matches!(command.get(1), Some(&"link")) => Fate::Kept,
        _ => Fate::Refused(
            "move it to a script in /etc/network/if-up.d that names the new device, or remove it",
        ),
    }
}

/// A route of the main table: the kernel has it, and the change takes it along.
fn is_route(command: &[&str]) -> bool {
    let command: Vec<&str> = command.iter().copied().take_while(|word| *word != "||").collect();
    let is_further =
        |word: &&str| matches!(*word, "table" | "rule" | "src" | "onlink" | "nexthop" | "blackhole");
    let is_known = match command.as_slice() {
        [_, rest @ ..]
            if command
                .iter()
                .any(|word| matches!(*word, "add" | "replace" | "append" | "del" | "delete")) =>
        {
            rest.contains(&"route") || command.first().is_some_and(|program| program.ends_with("route"))
        }
        _ => false,
    };
    is_known && !command.iter().any(is_further)
}

/// `ip route add DESTINATION via GATEWAY [metric METRIC]`; none of what is removed, or of another form.
fn route(command: &[&str]) -> Option<Route> {
    let ["add" | "replace" | "append", destination, rest @ ..] = command.get(2..)? else { return None };
    let after = |key: &str| rest.iter().position(|word| *word == key).and_then(|at| rest.get(at + 1));
    let destination: ipnet::IpNet = destination.parse().ok()?;
    let gateway = after("via").and_then(|gateway| gateway.parse().ok());
    let metric = after("metric").and_then(|metric| metric.parse().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}
