//! systemd-networkd: systemd.network(5), systemd.netdev(5).
//!
//! Of all files that match an interface the first by name holds, and none of the others: ours begin with `00-`. Open vSwitch is
//! nothing that networkd knows: its own database keeps the bridge, and networkd only gives the internal port its addresses when
//! it appears.

use std::net::IpAddr;

use hostnet::Route;
use inventory::IfName;
use serde::Serialize;

use super::dialect::{Dialect, Freed, Own, Place, Said, file_name};
use super::ini::{Ini, value, words};
use super::tree::{File, Tree};
use super::view::{View, nics_last};
use crate::render::{RenderError, Templates};

const DIRECTORY: &str = "/etc/systemd/network";

/// systemd-networkd.
pub(super) struct Networkd;

#[derive(Serialize)]
struct Values<'a> {
    device: &'a View,
    /// Of a bond: key and value of its section.
    bond: Vec<(&'static str, String)>,
    /// Whether it is the port that its bond shall prefer.
    primary: bool,
}

impl Dialect for Networkd {
    fn places(&self) -> &'static [Place] {
        const SUFFIXES: &[&str] = &[".network", ".netdev"];
        &[
            Place { path: DIRECTORY, prefixes: &[], suffixes: SUFFIXES },
            Place { path: "/run/systemd/network", prefixes: &[], suffixes: SUFFIXES },
        ]
    }

    fn said(&self, file: &File, device: &IfName) -> Option<Said> {
        let ini = Ini::parse(&file.text);
        if is_netdev(file) {
            let named = ini.get("NetDev", "Name") == Some(device.as_str());
            return named.then(|| Said { exact: true, ..Said::default() });
        }
        let patterns = words(&ini.values("Match", "Name"));
        let exact = patterns.iter().any(|pattern| pattern == device.as_str());
        if !exact && !patterns.iter().any(|pattern| is_like(device.as_str(), pattern)) {
            return None;
        }
        Some(Said {
            exact,
            dhcp: ini
                .get("Network", "DHCP")
                .is_some_and(|dhcp| matches!(dhcp, "yes" | "true" | "both" | "ipv4" | "v4")),
            dns: words(&ini.values("Network", "DNS")),
            search: words(&ini.values("Network", "Domains")),
            routes: ini.sections("Route").filter_map(read_route).collect(),
            lost: lost(&ini),
        })
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let ini = Ini::parse(&file.text);
        // an Open vSwitch bridge stands in the comment that the template has for a person and for this
        let of_ovs = format!("# Port of the Open vSwitch bridge {bridge}.");
        let is_port = ini.get("Network", "Bridge") == Some(bridge.as_str())
            || file.text.lines().any(|line| line == of_ovs);
        ini.get("Match", "Name").filter(|_| is_port)?.parse().ok()
    }

    fn freed(&self, file: &File, devices: &[&IfName]) -> Freed {
        let ini = Ini::parse(&file.text);
        let ours = |name: &str| devices.iter().any(|device| device.as_str() == name);
        if is_netdev(file) {
            return if ini.get("NetDev", "Name").is_some_and(ours) { Freed::Gone } else { Freed::Same };
        }
        let names = words(&ini.values("Match", "Name"));
        if !names.iter().any(|name| ours(name)) {
            return Freed::Same;
        }
        let left: Vec<&str> = names.iter().map(String::as_str).filter(|name| !ours(name)).collect();
        if left.is_empty() { Freed::Gone } else { Freed::Text(with_names(&file.text, &left.join(" "))) }
    }

    fn own(&self, _: &Tree, views: &[View], templates: &Templates) -> Result<Vec<Own>, RenderError> {
        let mut files = Vec::new();
        for view in nics_last(views) {
            let values = Values { device: view, bond: bond(view), primary: is_primary(view, views) };
            files.push(rendered(templates, &values, "network")?);
            if matches!(view.kind, "bond" | "vlan" | "bridge") {
                files.push(rendered(templates, &values, "netdev")?);
            }
        }
        Ok(files)
    }
}

fn rendered(templates: &Templates, values: &Values<'_>, suffix: &str) -> Result<Own, RenderError> {
    let text = templates.render(&format!("etc/systemd/network/00-xdock-device.{suffix}"), values)?;
    Ok(Own::open(format!("{DIRECTORY}/00-xdock-{}.{suffix}", values.device.name), text))
}

