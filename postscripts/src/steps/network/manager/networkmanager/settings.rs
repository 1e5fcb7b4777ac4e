//! What a profile says of its interface, and what becomes of each setting when ours takes its place. Pure.

use hostnet::Route;

use super::super::dialect::{Said, Static};
use super::super::fate::{self, Fate, Writing, line};
use super::super::ini::{Ini, Setting};
use super::super::nic::Nic;
use super::super::tree::File;

const WRITING: Writing = Writing { moved: renumbered, named };

pub(super) fn said(file: &File, nic: &Nic) -> Said {
    let ini = Ini::of(&[file]);
    let list = |key| {
        let values = ["ipv4", "ipv6"].into_iter().filter_map(|family| ini.get(family, key));
        let words = values.flat_map(|value| value.split([';', ','])).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let mut said = Said {
        exact: ini.get("connection", "interface-name").is_some() || super::matching::hardware(&ini).is_some(),
        dhcp: ini.get("ipv4", "method") == Some("auto"),
        dns: list("dns"),
        search: list("dns-search"),
        routes: ini
            .all()
            .filter(|setting| is_route(setting))
            .filter_map(|setting| read(setting.value))
            .collect(),
        ..Said::default()
    };
    said.addresses.extend(ini.all().filter_map(|setting| address(&setting)));
    for mut group in ini.groups() {
        group.retain(|setting| !setting.value.is_empty());
        fate::add(&mut said, &group, (nic, &WRITING), |setting| fate(setting, &ini));
    }
    said
}

/// `address1=ADDRESS/PREFIX[,GATEWAY]`, and `addresses=` with several of them in old files.
fn address(setting: &Setting<'_>) -> Option<Static> {
    let rest = setting.key.strip_prefix("address").filter(|_| matches!(setting.section, "ipv4" | "ipv6"))?;
    let is_address = rest.bytes().all(|digit| digit.is_ascii_digit());
    let address = setting.value.split([',', ';']).next()?.trim().parse().ok().filter(|_| is_address)?;
    Some(Static { address, place: fate::lost(setting, &WRITING) })
}

/// Routes of ours are numbered from 1.
fn renumbered(setting: &Setting<'_>) -> String {
    let number =
        setting.key.strip_prefix("route").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    number.map_or_else(|| line(setting), |number| format!("route100{number}={}", setting.value))
}

fn named(setting: &Setting<'_>) -> String {
    format!("{}.{}={}", setting.section, setting.key, setting.value)
}

fn fate(setting: &Setting<'_>, ini: &Ini<'_>) -> Fate {
    match setting.section {
        "ipv4" | "ipv6" => of_ip(setting, ini),
        "connection" => of_connection(setting.key),
        "ethernet" | "802-3-ethernet" => match setting.key {
            "mtu" | "mac-address" | "mac-address-blacklist" | "mac-address-denylist" => Fate::Ours,
            _ => Fate::Kept,
        },
        "802-1x" | "ethtool" | "dcb" | "sriov" | "link" | "tc" => Fate::Kept,
        "proxy" | "nmstate" | "match" => Fate::Ours,
        _ => Fate::Lost,
    }
}

fn of_connection(key: &str) -> Fate {
    match key {
        "id"
        | "uuid"
        | "type"
        | "interface-name"
        | "timestamp"
        | "permissions"
        | "autoconnect"
        | "autoconnect-priority"
        | "autoconnect-retries"
        | "multi-connect"
        | "master"
        | "slave-type"
        | "controller"
        | "port-type"
        | "autoconnect-slaves"
        | "autoconnect-ports"
        | "wait-device-timeout" => Fate::Ours,
        "zone" | "dns-over-tls" | "llmnr" | "mdns" | "mptcp-flags" | "secondaries" => Fate::Moved,
        "lldp" | "auth-retries" => Fate::Kept,
        _ => Fate::Lost,
    }
}

fn of_ip(setting: &Setting<'_>, ini: &Ini<'_>) -> Fate {
    let family = setting.section;
    match setting.key {
        "method" => of_method(setting),
        "gateway" | "dns" | "dns-search" => Fate::Ours,
        key if key.starts_with("address") && key != "addr-gen-mode" => Fate::Ours,
        // a static key of IPv6 would be refused beside ours, which has the method auto
        "addr-gen-mode" if setting.value == "eui64" => Fate::Ours,
        _ if is_route(setting) && !has_options(setting, ini) => Fate::Ours,
        "never-default" if setting.value == "false" => Fate::Ours,
        _ if family == "ipv6" && ini.get("ipv6", "method") == Some("disabled") => Fate::Ours,
        _ => Fate::Moved,
    }
}

fn of_method(setting: &Setting<'_>) -> Fate {
    match (setting.section, setting.value) {
        ("ipv6", "dhcp") => Fate::Moved,
        (_, "shared") => Fate::Refused("share another connection, or leave the interface out of the tables"),
        _ => Fate::Ours,
    }
}

/// `route1=`, and not `route1_options=`.
fn is_route(setting: &Setting<'_>) -> bool {
    let number = setting.key.strip_prefix("route").unwrap_or_default();
    matches!(setting.section, "ipv4" | "ipv6")
        && !number.is_empty()
        && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// Options (`table=100`) keep a route out of what the kernel's main table shows.
fn has_options(setting: &Setting<'_>, ini: &Ini<'_>) -> bool {
    ini.get(setting.section, &format!("{}_options", setting.key)).is_some_and(|options| !options.is_empty())
}

/// `DESTINATION,GATEWAY,METRIC`
fn read(value: &str) -> Option<Route> {
    let mut parts = value.split(',');
    let destination: ipnet::IpNet = parts.next()?.parse().ok()?;
    let gateway = parts.next().and_then(|gateway| gateway.parse().ok());
    let metric = parts.next().and_then(|metric| metric.parse().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}
