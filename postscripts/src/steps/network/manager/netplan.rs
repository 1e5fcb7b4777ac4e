//! netplan: `/etc/netplan/*.yaml` (netplan(5)), of which networkd or NetworkManager gets files at boot.
//!
//! All files are merged, the later by name over the earlier: all of ours is in one, `90-xdock.yaml`. Which of the two programs
//! gets the devices stays as it is set elsewhere (`renderer`). Of Open vSwitch netplan can neither say the datapath nor put the
//! host's own address into a VLAN of the bridge, and makes of a bond below it one of Open vSwitch's: its file has the bridge and its
//! addresses, and Open vSwitch's own database has the rest.

use hostnet::Route;
use inventory::IfName;
use serde::Serialize;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter, YamlLoader};

use super::dialect::{Dialect, Freed, Own, Place, Said};
use super::tree::{File, Tree};
use super::view::View;
use crate::render::{RenderError, Templates};

const OWN: &str = "/etc/netplan/90-xdock.yaml";
const TEMPLATE: &str = "etc/netplan/90-xdock.yaml";
const SECTIONS: [&str; 4] = ["ethernets", "bonds", "vlans", "bridges"];

/// netplan.
pub(super) struct Netplan;

#[derive(Serialize)]
struct Values<'a> {
    sections: Vec<Section<'a>>,
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'static str,
    devices: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    device: &'a View,
    /// Of a bond: its parameters by netplan's names.
    bond: Vec<(&'static str, String)>,
    /// Of an Open vSwitch bridge: its port, where netplan can make it one.
    uplink: Option<&'a str>,
    /// Whether `network-online.target` must not wait for it.
    optional: bool,
}

impl Dialect for Netplan {
    fn places(&self) -> &'static [Place] {
        const YAML: &[&str] = &[".yaml"];
        &[
            Place { path: "/etc/netplan", prefixes: &[], suffixes: YAML },
            Place { path: "/run/netplan", prefixes: &[], suffixes: YAML },
        ]
    }

    fn said(&self, file: &File, device: &IfName) -> Option<Said> {
        let document = parse(&file.text)?;
        let entries: Vec<&Yaml> =
            entries(&document).filter(|entry| is_of(entry, device)).map(|entry| entry.body).collect();
        if entries.is_empty() {
            return None;
        }
        let mut said = Said { exact: true, ..Said::default() };
        for body in entries {
            said.dhcp |= is_true(&body["dhcp4"]);
            said.dns.extend(texts(&body["nameservers"]["addresses"]));
            said.search.extend(texts(&body["nameservers"]["search"]));
            said.routes.extend(items(&body["routes"]).filter_map(read_route));
            said.lost.extend(lost(body));
        }
        Some(said)
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let document = parse(&file.text)?;
        let of_ovs = file.text.lines().find_map(|line| {
            line.trim()
                .strip_prefix("# Port of the Open vSwitch bridge ")?
                .strip_prefix(bridge.as_str())?
                .strip_prefix(": ")
        });
        let bridges = &document["network"]["bridges"][bridge.as_str()]["interfaces"];
        let listed = texts(bridges).into_iter().next();
        listed.or_else(|| of_ovs.map(str::to_owned))?.parse().ok()
    }

    fn freed(&self, file: &File, devices: &[&IfName]) -> Freed {
        let Some(document) = parse(&file.text) else { return Freed::Same };
        let Some(left) = without(&document, devices) else { return Freed::Same };
        let mut text = String::new();
        match YamlEmitter::new(&mut text).dump(&left) {
            Ok(()) => Freed::Text(format!("{text}\n")),
            Err(_) => Freed::Same,
        }
    }

    fn own(&self, _: &Tree, views: &[View], templates: &Templates) -> Result<Vec<Own>, RenderError> {
        let of = |name, kinds: &[&str]| {
            let devices = views.iter().filter(|view| kinds.contains(&view.kind));
            Section { name, devices: devices.map(|view| entry(view, views)).collect() }
        };
        let all = [
            of("ethernets", &["ethernet"]),
            of("bonds", &["bond"]),
            of("vlans", &["vlan"]),
            of("bridges", &["bridge", "ovs"]),
        ];
        let sections = all.into_iter().filter(|section| !section.devices.is_empty()).collect();
        Ok(vec![Own::closed(OWN, templates.render(TEMPLATE, &Values { sections })?)])
    }
}

fn entry<'a>(view: &'a View, views: &[View]) -> Entry<'a> {
    let told = |(key, value): &(String, String)| {
        let (_, name) = BOND.iter().find(|(known, _)| known == key)?;
        let value = if key == "arp_ip_target" { format!("[{value}]") } else { value.clone() };
        Some((*name, value))
    };
    let bond = view.options.iter().filter_map(told).collect();
    let below_ovs = view.master.as_ref().is_some_and(|master| master.kind == "ovs");
    let optional = (view.master.is_none() || below_ovs) && view.addresses.is_empty() && !view.dhcp;
    let is_nic = |port: &&String| views.iter().any(|below| below.name == **port && below.kind == "ethernet");
    let uplink = view.ports.iter().find(is_nic).map(String::as_str).filter(|_| view.kind == "ovs");
    Entry { device: view, bond, uplink, optional }
}

