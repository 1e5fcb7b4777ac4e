//! ifupdown: `/etc/network/interfaces` and the files that it sources (interfaces(5)).
//!
//! All our devices are in one file, lower ones first, because `ifup -a` configures them in the order of the
//! file. They are created with `ip`, so no package is needed (bridge-utils, ifenslave, vlan), and `ifdown`
//! leaves the bridge and its containers alone.
//!
//! For the same reason an Open vSwitch bridge is created with `ovs-vsctl`, not with the package's hook
//! (`ovs_type`, README.Debian of openvswitch-switch): on Debian 12, the hook deletes the bridge with all its
//! ports at `ifdown`, so a restart of networking.service would disconnect the containers.
//! ovs-vswitchd.service starts before networking.service. If it is late all the same, xdock-network.service
//! adds the bridge's addresses.

pub mod ifstate;
pub mod interfaces;
mod settings;
mod stanza;

use std::path::Path;

use hostnet::Route;
use inventory::IfName;
use ipnet::IpNet;
use serde::Serialize;

use self::stanza::{names, stanzas, taker, without_patterns};
use super::device_template::DeviceTemplate;
use super::device_templates::DEVICE;
use super::dialect::{
    Applied, ConfigPath, Dialect, Include, OwnFile, ParsedSettings, RefusedSetting, Remainder,
};
use super::glob;
use super::nic::Nic;
use super::tree::{File, Tree};
use crate::render::{RenderError, Templates};

const MAIN: &str = "/etc/network/interfaces";
const DIRECTORY: &str = "/etc/network/interfaces.d";
const OWN: &str = "/etc/network/interfaces.d/xdock";
const TEMPLATE: &str = "etc/network/interfaces.d/xdock";

/// ifupdown.
pub(super) struct Ifupdown;

#[derive(Serialize)]
struct Values<'a> {
    devices: &'a [DeviceTemplate],
}

impl Dialect for Ifupdown {
    fn config_paths(&self) -> &'static [ConfigPath] {
        const { &[ConfigPath::all(MAIN), ConfigPath::all(DIRECTORY), ConfigPath::all("/run/network/interfaces.d")] }
    }

    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings> {
        let device = &nic.name;
        if !file.is_ours() {
            return parse_stanzas(file, &names(&[&file.text], nic), nic, false);
        }
        let methods = interfaces::methods(&file.text, device.as_str());
        if methods.is_empty() {
            return None;
        }
        let mut parsed = ParsedSettings {
            exact: true,
            dhcp: methods.contains(&("inet", "dhcp")),
            ..ParsedSettings::default()
        };
        for option in interfaces::options(&file.text, device.as_str()) {
            let words: Vec<&str> = option.split(' ').collect();
            match words.as_slice() {
                ["dns-nameservers", servers @ ..] => parsed.dns.extend(owned(servers)),
                ["dns-search", domains @ ..] => parsed.search.extend(owned(domains)),
                ["up", "ip", "route", "replace", route @ .., "dev", _] => {
                    parsed.routes.extend(read_route(route));
                }
                _ => {}
            }
        }
        Some(parsed)
    }

    fn applied<'a>(&self, tree: &'a Tree, nic: &Nic) -> Vec<Applied<'a>> {
        let (ours, foreign): (Vec<&File>, Vec<&File>) = tree.files().iter().partition(|file| file.is_ours());
        let texts: Vec<&str> = foreign.iter().map(|file| file.text.as_str()).collect();
        let names = names(&texts, nic);
        let inherited = inherited(&texts, &names);
        let ours = ours.into_iter().filter_map(|file| Some((file, self.parsed(file, nic)?)));
        let named = foreign.iter().filter_map(|file| Some((*file, parse_stanzas(file, &names, nic, false)?)));
        let templates =
            foreign.iter().filter_map(|file| Some((*file, parse_stanzas(file, &inherited, nic, true)?)));
        ours.chain(named).chain(templates).map(|(file, parsed)| Applied { file, parsed }).collect()
    }

    fn includes(&self, file: &File) -> Vec<Include> {
        interfaces::sourced(&file.text)
            .into_iter()
            .map(|(is_directory, path)| Include::of(is_directory, path))
            .collect()
    }

    fn address_lines(&self, addresses: &[IpNet]) -> Vec<String> {
        let lines = |address: &IpNet| {
            let family = if address.addr().is_ipv4() { "inet" } else { "inet6" };
            [format!("iface {DEVICE} {family} static"), format!("    address {address}")]
        };
        // IPv6 routes follow in the last stanza
        let (v4, v6): (Vec<&IpNet>, Vec<&IpNet>) =
            addresses.iter().partition(|address| address.addr().is_ipv4());
        v4.into_iter().chain(v6).flat_map(lines).collect()
    }

    fn conflict(&self, tree: &Tree, devices: &[Nic]) -> Option<RefusedSetting> {
        const PORTS: &str = "remove it from that bridge or bond, or add that one to the tables";
        const MAPPING: &str = "a script selects the stanza there; write a stanza for the interface, and remove it from the mapping";
        const ELSEWHERE: &str =
            "only files below /etc are changed: move the stanza to /etc/network/interfaces, or remove it";
        let foreign = tree.files().iter().filter(|file| !file.is_ours());
        foreign
            .filter_map(|file| {
                let taken = taker(&file.text, devices).map(|(option, nic)| (option, nic, PORTS));
                let taken =
                    taken.or_else(|| mapped(&file.text, devices).map(|(option, nic)| (option, nic, MAPPING)));
                let taken =
                    taken.or_else(|| elsewhere(file, devices).map(|(option, nic)| (option, nic, ELSEWHERE)));
                taken.map(|(option, nic, advice)| settings::refused(&option, &file.path, nic, advice))
            })
            .next()
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let options = interfaces::options(&file.text, bridge.as_str());
        options.iter().find_map(|option| match option.split(' ').collect::<Vec<_>>().as_slice() {
            ["pre-up", "ip", "link", "set", "dev", port, "master", _]
            | ["pre-up", "ovs-vsctl", _, "--", "--may-exist", "add-port", _, port] => port.parse().ok(),
            _ => None,
        })
    }

    fn without_devices(&self, tree: &Tree, file: &File, devices: &[Nic]) -> Remainder {
        let all: Vec<&Nic> = tree.nics().iter().collect();
        let mut text = without_patterns(&file.text, devices, &all);
        for device in devices {
            text = interfaces::without(&text, device.name.as_str());
        }
        if file.path == Path::new(MAIN) {
            text = with_source(tree, &text);
        }
        if text == file.text { Remainder::Unchanged } else { Remainder::Text(text) }
    }

    fn own_files(
        &self,
        tree: &Tree,
        views: &[DeviceTemplate],
        templates: &Templates,
    ) -> Result<Vec<OwnFile>, RenderError> {
        let mut files = vec![OwnFile::public(OWN, templates.render(TEMPLATE, &Values { devices: views })?)];
        if !tree.files().iter().any(|file| file.path == Path::new(MAIN)) {
            files.push(OwnFile::public(MAIN, with_source(tree, "")));
        }
        Ok(files)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Parses a route in the syntax of `ip route`, as our files contain it.
fn read_route(words: &[&str]) -> Option<Route> {
    let [destination, rest @ ..] = words else { return None };
    let mut route = Route { destination: destination.parse().ok()?, gateway: None, metric: None };
    for pair in rest.chunks(2) {
        match pair {
            ["via", gateway] => route.gateway = gateway.parse().ok(),
            ["metric", metric] => route.metric = metric.parse().ok(),
            _ => return None,
        }
    }
    Some(route)
}

/// Settings of the stanzas with these names; `None` if the file has none of them.
fn parse_stanzas(file: &File, names: &[&str], nic: &Nic, is_template: bool) -> Option<ParsedSettings> {
    let of_name = |name: &str| names.iter().any(|known| name.split(':').next() == Some(known));
    let stanzas: Vec<_> = stanzas(&file.text).into_iter().filter(|stanza| of_name(stanza.name)).collect();
    let first = stanzas.first()?;
    let mut parsed = ParsedSettings { exact: first.name == nic.name.as_str(), ..ParsedSettings::default() };
    for stanza in &stanzas {
        settings::add(&mut parsed, stanza, &file.path, nic, is_template);
    }
    Some(parsed)
}

/// The stanzas that these stanzas inherit, directly or not.
fn inherited<'a>(texts: &[&'a str], names: &[&str]) -> Vec<&'a str> {
    let all: Vec<_> = texts.iter().flat_map(|text| stanzas(text)).collect();
    let mut found: Vec<&str> = Vec::new();
    loop {
        let heirs = all.iter().filter(|stanza| names.contains(&stanza.name) || found.contains(&stanza.name));
        let next: Vec<&str> =
            heirs.filter_map(|stanza| stanza.inherits).filter(|name| !found.contains(name)).collect();
        if next.is_empty() {
            return found;
        }
        found.extend(next);
    }
}

