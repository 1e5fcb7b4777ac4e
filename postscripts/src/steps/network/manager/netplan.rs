//! netplan: `/etc/netplan/*.yaml` (netplan(5)), from which it renders files for networkd or NetworkManager at
//! boot.
//!
//! All files are merged by id, and files that come later by name take precedence. All our definitions are in
//! `90-xdock.yaml`, and settings taken over from foreign files in `91-xdock.yaml`. A NIC keeps its id in
//! foreign files, because VLANs and bonds refer to it. The renderer is not changed (`renderer`).
//!
//! netplan cannot set the datapath of an Open vSwitch bridge or the VLAN of its internal port, and would turn
//! a bond below it into one of Open vSwitch. So its file has only the bridge and its addresses, and Open
//! vSwitch's own database has the rest.
//!
//! ```text
//! document.rs         YAML
//! matching.rs         which definitions apply to an interface
//! settings.rs         their settings, and what happens to each
//! without_devices.rs  foreign files without our devices
//! boot_conflict.rs    foreign bridges, bonds and VRFs that have one of our devices
//! ```

mod boot_conflict;
mod document;
mod matching;
mod settings;
mod without_devices;

use inventory::IfName;
use ipnet::IpNet;
use serde::Serialize;
use yaml_rust2::Yaml;

use self::document::{entries, lines, parse, text, texts};
use self::matching::{Definition, definitions, id_of};
use self::settings::Source;
use super::device_template::DeviceTemplate;
use super::dialect::{
    Applied, ConfigPath, Dialect, OwnFile, ParsedSettings, RefusedSetting, Remainder, SIGNATURE,
};
use super::networkd::exclude::{exclusion, planned_nic};
use super::nic::Nic;
use super::tree::{File, Tree};
use crate::render::{RenderError, Templates};

const OWN: &str = "/etc/netplan/90-xdock.yaml";
const TEMPLATE: &str = "etc/netplan/90-xdock.yaml";
const TAKEN_OVER: &str = "/etc/netplan/91-xdock.yaml";

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
    device: &'a DeviceTemplate,
    /// Its id, which may come from foreign files.
    id: String,
    /// Ids of the ports of a bond or bridge.
    interfaces: Vec<String>,
    /// Id of the parent of a VLAN device.
    link: Option<String>,
    /// Parameters of a bond, by netplan's names.
    bond: Vec<(&'static str, String)>,
    /// Id of the uplink of an Open vSwitch bridge, if netplan can attach it.
    uplink: Option<String>,
    /// Whether `network-online.target` must not wait for it.
    optional: bool,
}

impl Dialect for Netplan {
    fn config_paths(&self) -> &'static [ConfigPath] {
        const YAML: &[&str] = &[".yaml"];
        const {
            &[
                ConfigPath { suffixes: YAML, ..ConfigPath::all("/etc/netplan") },
                ConfigPath { suffixes: YAML, ..ConfigPath::all("/run/netplan") },
                ConfigPath { suffixes: YAML, ..ConfigPath::all("/lib/netplan") },
                ConfigPath {
                    suffixes: &["xdock.conf"],
                    dropins: Some(".network.d"),
                    ..ConfigPath::all("/etc/systemd/network")
                },
            ]
        }
    }

    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings> {
        let document = parse(&file.text)?;
        let mut parsed = ParsedSettings { exact: true, ..ParsedSettings::default() };
        let mut found = false;
        for entry in entries(&document).filter(|entry| entry.id == nic.name.as_str()) {
            settings::add(&mut parsed, entry.body, Source { file, id: entry.id });
            found = true;
        }
        found.then_some(parsed)
    }

    fn applied<'a>(&self, tree: &'a Tree, nic: &Nic) -> Vec<Applied<'a>> {
        let definitions = definitions(tree);
        let Some(first) = definitions.iter().find(|definition| definition.applies(nic)) else {
            return Vec::new();
        };
        let applied = |file: &'a File| {
            let document = parse(&file.text)?;
            let mut parsed = ParsedSettings { exact: first.is_only_of(nic), ..ParsedSettings::default() };
            let body = entries(&document).find(|entry| entry.id == first.id)?.body;
            settings::add(&mut parsed, body, Source { file, id: &first.id });
            Some(Applied { file, parsed })
        };
        tree.files().iter().filter_map(applied).collect()
    }

    fn address_lines(&self, addresses: &[IpNet]) -> Vec<String> {
        let list: Vec<Yaml> = addresses.iter().map(|address| Yaml::String(address.to_string())).collect();
        if list.is_empty() { Vec::new() } else { lines("addresses", &Yaml::Array(list)) }
    }

    fn conflict(&self, tree: &Tree, devices: &[Nic]) -> Option<RefusedSetting> {
        boot_conflict::taker(tree, &definitions(tree), devices)
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let document = parse(&file.text)?;
        let of_bridge = |line: &str| {
            let line = line.trim().strip_prefix("# Port of the ")?;
            let line = line.strip_prefix("Open vSwitch ").unwrap_or(line).strip_prefix("bridge ")?;
            line.strip_prefix(bridge.as_str())?.strip_prefix(": ").map(str::to_owned)
        };
        let in_comment = file.text.lines().find_map(of_bridge);
        let bridges = &document["network"]["bridges"][bridge.as_str()]["interfaces"];
        in_comment.or_else(|| texts(bridges).into_iter().next())?.parse().ok()
    }

    fn without_devices(&self, tree: &Tree, file: &File, devices: &[Nic]) -> Remainder {
        let Some(document) = parse(&file.text) else { return Remainder::Unchanged };
        let Some(left) = without_devices::without(&document, &definitions(tree), devices) else {
            return Remainder::Unchanged;
        };
        match text(&left) {
            text if text.is_empty() => Remainder::Unchanged,
            text => Remainder::Text(format!("---\n{text}")),
        }
    }

    fn own_files(
        &self,
        tree: &Tree,
        views: &[DeviceTemplate],
        templates: &Templates,
    ) -> Result<Vec<OwnFile>, RenderError> {
        let definitions = definitions(tree);
        let nics: Vec<Nic> = views.iter().filter_map(|view| planned_nic(tree, view)).collect();
        let ids = Ids { definitions: &definitions, nics: &nics };
        let of = |name, kinds: &[&str]| {
            let devices = views.iter().filter(|view| kinds.contains(&view.kind));
            Section { name, devices: devices.map(|view| entry(view, views, &ids)).collect() }
        };
        let all = [
            of("ethernets", &["ethernet"]),
            of("bonds", &["bond"]),
            of("vlans", &["vlan"]),
            of("bridges", &["bridge", "ovs"]),
        ];
        let sections: Vec<_> = all.into_iter().filter(|section| !section.devices.is_empty()).collect();
        let mut files = exclusions(&ids);
        files.extend(taken_over(&sections));
        files.push(OwnFile::private(OWN, templates.render(TEMPLATE, &Values { sections })?));
        Ok(files)
    }
}

