//! `ifcfg-*` files: shell assignments, which Red Hat's network-scripts and wicked read. Pure.

use hostnet::Route;

use super::device_template::DeviceTemplate;
use super::dialect::{ParsedSettings, RefusedSetting, file_name};
use super::nic::Nic;
use super::tree::File;

/// Prefixes of variables that decide what happens to a variable.
pub(super) struct Variables {
    /// Variables that our files have too, or that only name the interface.
    pub(super) ours: &'static [&'static str],
    /// Variables of the NIC itself. All others move to the device with the addresses.
    pub(super) of_nic: &'static [&'static str],
}

/// The assignments, without the shell's quotes.
pub(super) fn variables(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    pairs.map(|(key, value)| (key.trim(), unquoted(value.trim()))).collect()
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.split(quote).next()) {
            return inner;
        }
    }
    value.split_whitespace().next().unwrap_or_default()
}

/// The last value of a variable; `None` if it is empty.
pub(super) fn get<'a>(variables: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    let found = variables.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value);
    found.filter(|value| !value.is_empty())
}

/// The device of a file: `DEVICE=`, else the end of its name. `ifcfg-eth0:1` is `eth0` with a label.
pub(super) fn device_of<'a>(file: &'a File, prefixes: &[&str]) -> Option<&'a str> {
    let name = file_name(&file.path);
    let after = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let parsed = if name.starts_with("ifcfg-") { get(&variables(&file.text), "DEVICE") } else { None };
    parsed.unwrap_or(after).split(':').next()
}

/// Whether a file applies to an interface: by `DEVICE=`, by the permanent MAC (`HWADDR=`), else by the end of
/// its name.
pub(super) fn applies(file: &File, prefixes: &[&str], nic: &Nic) -> bool {
    let variables = variables(&file.text);
    let is_ifcfg = file_name(&file.path).starts_with("ifcfg-");
    let hardware = get(&variables, "HWADDR").filter(|_| is_ifcfg);
    let has_address = |address: &str| nic.hardware_mac().map(|mac| address.parse() == Ok(mac));
    let is_named = device_of(file, prefixes) == Some(nic.name.as_str());
    match (get(&variables, "DEVICE").filter(|_| is_ifcfg), hardware) {
        (Some(_), Some(address)) => is_named && has_address(address) != Some(false),
        (None, Some(address)) => has_address(address).unwrap_or(is_named),
        (_, None) => is_named,
    }
}

/// Settings of an interface in a file; `None` if it belongs to another one. A file other than `ifcfg` has one
/// route or rule per line.
pub(super) fn parsed(
    file: &File,
    nic: &Nic,
    prefixes: &[&str],
    known: &Variables,
    route: fn(&str) -> Option<Route>,
) -> Option<ParsedSettings> {
    if !applies(file, prefixes, nic) {
        return None;
    }
    let name = file_name(&file.path);
    if name.starts_with("ifcfg-") {
        return Some(parse_variables(&file.text, known));
    }
    let mut parsed = ParsedSettings { exact: true, ..ParsedSettings::default() };
    for (number, line) in file.text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if name.starts_with("rule") || has_table(line) {
            parsed.refused.push(RefusedSetting {
                file: file.path.clone(),
                line: number + 1,
                setting: line.to_owned(),
                interface: nic.name.clone(),
                advice: "rules and routes of further tables are no part of the tables' network: add them in a unit of their own, and remove them here",
            });
        } else {
            parsed.routes.extend(route(line));
        }
    }
    Some(parsed)
}

/// Whether a route is in another table than the main one.
fn has_table(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| *word != "table").skip(1);
    words.next().is_some_and(|table| !matches!(table, "main" | "254"))
}

fn parse_variables(text: &str, known: &Variables) -> ParsedSettings {
    let variables = variables(text);
    let protocol =
        get(&variables, "OVSBOOTPROTO").or_else(|| get(&variables, "BOOTPROTO")).unwrap_or_default();
    let dns = variables.iter().filter(|(key, value)| is_numbered(key, "DNS") && !value.is_empty());
    let begins = |key: &str, list: &[&str]| list.iter().any(|begin| key.starts_with(begin));
    let rest = variables.iter().filter(|(key, value)| !value.is_empty() && !begins(key, known.ours));
    let (kept, moved): (Vec<_>, Vec<_>) = rest.partition(|(key, _)| begins(key, known.of_nic));
    let lines = |list: Vec<&(&str, &str)>| list.iter().map(|(key, value)| assignment(key, value)).collect();
    ParsedSettings {
        exact: true,
        dhcp: protocol.starts_with("dhcp") || protocol == "bootp",
        dns: dns.map(|(_, value)| (*value).to_owned()).collect(),
        search: get(&variables, "DOMAIN")
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect(),
        kept: lines(kept),
        moved: lines(moved),
        ..ParsedSettings::default()
    }
}

/// In the shell's syntax.
fn assignment(key: &str, value: &str) -> String {
    format!("{key}='{}'", value.replace('\'', "'\\''"))
}

/// `DNS1`, `DNS2`, ...
fn is_numbered(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a file belongs to one of the devices.
pub(super) fn is_of(file: &File, prefixes: &[&str], devices: &[Nic]) -> bool {
    devices.iter().any(|device| applies(file, prefixes, device))
}

/// Options of a bond: `mode=802.3ad miimon=100`.
pub(super) fn options(view: &DeviceTemplate) -> String {
    view.options.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// A route from its destination, gateway and metric.
pub(super) fn route(destination: &str, gateway: Option<&str>, metric: Option<&str>) -> Option<Route> {
    let destination: ipnet::IpNet = destination.parse().ok()?;
    let gateway = gateway.and_then(|gateway| gateway.parse().ok());
    let metric = metric.and_then(|metric| metric.parse().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}

/// `nicextraparams` as assignments. xCAT writes them verbatim (`configeth`), and a shell reads them as root.
pub(super) fn params(view: &DeviceTemplate) -> Vec<(&str, String)> {
    let is_name = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let pairs = view.params.iter().filter(|(key, _)| is_name(key));
    pairs
        .map(|(key, value)| (key.as_str(), format!("'{}'", unquoted(value).replace('\'', "'\\''"))))
        .collect()
}