/// What the kernel's bonding driver calls it, and what netplan does.
const BOND: [(&str, &str); 14] = [
    ("mode", "mode"),
    ("miimon", "mii-monitor-interval"),
    ("updelay", "up-delay"),
    ("downdelay", "down-delay"),
    ("lacp_rate", "lacp-rate"),
    ("xmit_hash_policy", "transmit-hash-policy"),
    ("ad_select", "ad-select"),
    ("primary", "primary"),
    ("primary_reselect", "primary-reselect-policy"),
    ("fail_over_mac", "fail-over-mac-policy"),
    ("arp_interval", "arp-interval"),
    ("arp_ip_target", "arp-ip-targets"),
    ("min_links", "min-links"),
    // sic
    ("num_grat_arp", "gratuitous-arp"),
];

fn parse(text: &str) -> Option<Yaml> {
    YamlLoader::load_from_str(text).ok()?.into_iter().next()
}

/// A device's definition.
struct Definition<'a> {
    id: &'a str,
    body: &'a Yaml,
}

fn entries(document: &Yaml) -> impl Iterator<Item = Definition<'_>> {
    let sections = SECTIONS.into_iter().filter_map(|section| document["network"][section].as_hash());
    sections.flatten().filter_map(|(id, body)| Some(Definition { id: id.as_str()?, body }))
}

/// By its name, by the one that it gets, or by the one that it is found by.
fn is_of(definition: &Definition<'_>, device: &IfName) -> bool {
    let found = definition.body["match"]["name"].as_str();
    let named = definition.body["set-name"].as_str().or(found);
    named.unwrap_or(definition.id) == device.as_str()
}

fn is_true(value: &Yaml) -> bool {
    matches!(value, Yaml::Boolean(true))
        || value.as_str().is_some_and(|word| matches!(word, "yes" | "on" | "y" | "true"))
}

fn items(list: &Yaml) -> impl Iterator<Item = &Yaml> {
    list.as_vec().into_iter().flatten()
}

fn texts(list: &Yaml) -> Vec<String> {
    items(list).filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn read_route(route: &Yaml) -> Option<Route> {
    let destination: ipnet::IpNet = route["to"].as_str()?.parse().ok()?;
    let gateway = route["via"].as_str().and_then(|via| via.parse().ok());
    let metric = route["metric"].as_i64().and_then(|metric| metric.try_into().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}

/// Settings that ours do not have, by name only: they may be mappings.
fn lost(body: &Yaml) -> Vec<String> {
    const TAKEN: [&str; 17] = [
        "addresses",
        "dhcp4",
        "dhcp6",
        "gateway4",
        "gateway6",
        "routes",
        "nameservers",
        "mtu",
        "match",
        "set-name",
        "interfaces",
        "link",
        "id",
        "optional",
        "link-local",
        "accept-ra",
        "macaddress",
    ];
    let keys = body.as_hash().into_iter().flatten().filter_map(|(key, _)| key.as_str());
    keys.filter(|key| !TAKEN.contains(key)).map(str::to_owned).collect()
}

/// The document without the devices; `None` where it has none. What only says which NIC has the name (`match`, `set-name`) stays:
/// without it the NIC would come back under another.
fn without(document: &Yaml, devices: &[&IfName]) -> Option<Yaml> {
    let mut left = document.as_hash()?.clone();
    let network = left.get_mut(&Yaml::from_str("network"))?;
    let Yaml::Hash(network) = network else { return None };
    let mut changed = false;
    for section in SECTIONS {
        let key = Yaml::from_str(section);
        let Some(Yaml::Hash(definitions)) = network.get(&key) else { continue };
        let kept = kept(definitions, devices);
        if kept != *definitions {
            changed = true;
            if kept.is_empty() {
                network.remove(&key)
            } else {
                network.insert(key, Yaml::Hash(kept))
            };
        }
    }
    changed.then_some(Yaml::Hash(left))
}

fn kept(definitions: &Hash, devices: &[&IfName]) -> Hash {
    let mut kept = Hash::new();
    for (id, body) in definitions {
        let definition = id.as_str().map(|id| Definition { id, body });
        let device =
            definition.and_then(|definition| devices.iter().find(|device| is_of(&definition, device)));
        let Some(device) = device else {
            kept.insert(id.clone(), body.clone());
            continue;
        };
        let identity: Hash = ["match", "set-name"]
            .into_iter()
            .filter_map(|key| Some((Yaml::from_str(key), body.as_hash()?.get(&Yaml::from_str(key))?.clone())))
            .collect();
        if !identity.is_empty() {
            kept.insert(Yaml::String(device.to_string()), Yaml::Hash(identity));
        }
    }
    kept
}