/// The ids of our definitions.
struct Ids<'a> {
    definitions: &'a [Definition],
    nics: &'a [Nic],
}

impl Ids<'_> {
    fn of(&self, device: &str) -> String {
        let nic = self.nics.iter().find(|nic| nic.name.as_str() == device);
        nic.map_or_else(|| device.to_owned(), |nic| id_of(self.definitions, nic))
    }
}

/// The settings taken over, in a separate file: netplan merges both.
fn taken_over(sections: &[Section<'_>]) -> Option<OwnFile> {
    let mut lines = vec![
        format!("{SIGNATURE}: changes here are lost."),
        "network:".to_owned(),
        "  version: 2".to_owned(),
    ];
    for section in sections {
        let devices: Vec<&Entry<'_>> =
            section.devices.iter().filter(|entry| !entry.device.kept.is_empty()).collect();
        lines.extend((!devices.is_empty()).then(|| format!("  {}:", section.name)));
        for entry in devices {
            lines.push(format!("    \"{}\":", entry.id));
            lines.extend(entry.device.kept.iter().map(|line| format!("      {line}")));
        }
    }
    let is_some =
        sections.iter().flat_map(|section| &section.devices).any(|entry| !entry.device.kept.is_empty());
    is_some.then(|| OwnFile::private(TAKEN_OVER, format!("{}\n", lines.join("\n"))))
}

/// Keeps foreign definitions away from our devices if they match them and take precedence: the files that
/// netplan renders for networkd get drop-ins.
fn exclusions(ids: &Ids<'_>) -> Vec<OwnFile> {
    let drop_in = |definition: &Definition| {
        let comes_first = |nic: &Nic| definition.id < ids.of(nic.name.as_str());
        let matched = ids.nics.iter().filter(|nic| definition.matches(nic) && comes_first(nic));
        let names: Vec<&str> = matched.map(|nic| nic.name.as_str()).collect();
        (!names.is_empty()).then(|| exclusion(&format!("10-netplan-{}.network", definition.id), &names))
    };
    ids.definitions.iter().filter_map(drop_in).collect()
}

fn entry<'a>(view: &'a DeviceTemplate, views: &[DeviceTemplate], ids: &Ids<'_>) -> Entry<'a> {
    let named = |(key, value): &(String, String)| {
        let (_, name) = BOND.iter().find(|(known, _)| known == key)?;
        let value = match key.as_str() {
            "arp_ip_target" => format!("[{value}]"),
            "primary" => ids.of(value),
            _ => value.clone(),
        };
        Some((*name, value))
    };
    let bond = view.options.iter().filter_map(named).collect();
    let below_ovs = view.master.as_ref().is_some_and(|master| master.kind == "ovs");
    let optional = (view.master.is_none() || below_ovs) && view.addresses.is_empty() && !view.dhcp;
    let is_nic = |port: &&String| views.iter().any(|below| below.name == **port && below.kind == "ethernet");
    let uplink = view.ports.iter().find(is_nic).filter(|_| view.kind == "ovs");
    Entry {
        device: view,
        id: ids.of(&view.name),
        interfaces: view.ports.iter().map(|port| ids.of(port)).collect(),
        link: view.parent.as_ref().map(|parent| ids.of(parent)),
        bond,
        uplink: uplink.map(|port| ids.of(port)),
        optional,
    }
}

/// Names of the kernel's bonding driver and of netplan.
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
