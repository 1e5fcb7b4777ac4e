//! `ifcfg-*` files: shell assignments, which both Red Hat's network-scripts and wicked read. Pure.

use hostnet::Route;
use inventory::IfName;

use super::dialect::{Said, file_name};
use super::tree::File;
use super::view::View;

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

/// The last value of a variable; empty is none.
pub(super) fn get<'a>(variables: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    let found = variables.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value);
    found.filter(|value| !value.is_empty())
}

/// The device of a file: what it says (`DEVICE=`), else the end of its name. `ifcfg-eth0:1` is `eth0` with a label.
pub(super) fn device_of<'a>(file: &'a File, prefixes: &[&str]) -> Option<&'a str> {
    let name = file_name(&file.path);
    let after = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let said = if name.starts_with("ifcfg-") { get(&variables(&file.text), "DEVICE") } else { None };
    said.unwrap_or(after).split(':').next()
}

/// What a file says of a device; `None`: it is another's. A file that is no `ifcfg` has a route a line. `taken`: beginnings of
/// the variables that ours have too.
pub(super) fn said(
    file: &File,
    device: &IfName,
    prefixes: &[&str],
    taken: &[&str],
    route: fn(&str) -> Option<Route>,
) -> Option<Said> {
    if device_of(file, prefixes)? != device.as_str() {
        return None;
    }
    if file_name(&file.path).starts_with("ifcfg-") {
        return Some(said_in_variables(&file.text, taken));
    }
    let lines = file.text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(Said { exact: true, routes: lines.filter_map(route).collect(), ..Said::default() })
}

fn said_in_variables(text: &str, taken: &[&str]) -> Said {
    let variables = variables(text);
    let protocol =
        get(&variables, "OVSBOOTPROTO").or_else(|| get(&variables, "BOOTPROTO")).unwrap_or_default();
    let dns = variables.iter().filter(|(key, value)| is_numbered(key, "DNS") && !value.is_empty());
    let lost = variables
        .iter()
        .filter(|(key, value)| !value.is_empty() && !taken.iter().any(|begin| key.starts_with(begin)));
    Said {
        exact: true,
        dhcp: protocol.starts_with("dhcp") || protocol == "bootp",
        dns: dns.map(|(_, value)| (*value).to_owned()).collect(),
        search: get(&variables, "DOMAIN")
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect(),
        routes: Vec::new(),
        lost: lost.map(|(key, value)| format!("{key}={value}")).collect(),
    }
}

/// `DNS1`, `DNS2`, ...
fn is_numbered(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a file is of one of the devices.
pub(super) fn is_of(file: &File, prefixes: &[&str], devices: &[&IfName]) -> bool {
    let device = device_of(file, prefixes);
    device.is_some_and(|device| devices.iter().any(|known| known.as_str() == device))
}

/// Of a bond: `mode=802.3ad miimon=100`.
pub(super) fn options(view: &View) -> String {
    view.options.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// A route's destination, gateway and metric from their words.
pub(super) fn route(destination: &str, gateway: Option<&str>, metric: Option<&str>) -> Option<Route> {
    let destination: ipnet::IpNet = destination.parse().ok()?;
    let gateway = gateway.and_then(|gateway| gateway.parse().ok());
    let metric = metric.and_then(|metric| metric.parse().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}

/// `nicextraparams` as assignments: xCAT writes them there as they are (`configeth`), and a shell reads them as root.
pub(super) fn params(view: &View) -> Vec<(&str, String)> {
    let is_name = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let pairs = view.params.iter().filter(|(key, _)| is_name(key));
    pairs
        .map(|(key, value)| (key.as_str(), format!("'{}'", unquoted(value).replace('\'', "'\\''"))))
        .collect()
}
