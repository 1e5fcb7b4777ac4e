//! NetworkManager: key files (nm-settings-keyfile(5)); on Red Hat's up to 9 also ifcfg files, which its plugin reads.
//!
//! Of all profiles of an interface it starts the one with the highest `autoconnect-priority`: ours have one. Open vSwitch is done by a plugin
//! that not every distribution has (Debian has not): without it, our profiles only bring up what is below the bridge, and the
//! bridge's internal port is left to Open vSwitch's database and to us (see `dropins.rs`).

use hostnet::Route;
use inventory::IfName;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::dialect::{Dialect, Freed, Own, Place, Said};
use super::ini::Ini;
use super::tree::{File, Tree};
use super::view::{View, nics_last};
use super::{Manager, ifcfg};
use crate::render::{RenderError, Templates};

const DIRECTORY: &str = "/etc/NetworkManager/system-connections";

/// NetworkManager.
pub(super) struct NetworkManager;

#[derive(Serialize)]
struct Values<'a> {
    device: &'a View,
    id: String,
    uuid: String,
    /// The profile that it is a port of: name or UUID, and kind.
    master: Option<(String, &'static str)>,
}

impl Dialect for NetworkManager {
    fn places(&self) -> &'static [Place] {
        &[
            Place { path: DIRECTORY, prefixes: &[], suffixes: &[] },
            Place {
                path: "/run/NetworkManager/system-connections",
                prefixes: &[],
                suffixes: &[".nmconnection"],
            },
            Place { path: ifcfg::DIRECTORY, prefixes: &["ifcfg-", "route-", "route6-"], suffixes: &[] },
        ]
    }

    fn said(&self, file: &File, device: &IfName) -> Option<Said> {
        if is_ifcfg(file) {
            return Manager::Ifcfg.dialect().said(file, device);
        }
        let ini = Ini::parse(&file.text);
        let named = ini.get("connection", "interface-name");
        let any =
            named.is_none() && matches!(ini.get("connection", "type"), Some("ethernet" | "802-3-ethernet"));
        if named != Some(device.as_str()) && !any {
            return None;
        }
        let list = |key| {
            let values = ["ipv4", "ipv6"].into_iter().filter_map(|family| ini.get(family, key));
            values
                .flat_map(|value| value.split([';', ',']))
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        Some(Said {
            exact: !any,
            dhcp: ini.get("ipv4", "method") == Some("auto"),
            dns: list("dns"),
            search: list("dns-search"),
            routes: routes(&ini),
            lost: if any { Vec::new() } else { lost(&ini) },
        })
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let ini = Ini::parse(&file.text);
        let of_ovs = format!("# Port of the Open vSwitch bridge {bridge}.");
        let is_port = ini.get("connection", "slave-type") == Some("bridge")
            && ini.get("connection", "master") == Some(bridge.as_str());
        let is_port = is_port || file.text.lines().any(|line| line == of_ovs);
        ini.get("connection", "interface-name").filter(|_| is_port)?.parse().ok()
    }

    fn freed(&self, file: &File, devices: &[&IfName]) -> Freed {
        if is_ifcfg(file) {
            return Manager::Ifcfg.dialect().freed(file, devices);
        }
        let named = Ini::parse(&file.text).get("connection", "interface-name").map(str::to_owned);
        let ours = named.is_some_and(|name| devices.iter().any(|device| device.as_str() == name));
        if ours { Freed::Gone } else { Freed::Same }
    }

    fn own(&self, tree: &Tree, views: &[View], templates: &Templates) -> Result<Vec<Own>, RenderError> {
        let mut files = Vec::new();
        for view in nics_last(views) {
            match view.kind {
                "ovs" if tree.has_ovs_plugin() => files.extend(ovs(templates, view)?),
                "ovs" => {}
                kind => {
                    let master = view.master.as_ref().and_then(|master| match master.kind {
                        "ovs" if !tree.has_ovs_plugin() => None,
                        "ovs" => Some((uuid(&format!("{}-port-{}", master.name, view.name)), "ovs-port")),
                        kind => Some((master.name.clone(), kind)),
                    });
                    files.push(profile(
                        templates,
                        kind,
                        &view.name,
                        Values { device: view, id: String::new(), uuid: String::new(), master },
                    )?);
                }
            }
        }
        Ok(files)
    }
}