/// A mapping whose script decides, and the device that it applies to.
fn mapped<'a>(text: &'a str, devices: &'a [Nic]) -> Option<(stanza::Opt<'a>, &'a Nic)> {
    let mapping = interfaces::numbered(text).filter(|(_, words)| words.first() == Some(&"mapping"));
    let found = |(line, words): (usize, Vec<&'a str>)| {
        let has = |nic: &&Nic| words.iter().skip(1).any(|pattern| glob::matches(pattern, nic.name.as_str()));
        let nic = devices.iter().find(has)?;
        Some((stanza::Opt { words, line }, nic))
    };
    mapping.filter_map(found).next()
}

/// A stanza of a device in a sourced file that xdock may not change. Files in `/run` are written again at
/// each boot.
fn elsewhere<'a>(file: &'a File, devices: &'a [Nic]) -> Option<(stanza::Opt<'a>, &'a Nic)> {
    if file.path.starts_with("/etc") || file.path.starts_with("/run") {
        return None;
    }
    interfaces::numbered(&file.text).filter(|(_, words)| words.first() == Some(&"iface")).find_map(
        |(line, words)| {
            let nic = devices.iter().find(|nic| words.get(1) == Some(&nic.name.as_str()))?;
            Some((stanza::Opt { words, line }, nic))
        },
    )
}

/// Sources our directory as a whole only if it has no other files: a file that was not read before must not
/// be read now.
fn with_source(tree: &Tree, text: &str) -> String {
    let is_read = |(is_directory, path): (bool, &str)| match is_directory {
        true => path.trim_end_matches('/') == DIRECTORY,
        false => glob::matches(path, OWN),
    };
    if interfaces::sourced(text).into_iter().any(is_read) {
        return text.to_owned();
    }
    let is_other = |file: &File| file.path.starts_with(DIRECTORY) && !file.is_ours();
    let what = if tree.files().iter().any(is_other) { OWN.to_owned() } else { format!("{DIRECTORY}/*") };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}source {what}\n")
}
