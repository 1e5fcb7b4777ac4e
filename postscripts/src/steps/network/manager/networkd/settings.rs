//! Settings of a `.network` file, and what happens to each when our file replaces it. Pure.

use std::net::IpAddr;

use hostnet::Route;

use super::super::dialect::{ParsedSettings, StaticAddress};
use super::super::ini::{Ini, Setting, value, words};
use super::super::nic::Nic;
use super::super::takeover::{self, Takeover, Writing, line};

const WRITING: Writing = Writing { moved: line, named: line };

pub(super) fn parsed(ini: &Ini<'_>, nic: &Nic) -> ParsedSettings {
    let mut parsed = ParsedSettings {
        exact: ini.list("Match", "Name").iter().all(|word| nic.names().any(|name| name == *word)),
        dhcp: ini.get("Network", "DHCP").is_some_and(is_v4),
        dns: words(&ini.values("Network", "DNS")),
        search: words(&ini.values("Network", "Domains")),
        routes: ini.sections("Route").filter(|pairs| is_simple(pairs)).filter_map(read_route).collect(),
        ..ParsedSettings::default()
    };
    parsed.addresses.extend(ini.all().filter_map(|setting| address(&setting)));
    for group in ini.groups() {
        let is_simple_route =
            group.first().is_some_and(|first| first.section == "Route") && is_simple_group(&group);
        takeover::add(&mut parsed, &group, (nic, &WRITING), |setting| takeover(setting, is_simple_route));
    }
    parsed
}

fn address(setting: &Setting<'_>) -> Option<StaticAddress> {
    let is_address = setting.key == "Address" && matches!(setting.section, "Network" | "Address");
    let address = setting.value.parse().ok().filter(|_| is_address)?;
    Some(StaticAddress { address, location: takeover::lost(setting, &WRITING) })
}

/// Whether the value includes IPv4.
fn is_v4(dhcp: &str) -> bool {
    matches!(dhcp, "yes" | "true" | "on" | "1" | "both" | "ipv4" | "v4")
}

fn takeover(setting: &Setting<'_>, is_simple_route: bool) -> Takeover {
    match (setting.section, setting.key) {
        ("Match", _) | ("Network", "Description") => Takeover::Generated,
        ("Network", key) => of_network(key, setting.value),
        ("Link", "MTUBytes" | "RequiredForOnline" | "RequiredFamilyForOnline" | "ActivationPolicy") => {
            Takeover::Generated
        }
        ("Link", "Unmanaged") => Takeover::Drop,
        ("Link" | "SR-IOV" | "CAN" | "IPoIB" | "Bridge" | "BridgeVLAN" | "BridgeFDB" | "BridgeMDB", _) => {
            Takeover::Keep
        }
        ("Address", "Address") => Takeover::Generated,
        ("Address", "Broadcast" | "Scope" | "DuplicateAddressDetection" | "AddPrefixRoute") => Takeover::Drop,
        ("Address", _) => Takeover::Drop,
        ("Route", _) if is_simple_route => Takeover::Generated,
        ("DHCPv4" | "DHCP", "ClientIdentifier") if setting.value == "mac" => Takeover::Generated,
        (section, _) if is_queue(section) => Takeover::Keep,
        _ => Takeover::Move,
    }
}

fn of_network(key: &str, value: &str) -> Takeover {
    match key {
        "Address"
        | "Gateway"
        | "DNS"
        | "Domains"
        | "LinkLocalAddressing"
        | "KeepConfiguration"
        | "ConfigureWithoutCarrier"
        | "IgnoreCarrierLoss"
        | "PrimarySlave" => Takeover::Generated,
        // ours has DHCP for IPv4
        "DHCP" if matches!(value, "yes" | "true" | "on" | "1" | "both" | "ipv6" | "v6") => Takeover::Move,
        "DHCP" | "Bridge" | "Bond" => Takeover::Generated,
        "IPv6AcceptRA" => Takeover::Generated,
        "VRF" | "BatmanAdvanced" => Takeover::Refuse("remove the interface from it, or from the tables"),
        "VLAN" | "MACVLAN" | "MACVTAP" | "IPVLAN" | "IPVTAP" | "VXLAN" | "Tunnel" | "MACsec" | "Xfrm"
        | "LLDP" | "EmitLLDP" => Takeover::Keep,
        _ => Takeover::Move,
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