fn is_netdev(file: &File) -> bool {
    file_name(&file.path).ends_with(".netdev")
}

/// What the kernel's bonding driver calls it, and what systemd.netdev(5) does; the last is the unit of a time.
const BOND: [(&str, &str, &str); 13] = [
    ("mode", "Mode", ""),
    ("miimon", "MIIMonitorSec", "ms"),
    ("updelay", "UpDelaySec", "ms"),
    ("downdelay", "DownDelaySec", "ms"),
    ("lacp_rate", "LACPTransmitRate", ""),
    ("xmit_hash_policy", "TransmitHashPolicy", ""),
    ("ad_select", "AdSelect", ""),
    ("primary_reselect", "PrimaryReselectPolicy", ""),
    ("fail_over_mac", "FailOverMACPolicy", ""),
    ("arp_interval", "ARPIntervalSec", "ms"),
    ("arp_ip_target", "ARPIPTargets", ""),
    ("min_links", "MinLinks", ""),
    ("num_grat_arp", "GratuitousARP", ""),
];

fn bond(view: &View) -> Vec<(&'static str, String)> {
    let told = |(key, value): &(String, String)| {
        let (_, name, unit) = BOND.iter().find(|(known, _, _)| known == key)?;
        let value = if key == "arp_ip_target" { value.replace(',', " ") } else { value.clone() };
        Some((*name, format!("{value}{unit}")))
    };
    view.options.iter().filter_map(told).collect()
}

fn is_primary(view: &View, views: &[View]) -> bool {
    let master = view.master.as_ref().and_then(|master| views.iter().find(|view| view.name == master.name));
    let options = master.map(|master| master.options.as_slice()).unwrap_or_default();
    options.iter().any(|(key, value)| key == "primary" && *value == view.name)
}

fn read_route(pairs: &[(&str, &str)]) -> Option<Route> {
    Some(Route {
        destination: value(pairs, "Destination")?.parse().ok()?,
        gateway: value(pairs, "Gateway").and_then(|gateway| gateway.parse::<IpAddr>().ok()),
        metric: value(pairs, "Metric").and_then(|metric| metric.parse().ok()),
    })
}

/// Settings that ours have too, or that only say which interface it is.
fn lost(ini: &Ini<'_>) -> Vec<String> {
    let taken = |section: &str, key: &str| {
        matches!(
            (section, key),
            ("Match", _)
                | ("Address", "Address")
                | ("Route", "Gateway")
                | ("Link", "MTUBytes" | "RequiredForOnline")
                | (
                    "Network",
                    "Address"
                        | "Gateway"
                        | "DHCP"
                        | "DNS"
                        | "Domains"
                        | "Bridge"
                        | "Bond"
                        | "VLAN"
                        | "LinkLocalAddressing"
                        | "IPv6AcceptRA"
                )
        )
    };
    ini.all()
        .filter(|(section, key, _)| !taken(section, key))
        .map(|(_, key, value)| format!("{key}={value}"))
        .collect()
}

/// The file with other names in its `[Match]`.
fn with_names(text: &str, names: &str) -> String {
    let mut written = false;
    let line = |line: &str| {
        let is_names =
            line.trim_start().strip_prefix("Name").is_some_and(|rest| rest.trim_start().starts_with('='));
        match (is_names, written) {
            (false, _) => line.to_owned(),
            (true, true) => String::new(),
            (true, false) => {
                written = true;
                format!("Name={names}\n")
            }
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Shell patterns of `*` and `?`.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match (pattern_chars.next(), name.chars().next()) {
        (None, first) => first.is_none(),
        (Some('*'), first) => {
            is_like(name, pattern_chars.as_str())
                || first.is_some_and(|first| is_like(name.split_at(first.len_utf8()).1, pattern))
        }
        (Some('?'), Some(first)) => is_like(name.split_at(first.len_utf8()).1, pattern_chars.as_str()),
        (Some(one), Some(first)) => {
            one == first && is_like(name.split_at(first.len_utf8()).1, pattern_chars.as_str())
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (name, pattern) in
            [("eth0", "eth*"), ("eth0", "*"), ("eth0", "e?h0"), ("eth0", "eth0"), ("ens1f0", "en*f*")]
        {
            assert!(is_like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [("eth0", "en*"), ("eth0", "eth"), ("eth", "eth?"), ("eth0", "")] {
            assert!(!is_like(name, pattern), "{name} {pattern}");
        }
    }
}
