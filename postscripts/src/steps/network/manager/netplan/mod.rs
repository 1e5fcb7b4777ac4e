//! netplan: `/etc/netplan/*.yaml` (netplan(5)), of which networkd or NetworkManager gets files at boot.
//!
//! All files are merged, the later by name over the earlier: all of ours is in one, `90-xdock.yaml`. Which of the two programs
//! gets the devices stays as it is set elsewhere (`renderer`). Of Open vSwitch netplan can neither say the datapath nor put the
//! host's own address into a VLAN of the bridge, and makes of a bond below it one of Open vSwitch's: its file has the bridge and its
//! addresses, and Open vSwitch's own database has the rest.

mod document;

use inventory::IfName;
use serde::Serialize;
use yaml_rust2::{Yaml, YamlEmitter};

use self::document::{entries, is_of, is_true, items, lost, parse, read_route, texts, without};
use super::dialect::{Dialect, Freed, Own, Place, Said};
use super::nic::Nic;
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
        const {
            &[
                Place { suffixes: YAML, ..Place::all("/etc/netplan") },
                Place { suffixes: YAML, ..Place::all("/run/netplan") },
            ]
        }
    }

    fn said(&self, file: &File, nic: &Nic) -> Option<Said> {
        let device = &nic.name;
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

    fn freed(&self, _: &Tree, file: &File, devices: &[Nic]) -> Freed {
        let devices: Vec<&IfName> = devices.iter().map(|device| &device.name).collect();
        let devices = devices.as_slice();
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
