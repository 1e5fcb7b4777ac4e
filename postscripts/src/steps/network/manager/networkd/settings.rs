//! What a `.network` file says of its interface, and what becomes of each setting when our file takes its place. Pure.

use std::net::IpAddr;

use hostnet::Route;

use super::super::dialect::{Refused, Said};
use super::super::ini::{Ini, Setting, value, words};
use super::super::nic::Nic;

/// What becomes of a setting.
enum Fate {
    /// Our files have it, from the tables or from what is there.
    Ours,
    /// It is the interface's own.
    Kept,
    /// It goes to the device that has the addresses.
    Moved,
    /// It is told.
    Lost,
    /// Without it the network would be another.
    Refused(&'static str),
}

pub(super) fn said(ini: &Ini<'_>, nic: &Nic) -> Said {
    let mut said = Said {
        exact: ini.list("Match", "Name").iter().all(|word| nic.names().any(|name| name == *word)),
        dhcp: ini.get("Network", "DHCP").is_some_and(is_v4),
        dns: words(&ini.values("Network", "DNS")),
        search: words(&ini.values("Network", "Domains")),
        routes: ini.sections("Route").filter(|pairs| is_simple(pairs)).filter_map(read_route).collect(),
        ..Said::default()
    };
    for group in ini.groups() {
        let (mut kept, mut moved) = (Vec::new(), Vec::new());
        let is_simple_route =
            group.first().is_some_and(|first| first.section == "Route") && is_simple_group(&group);
        for setting in &group {
            match fate(setting, is_simple_route) {
                Fate::Ours => {}
                Fate::Kept => kept.push(line(setting)),
                Fate::Moved => moved.push(line(setting)),
                Fate::Lost => said.lost.push(line(setting)),
                Fate::Refused(advice) => said.refused.push(refused(setting, nic, advice)),
            }
        }
        let section = group.first().map(|first| first.section).unwrap_or_default();
        said.kept.extend(headed(section, kept));
        said.moved.extend(headed(section, moved));
    }
    said
}

fn line(setting: &Setting<'_>) -> String {
    format!("{}={}", setting.key, setting.value)
}

fn headed(section: &str, lines: Vec<String>) -> impl Iterator<Item = String> {
    let head = (!lines.is_empty()).then(|| format!("[{section}]"));
    head.into_iter().chain(lines)
}

fn refused(setting: &Setting<'_>, nic: &Nic, advice: &'static str) -> Refused {
    Refused {
        file: setting.file.to_owned(),
        line: setting.line,
        setting: line(setting),
        interface: nic.name.clone(),
        advice,
    }
}

/// IPv4 is in it.
fn is_v4(dhcp: &str) -> bool {
    matches!(dhcp, "yes" | "true" | "on" | "1" | "both" | "ipv4" | "v4")
}

fn fate(setting: &Setting<'_>, is_simple_route: bool) -> Fate {
    match (setting.section, setting.key) {
        ("Match", _) | ("Network", "Description") => Fate::Ours,
        ("Network", key) => of_network(key, setting.value),
        ("Link", "MTUBytes" | "RequiredForOnline" | "RequiredFamilyForOnline" | "ActivationPolicy") => {
            Fate::Ours
        }
        ("Link", "Unmanaged") => Fate::Lost,
        ("Link" | "SR-IOV" | "CAN" | "IPoIB" | "Bridge" | "BridgeVLAN" | "BridgeFDB" | "BridgeMDB", _) => {
            Fate::Kept
        }
        ("Address", "Address") => Fate::Ours,
        ("Address", "Broadcast" | "Scope" | "DuplicateAddressDetection" | "AddPrefixRoute") => Fate::Lost,
        ("Address", _) => Fate::Lost,
        ("Route", _) if is_simple_route => Fate::Ours,
        ("DHCPv4" | "DHCP", "ClientIdentifier") if setting.value == "mac" => Fate::Ours,
        (section, _) if is_queue(section) => Fate::Kept,
        _ => Fate::Moved,
    }
}

fn of_network(key: &str, value: &str) -> Fate {
    match key {
        "Address"
        | "Gateway"
        | "DNS"
        | "Domains"
        | "LinkLocalAddressing"
        | "KeepConfiguration"
        | "ConfigureWithoutCarrier"
        | "IgnoreCarrierLoss"
        | "PrimarySlave" => Fate::Ours,
        // ours has DHCP for IPv4
        "DHCP" if matches!(value, "yes" | "true" | "on" | "1" | "both" | "ipv6" | "v6") => Fate::Moved,
        "DHCP" | "Bridge" | "Bond" => Fate::Ours,
        "IPv6AcceptRA" => Fate::Ours,
        "VRF" | "BatmanAdvanced" => {
            Fate::Refused("take the interface out of it, or leave it out of the tables")
        }
        "VLAN" | "MACVLAN" | "MACVTAP" | "IPVLAN" | "IPVTAP" | "VXLAN" | "Tunnel" | "MACsec" | "Xfrm"
        | "LLDP" | "EmitLLDP" => Fate::Kept,
        _ => Fate::Moved,
    }
}

/// Sections of traffic control (systemd.network(5)).
fn is_queue(section: &str) -> bool {
    section == "QDisc" || section.ends_with("Class") || QUEUES.contains(&section)
}

const QUEUES: [&str; 22] = [
    "NetworkEmulator",
    "TokenBucketFilter",
    "PIE",
    "FlowQueuePIE",
    "StochasticFairBlue",
    "StochasticFairnessQueueing",
    "BFIFO",
    "PFIFO",
    "PFIFOHeadDrop",
    "PFIFOFast",
    "CAKE",
    "ControlledDelay",
    "DeficitRoundRobinScheduler",
    "EnhancedTransmissionSelection",
    "GenericRandomEarlyDetection",
    "FairQueueingControlledDelay",
    "FairQueueing",
    "TrivialLinkEqualizer",
    "HierarchyTokenBucket",
    "HeavyHitterFilter",
    "QuickFairQueueing",
    "DeficitRoundRobin",
];

/// A route of the main table, which the kernel has and the change moves.
fn is_simple(pairs: &[(&str, &str)]) -> bool {
    pairs.iter().all(|(key, _)| is_simple_key(key))
}

fn is_simple_group(group: &[Setting<'_>]) -> bool {
    group.iter().all(|setting| is_simple_key(setting.key))
}

fn is_simple_key(key: &str) -> bool {
    matches!(key, "Destination" | "Gateway" | "Metric" | "Scope" | "Protocol")
}

fn read_route(pairs: &[(&str, &str)]) -> Option<Route> {
    let destination: ipnet::IpNet = value(pairs, "Destination")?.parse().ok()?;
    Some(Route {
        destination,
        gateway: value(pairs, "Gateway").and_then(|gateway| gateway.parse::<IpAddr>().ok()),
        metric: value(pairs, "Metric").and_then(|metric| metric.parse().ok()),
    })
    .filter(|route| route.destination.prefix_len() > 0)
}