/// A bridge, its internal port with the host's addresses, and the ports of both: four profiles (nm-openvswitch(7)).
fn ovs(templates: &Templates, view: &View) -> Result<Vec<Own>, RenderError> {
    let bridge = format!("{}-bridge", view.name);
    let values = |master| Values { device: view, id: String::new(), uuid: String::new(), master };
    let mut files = vec![profile(templates, "ovs-bridge", &bridge, values(None))?];
    for port in view.ports.iter().chain([&view.name]) {
        let own = View { name: port.clone(), tag: view.tag.filter(|_| *port == view.name), ..view.clone() };
        let values = Values { device: &own, ..values(Some((uuid(&bridge), "ovs-bridge"))) };
        files.push(profile(templates, "ovs-port", &format!("{}-port-{port}", view.name), values)?);
    }
    let port = uuid(&format!("{0}-port-{0}", view.name));
    files.push(profile(templates, "ovs-interface", &view.name, values(Some((port, "ovs-port"))))?);
    Ok(files)
}

fn profile(templates: &Templates, kind: &str, id: &str, values: Values<'_>) -> Result<Own, RenderError> {
    let values = Values { id: format!("xdock-{id}"), uuid: uuid(id), ..values };
    let text = templates
        .render(&format!("etc/NetworkManager/system-connections/xdock-{kind}.nmconnection"), &values)?;
    Ok(Own::closed(format!("{DIRECTORY}/xdock-{id}.nmconnection"), text))
}

/// The same for the same profile on every run: RFC 9562, 5.8 (version 8: the bits are ours).
fn uuid(profile: &str) -> String {
    let digest = Sha256::digest(format!("xdock NetworkManager {profile}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn is_ifcfg(file: &File) -> bool {
    file.path.starts_with(ifcfg::DIRECTORY)
}

/// `route1=DESTINATION,GATEWAY,METRIC`
fn routes(ini: &Ini<'_>) -> Vec<Route> {
    let is_route = |section: &str, key: &str| {
        let number = key.strip_prefix("route").unwrap_or_default();
        matches!(section, "ipv4" | "ipv6") && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    };
    let read = |value: &str| {
        let mut parts = value.split(',');
        let destination = parts.next()?.parse().ok()?;
        let gateway = parts.next().and_then(|gateway| gateway.parse().ok());
        Some(Route { destination, gateway, metric: parts.next().and_then(|metric| metric.parse().ok()) })
    };
    ini.all()
        .filter(|(section, key, _)| is_route(section, key))
        .filter_map(|(_, _, value)| read(value))
        .collect()
}

/// Settings that are not of the identity of a profile and that ours do not have.
fn lost(ini: &Ini<'_>) -> Vec<String> {
    let taken = |section: &str, key: &str| match section {
        "ipv4" | "ipv6" => {
            matches!(key, "method" | "gateway" | "dns" | "dns-search" | "addr-gen-mode" | "never-default")
                || key.starts_with("address")
        }
        "connection" => matches!(
            key,
            "id" | "uuid" | "type" | "interface-name" | "timestamp" | "permissions" | "autoconnect"
        ),
        "ethernet" => matches!(key, "mtu" | "mac-address" | "mac-address-blacklist"),
        "proxy" | "nmstate" => true,
        _ => false,
    };
    let lost = ini.all().filter(|(section, key, value)| !taken(section, key) && !value.is_empty());
    lost.map(|(section, key, value)| format!("{section}.{key}={value}")).collect()
}
