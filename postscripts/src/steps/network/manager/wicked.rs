//! wicked (SLES, openSUSE): `/etc/sysconfig/network/ifcfg-*` and `ifroute-*` (ifcfg(5), ifroute(5),
//! ifcfg-bridge(5), ifcfg-bonding(5), ifcfg-vlan(5), ifcfg-ovs-bridge(5)).

use hostnet::Route;
use inventory::IfName;
use serde::Serialize;

use super::device_template::{DeviceTemplate, nics_last};
use super::dialect::{ConfigPath, Dialect, OwnFile, ParsedSettings, Remainder};
use super::nic::Nic;
use super::sysconfig::{self, Variables, device_of, get, is_of, variables};
use super::tree::{File, Tree};
use crate::render::{RenderError, Templates};

const DIRECTORY: &str = "/etc/sysconfig/network";
const PREFIXES: [&str; 3] = ["ifcfg-", "ifroute-", "ifrule-"];

const VARIABLES: Variables = Variables { ours: &TAKEN, of_nic: &["ETHTOOL", "LLDP", "DCB"] };

/// Suffixes that wicked does not read (`ni_wicked_ignored`).
const COPIES: &[&str] = &["~", ".old", ".bak", ".orig", ".scpmbackup", ".rpmnew", ".rpmsave", ".rpmorig"];

const TAKEN: [&str; 24] = [
    "DEVICE",
    "NAME",
    "STARTMODE",
    "BOOTPROTO",
    "IPADDR",
    "PREFIXLEN",
    "NETMASK",
    "BROADCAST",
    "NETWORK",
    "LABEL",
    "MTU",
    "LLADDR",
    "BRIDGE",
    "BONDING_",
    "ETHERDEVICE",
    "VLAN_ID",
    "OVS_BRIDGE",
    "ZONE",
    "USERCONTROL",
    "ETHTOOL_OPTIONS=",
    "REMOTE_IPADDR=",
    "INTERFACETYPE",
    "DHCLIENT_SET_DEFAULT_ROUTE",
    "NM_CONTROLLED",
];

/// wicked.
pub(super) struct Wicked;

#[derive(Serialize)]
struct Values<'a> {
    device: &'a DeviceTemplate,
    /// Options of a bond: `mode=802.3ad miimon=100`.
    options: String,
    params: Vec<(&'a str, String)>,
}

impl Dialect for Wicked {
    fn config_paths(&self) -> &'static [ConfigPath] {
        const { &[ConfigPath { prefixes: &PREFIXES, ignored: COPIES, ..ConfigPath::all(DIRECTORY) }] }
    }

    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings> {
        sysconfig::parsed(file, nic, &PREFIXES, &VARIABLES, read_route)
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let variables = variables(&file.text);
        let port =
            ["BRIDGE_PORTS", "OVS_BRIDGE_PORT_DEVICE_0"].into_iter().find_map(|key| get(&variables, key))?;
        (device_of(file, &PREFIXES)? == bridge.as_str()).then(|| port.parse().ok())?
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
            if !view.routes.is_empty() || view.gateway4.is_some() || view.gateway6.is_some() {
                files.push(file(templates, "ifroute", view)?);
            }
            files.push(file(templates, "ifcfg", view)?);
        }
        Ok(files)
    }
}

fn file(templates: &Templates, kind: &str, view: &DeviceTemplate) -> Result<OwnFile, RenderError> {
    let values = Values { device: view, options: sysconfig::options(view), params: sysconfig::params(view) };
    let text = templates.render(&format!("etc/sysconfig/network/{kind}-device"), &values)?;
    Ok(OwnFile::public(format!("{DIRECTORY}/{kind}-{}", view.name), text))
}

/// Parses `DESTINATION GATEWAY NETMASK INTERFACE [OPTIONS]`, with `-` for parts that do not apply.
fn read_route(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let metric = words.iter().position(|word| *word == "metric").and_then(|at| words.get(at + 1));
    sysconfig::route(words.first()?, words.get(1).copied().filter(|gateway| *gateway != "-"), metric.copied())
}
