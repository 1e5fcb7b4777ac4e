//! Settings of a stanza, and what happens to each option when our stanzas replace it. Pure.

use std::net::IpAddr;
use std::path::Path;

use hostnet::Route;
use ipnet::IpNet;

use super::super::device_templates::DEVICE;
use super::super::dialect::{DroppedSetting, ParsedSettings, RefusedSetting, StaticAddress};
use super::super::nic::Nic;
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

/// What happens to an option.
enum Takeover {
    /// Our stanzas generate it, from the tables or the current state.
    Generated,
    /// It belongs to the interface itself.
    Keep,
    /// It moves to the device with the addresses.
    Move,
    /// The network would change without it. Advice to the administrator.
    Refuse(&'static str),
}

/// Adds the settings of a stanza. `is_template`: another stanza inherits it.
pub(super) fn add(
    parsed: &mut ParsedSettings,
    stanza: &Stanza<'_>,
    file: &Path,
    nic: &Nic,
    is_template: bool,
) {
    parsed.dhcp |= !is_template && (stanza.family, stanza.method) == ("inet", "dhcp");
    // our stanzas begin with IPv4: automatic IPv6 is a separate stanza
    let is_own_stanza = stanza.family == "inet6" && matches!(stanza.method, "auto" | "dhcp");
    let is_second = stanza.family == "inet6" && stanza.method == "static";
    parsed.addresses.extend(address(stanza, file));
    let mut moved = Vec::new();
    for option in &stanza.options {
        let line = option.words.join(" ");
        match option.words.as_slice() {
            ["dns-nameservers" | "dns-nameserver", servers @ ..] => parsed.dns.extend(owned(servers)),
            ["dns-search", domains @ ..] => parsed.search.extend(owned(domains)),
            words => match takeover(words, nic) {
                Takeover::Generated => parsed.routes.extend(command(words).and_then(route)),
                Takeover::Keep => parsed.kept.push(line),
                // our stanza of a further address has the address only
                Takeover::Move if is_second && command(words).is_none() => {
                    parsed.dropped.push(lost(option, file));
                }
                Takeover::Move => moved.push(line),
                Takeover::Refuse(advice) => parsed.refused.push(refused(option, file, nic, advice)),
            },
        }
    }
    if is_own_stanza {
        parsed.moved.push(format!("iface {DEVICE} inet6 {}", stanza.method));
        parsed.moved.extend(moved.into_iter().map(|line| format!("    {line}")));
    } else {
        // before a separate stanza, which would otherwise include them
        parsed.moved.splice(0..0, moved);
    }
}

/// Parses `address` with its prefix or with `netmask`.
fn address(stanza: &Stanza<'_>, file: &Path) -> Option<StaticAddress> {
    let option = |keyword: &str| stanza.options.iter().find(|option| option.words.first() == Some(&keyword));
    let found = option("address").filter(|_| stanza.method == "static")?;
    let word = found.words.get(1)?;
    let address = match word.parse::<IpNet>() {
        Ok(address) => address,
        Err(_) => with_mask(word.parse().ok()?, option("netmask")?.words.get(1)?)?,
    };
    Some(StaticAddress { address, location: lost(found, file) })
}

/// The mask is dotted, or a prefix length.
fn with_mask(address: IpAddr, mask: &str) -> Option<IpNet> {
    let length = mask.parse().ok().or_else(|| ipnet::ip_mask_to_prefix(mask.parse().ok()?).ok())?;
    IpNet::new(address, length).ok()
}

fn lost(option: &Opt<'_>, file: &Path) -> DroppedSetting {
    DroppedSetting { file: file.to_owned(), line: option.line, setting: option.words.join(" ") }
}

pub(super) fn refused(option: &Opt<'_>, file: &Path, nic: &Nic, advice: &'static str) -> RefusedSetting {
    RefusedSetting {
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

fn takeover(words: &[&str], nic: &Nic) -> Takeover {
    let Some(keyword) = words.first() else { return Takeover::Generated };
    if let Some(command) = command(words) {
        return of_command(command, nic);
    }
    let dashed = keyword.replace('_', "-");
    match dashed.as_str() {
        key if key.starts_with("bridge-v") => Takeover::Refuse(
            "VLANs of a bridge are not in the tables: use an Open vSwitch bridge (nictypes=bridge_ovs), or remove the line",
        ),
        key if ["bridge-", "bond-", "ovs-"].iter().any(|begin| key.starts_with(begin)) => Takeover::Generated,
        _ if TAKEN.contains(keyword) => Takeover::Generated,
        "hwaddress" | "media" => Takeover::Keep,
        key if OF_NIC.iter().any(|begin| key.starts_with(begin)) => Takeover::Keep,
        _ => Takeover::Move,
    }
}

/// Prefixes of options of Debian's packages that belong to the NIC itself: ethtool, wpasupplicant, ifupdown2.
const OF_NIC: [&str; 7] =
    ["ethernet-", "offload-", "link-", "hardware-", "ethtool-", "wpa-", "driver-message-level"];

/// The command of a hook.
fn command<'a, 'b>(words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    match words {
        ["pre-up" | "up" | "post-up" | "pre-down" | "down" | "post-down", command @ ..] => Some(command),
        _ => None,
    }
}

fn of_command(command: &[&str], nic: &Nic) -> Takeover {
    let program = command.first().map(|program| program.rsplit('/').next().unwrap_or_default());
    let named = |word: &&str| {
        let parts = word.split(|c: char| !(c.is_ascii_alphanumeric() || "$_.-{}".contains(c)));
        parts.map(|part| part.trim_matches(['{', '}'])).any(|part| {
            part == nic.name.as_str() || matches!(part, "$IFACE" | "${IFACE" | "$LOGICAL" | "${LOGICAL")
        })
    };
    match program {
        Some("ip" | "route") if is_route(command) => Takeover::Generated,
        _ if !command.iter().any(named) => Takeover::Move,
        Some("ethtool" | "ifup" | "ifdown" | "vconfig") => Takeover::Keep,
        Some("ip") if matches!(command.get(1), Some(&"link")) => Takeover::Keep,
        _ => Takeover::Refuse(
            "move it to a script in /etc/network/if-up.d that names the new device, or remove it",
        ),
    }
}

/// A route of the main table: the kernel has it, and the change moves it.
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

/// Parses `ip route add DESTINATION via GATEWAY [metric METRIC]`, or `route add -net NET netmask MASK gw
/// GATEWAY` of net-tools; `None` for other commands.
fn route(command: &[&str]) -> Option<Route> {
    let (destination, rest) = match command {
        [_, "route", "add" | "replace" | "append", destination, rest @ ..] => {
            (destination.parse().ok()?, rest)
        }
        [_, "add", "-net" | "-host" | "-4", rest @ ..] | [_, "add", "-A", "inet" | "inet6", rest @ ..] => {
            (net(rest)?, rest)
        }
        _ => return None,
    };
    let after = |keys: [&str; 2]| {
        let at = rest.iter().position(|word| keys.contains(word))?;
        rest.get(at + 1)
    };
    let gateway = after(["via", "gw"]).and_then(|gateway| gateway.parse().ok());
    let metric = after(["metric", "metric"]).and_then(|metric| metric.parse().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}

/// Parses `10.0.0.0/8` or `10.0.0.0 netmask 255.0.0.0` (route(8)); without a mask it is a host.
fn net(words: &[&str]) -> Option<IpNet> {
    let first = words.first()?;
    if let Ok(net) = first.parse() {
        return Some(net);
    }
    let address: IpAddr = first.parse().ok()?;
    let mask = words.iter().position(|word| *word == "netmask").and_then(|at| words.get(at + 1));
    mask.map_or(Some(IpNet::from(address)), |mask| with_mask(address, mask))
}
