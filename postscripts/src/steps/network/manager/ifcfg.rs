//! Red Hat's network-scripts: `/etc/sysconfig/network-scripts/ifcfg-*`, `route-*`, `route6-*` (sysconfig.txt of initscripts). Open
//! vSwitch: its own `ifup-ovs` (README.RHEL of openvswitch).

use hostnet::Route;
use inventory::IfName;
use serde::Serialize;

use super::device_template::{AddressTemplate, DeviceTemplate, RouteTemplate, nics_last};
use super::dialect::{ConfigPath, Dialect, OwnFile, ParsedSettings, Remainder};
use super::nic::Nic;
use super::sysconfig::{self, Variables, get, is_of, variables};
use super::tree::{File, Tree};
use crate::render::{RenderError, Templates};

pub(super) const DIRECTORY: &str = "/etc/sysconfig/network-scripts";
const PREFIXES: [&str; 5] = ["ifcfg-", "route-", "route6-", "rule-", "rule6-"];
/// Suffixes of copies by editors and package managers, which the scripts do not read (network-functions,
/// `__sed_discard_ignored_files`).
pub(super) const COPIES: &[&str] = &[".bak", ".old", ".orig", ".rpmnew", ".rpmorig", ".rpmsave", "~"];

const VARIABLES: Variables = Variables { ours: &TAKEN, of_nic: &OF_NIC };
/// Prefixes of the variables that belong to the NIC itself.
const OF_NIC: [&str; 9] = [
    "ETHTOOL_OPTS",
    "IEEE_8021X",
    "KEY_MGMT",
    "SUBCHANNELS",
    "LAYER2",
    "NETTYPE",
    "PORTNAME",
    "OPTIONS",
    "DCB",
];

/// Prefixes of the variables that our files have too, or that only name the device.
const TAKEN: [&str; 36] = [
    "DEVICE",
    "NAME",
    "UUID",
    "TYPE",
    "ONBOOT",
    "BOOTPROTO",
    "OVSBOOTPROTO",
    "IPADDR",
    "PREFIX",
    "NETMASK",
    "NETWORK",
    "BROADCAST",
    "GATEWAY",
    "IPV6INIT",
    "IPV6ADDR",
    "IPV6_DEFAULTGW",
    "IPV6_AUTOCONF",
    "IPV6_ADDR_GEN_MODE",
    "MTU",
    "HWADDR",
    "MACADDR",
    "DNS",
    "DOMAIN",
    "BRIDGE",
    "STP",
    "DELAY",
    "MASTER",
    "SLAVE",
    "BONDING_",
    "VLAN",
    "PHYSDEV",
    "NM_CONTROLLED",
    "DEFROUTE",
    "OVS_",
    "HOTPLUG",
    "PROXY_METHOD",
];

/// network-scripts.
pub(super) struct Ifcfg;

#[derive(Serialize)]
struct Values<'a> {
    device: &'a DeviceTemplate,
    /// Options of a bond: `mode=802.3ad miimon=100`.
    options: String,
    v4: Vec<&'a AddressTemplate>,
    v6: Vec<&'a AddressTemplate>,
    params: Vec<(&'a str, String)>,
    /// The routes of the file's address family.
    routes: Vec<&'a RouteTemplate>,
}

impl Dialect for Ifcfg {
    fn config_paths(&self) -> &'static [ConfigPath] {
        const { &[ConfigPath { prefixes: &PREFIXES, ignored: COPIES, ..ConfigPath::all(DIRECTORY) }] }
    }

    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings> {
        sysconfig::parsed(file, nic, &PREFIXES, &VARIABLES, read_route)
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let variables = variables(&file.text);
        let of = ["BRIDGE", "OVS_BRIDGE"].into_iter().find_map(|key| get(&variables, key))?;
        get(&variables, "DEVICE").filter(|_| of == bridge.as_str())?.parse().ok()
    }

    fn without_devices(&self, _: &Tree, file: &File, devices: &[Nic]) -> Remainder {
        if is_of(file, &PREFIXES, devices) { Remainder::Empty } else { Remainder::Unchanged }
    }

    fn own_files(
        &self,
        _: &Tree,
        views: &[DeviceTemplate],
        templates: &Templates,
    ) -> Result<Vec<OwnFile>, RenderError> {
        let mut files = Vec::new();
        for view in nics_last(views) {
            for (prefix, family) in [("route-", 4), ("route6-", 6)] {
                let routes: Vec<_> = view.routes.iter().filter(|route| route.family == family).collect();
                if !routes.is_empty() {
                    files.push(file(templates, prefix, "route-device", &values(view, routes))?);
                }
            }
            let values = values(view, Vec::new());
            files.push(file(templates, "ifcfg-", "ifcfg-device", &values)?);
        }
        Ok(files)
    }
}

fn values<'a>(view: &'a DeviceTemplate, routes: Vec<&'a RouteTemplate>) -> Values<'a> {
    let of = |family| view.addresses.iter().filter(move |address| address.family == family).collect();
    Values {
        device: view,
        options: sysconfig::options(view),
        v4: of(4),
        v6: of(6),
        params: sysconfig::params(view),
        routes,
    }
}

fn file(
    templates: &Templates,
    prefix: &str,
    template: &str,
    values: &Values<'_>,
) -> Result<OwnFile, RenderError> {
    let text = templates.render(&format!("etc/sysconfig/network-scripts/{template}"), values)?;
    Ok(OwnFile::public(format!("{DIRECTORY}/{prefix}{}", values.device.name), text))
}

/// Parses `DESTINATION via GATEWAY dev DEVICE metric METRIC`, the syntax of `ip route`.
fn read_route(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after =
        |key: &str| words.iter().position(|word| *word == key).and_then(|at| words.get(at + 1)).copied();
    sysconfig::route(words.first()?, after("via"), after("metric"))
}

/// Whether NetworkManager, if it runs, manages the device: yes, unless `NM_CONTROLLED=no`
/// (nm-settings-ifcfg-rh(5)).
pub(super) fn is_networkmanagers(text: &str) -> bool {
    get(&variables(text), "NM_CONTROLLED")
        .is_none_or(|value| !matches!(value.to_ascii_lowercase().as_str(), "no" | "n" | "0" | "false"))
}
