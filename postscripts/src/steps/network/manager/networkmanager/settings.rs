//! Settings of a profile, and what happens to each when our profile replaces it. Pure.

use hostnet::Route;

use super::super::dialect::{ParsedSettings, StaticAddress};
use super::super::ini::{Ini, Setting};
use super::super::nic::Nic;
use super::super::takeover::{self, Takeover, Writing, line};
use super::super::tree::File;

const WRITING: Writing = Writing { moved: renumbered, named };

pub(super) fn parsed(file: &File, nic: &Nic) -> ParsedSettings {
    let ini = Ini::of(&[file]);
    let list = |key| {
        let values = ["ipv4", "ipv6"].into_iter().filter_map(|family| ini.get(family, key));
        let words = values.flat_map(|value| value.split([';', ','])).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let mut parsed = ParsedSettings {
        exact: ini.get("connection", "interface-name").is_some() || super::matching::hardware(&ini).is_some(),
        dhcp: ini.get("ipv4", "method") == Some("auto"),
        dns: list("dns"),
        search: list("dns-search"),
        routes: ini
            .all()
            .filter(|setting| is_route(setting))
            .filter_map(|setting| read(setting.value))
            .collect(),
        ..ParsedSettings::default()
    };
    parsed.addresses.extend(ini.all().filter_map(|setting| address(&setting)));
    for mut group in ini.groups() {
        group.retain(|setting| !setting.value.is_empty());
        takeover::add(&mut parsed, &group, (nic, &WRITING), |setting| takeover(setting, &ini));
    }
    parsed
}

/// Parses `address1=ADDRESS/PREFIX[,GATEWAY]`, and `addresses=` with several of them in old files.
fn address(setting: &Setting<'_>) -> Option<StaticAddress> {
    let rest = setting.key.strip_prefix("address").filter(|_| matches!(setting.section, "ipv4" | "ipv6"))?;
    let is_address = rest.bytes().all(|digit| digit.is_ascii_digit());
    let address = setting.value.split([',', ';']).next()?.trim().parse().ok().filter(|_| is_address)?;
    Some(StaticAddress { address, location: takeover::lost(setting, &WRITING) })
}

/// Our routes are numbered from 1.
fn renumbered(setting: &Setting<'_>) -> String {
    let number =
        setting.key.strip_prefix("route").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    number.map_or_else(|| line(setting), |number| format!("route100{number}={}", setting.value))
}

fn named(setting: &Setting<'_>) -> String {
    format!("{}.{}={}", setting.section, setting.key, setting.value)
}

fn takeover(setting: &Setting<'_>, ini: &Ini<'_>) -> Takeover {
    match setting.section {
        "ipv4" | "ipv6" => of_ip(setting, ini),
        "connection" => of_connection(setting.key),
        "ethernet" | "802-3-ethernet" => match setting.key {
            "mtu" | "mac-address" | "mac-address-blacklist" | "mac-address-denylist" => Takeover::Generated,
            _ => Takeover::Keep,
        },
        "802-1x" | "ethtool" | "dcb" | "sriov" | "link" | "tc" => Takeover::Keep,
        "proxy" | "nmstate" | "match" => Takeover::Generated,
        _ => Takeover::Drop,
    }
}

fn of_connection(key: &str) -> Takeover {
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
        | "wait-device-timeout" => Takeover::Generated,
        "zone" | "dns-over-tls" | "llmnr" | "mdns" | "mptcp-flags" | "secondaries" => Takeover::Move,
        "lldp" | "auth-retries" => Takeover::Keep,
        _ => Takeover::Drop,
    }
}

fn of_ip(setting: &Setting<'_>, ini: &Ini<'_>) -> Takeover {
    let family = setting.section;
    match setting.key {
        "method" => of_method(setting),
        "gateway" | "dns" | "dns-search" => Takeover::Generated,
        key if key.starts_with("address") && key != "addr-gen-mode" => Takeover::Generated,
        // a static IPv6 key is invalid in our profile, which has the method auto
        "addr-gen-mode" if setting.value == "eui64" => Takeover::Generated,
        _ if is_route(setting) && !has_options(setting, ini) => Takeover::Generated,
        "never-default" if setting.value == "false" => Takeover::Generated,
        _ if family == "ipv6" && ini.get("ipv6", "method") == Some("disabled") => Takeover::Generated,
        _ => Takeover::Move,
    }
}

fn of_method(setting: &Setting<'_>) -> Takeover {
    match (setting.section, setting.value) {
        ("ipv6", "dhcp") => Takeover::Move,
        (_, "shared") => {
            Takeover::Refuse("share another connection, or remove the interface from the tables")
        }
        _ => Takeover::Generated,
    }
}

/// `route1=`, but not `route1_options=`.
fn is_route(setting: &Setting<'_>) -> bool {
    let number = setting.key.strip_prefix("route").unwrap_or_default();
    matches!(setting.section, "ipv4" | "ipv6")
        && !number.is_empty()
        && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether a route has options (`table=100`), so that the kernel's main table does not show it.
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
