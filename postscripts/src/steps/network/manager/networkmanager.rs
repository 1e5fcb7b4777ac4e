//! NetworkManager: keyfiles (nm-settings-keyfile(5)); on Red Hat's up to 9 also ifcfg files, which its plugin
//! reads.
//!
//! Of all profiles of an interface it activates the one with the highest `autoconnect-priority`, which ours
//! have. Open vSwitch needs a plugin that not every distribution has (Debian does not). Without it, our
//! profiles only bring up the devices below the bridge. Open vSwitch's database and xdock take care of the
//! bridge's internal port (see `dropins.rs`).

mod matching;
mod references;
mod settings;
mod unmanaged;

use inventory::IfName;
use ipnet::IpNet;
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::matching::{applies, is_theirs, profile_of};
use super::device_template::{DeviceTemplate, nics_last};
use super::dialect::{Applied, ConfigPath, Dialect, OwnFile, ParsedSettings, RefusedSetting, Remainder};
use super::ini::Ini;
use super::nic::Nic;
use super::tree::{File, Tree};
use super::{Manager, ifcfg};
use crate::render::{RenderError, Templates};

const DIRECTORY: &str = "/etc/NetworkManager/system-connections";
/// Suffixes that NetworkManager does not read (`nm_keyfile_utils_ignore_filename`).
const IGNORED: &[&str] = &["~", ".pem", ".der"];

/// NetworkManager.
pub(super) struct NetworkManager;

#[derive(Serialize)]
struct Values<'a> {
    device: &'a DeviceTemplate,
    id: String,
    uuid: String,
    /// The profile of its master: name or UUID, and kind.
    master: Option<(String, &'static str)>,
}

impl Dialect for NetworkManager {
    fn config_paths(&self) -> &'static [ConfigPath] {
        const PROFILES: &[&str] = &[".nmconnection"];
        const CONFIGURATION: &[&str] = &[".conf"];
        const {
            &[
                ConfigPath { ignored: IGNORED, ..ConfigPath::all(DIRECTORY) },
                ConfigPath {
                    suffixes: PROFILES,
                    ..ConfigPath::all("/run/NetworkManager/system-connections")
                },
                ConfigPath {
                    suffixes: PROFILES,
                    ..ConfigPath::all("/usr/lib/NetworkManager/system-connections")
                },
                ConfigPath {
                    prefixes: &["ifcfg-", "route-", "route6-", "rule-", "rule6-"],
                    ignored: ifcfg::COPIES,
                    ..ConfigPath::all(ifcfg::DIRECTORY)
                },
                ConfigPath::all(matching::TIMESTAMPS),
                ConfigPath::all(unmanaged::MAIN),
                ConfigPath { suffixes: CONFIGURATION, ..ConfigPath::all(unmanaged::DIRECTORIES[0]) },
                ConfigPath { suffixes: CONFIGURATION, ..ConfigPath::all(unmanaged::DIRECTORIES[1]) },
                ConfigPath { suffixes: CONFIGURATION, ..ConfigPath::all(unmanaged::DIRECTORIES[2]) },
            ]
        }
    }

    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings> {
        if is_ifcfg(file) {
            return Manager::Ifcfg.dialect().parsed(file, nic);
        }
        applies(&Ini::parse(&file.text), nic).then(|| settings::parsed(file, nic))
    }

    fn applied<'a>(&self, tree: &'a Tree, nic: &Nic) -> Vec<Applied<'a>> {
        let profile = profile_of(tree, nic).map(|file| Applied { file, parsed: settings::parsed(file, nic) });
        if profile.as_ref().is_some_and(|profile| profile.file.is_ours() || profile.parsed.exact) {
            return profile.into_iter().collect();
        }
        let ifcfg = tree.files().iter().filter(|file| is_ifcfg(file));
        let ifcfg: Vec<Applied<'_>> =
            ifcfg.filter_map(|file| Some(Applied { file, parsed: self.parsed(file, nic)? })).collect();
        if ifcfg.is_empty() { profile.into_iter().collect() } else { ifcfg }
    }

    fn conflict(&self, tree: &Tree, devices: &[Nic]) -> Option<RefusedSetting> {
        unmanaged::unmanaged(tree, devices)
    }

    fn address_lines(&self, addresses: &[IpNet]) -> Vec<String> {
        let line = |(number, address): (usize, &IpNet)| {
            let family = if address.addr().is_ipv4() { "[ipv4]" } else { "[ipv6]" };
            [family.to_owned(), format!("address{}={address}", number + 1001)]
        };
        addresses.iter().enumerate().flat_map(line).collect()
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let ini = Ini::parse(&file.text);
        let of_ovs = format!("# Port of the Open vSwitch bridge {bridge}.");
        let is_port = ini.get("connection", "slave-type") == Some("bridge")
            && ini.get("connection", "master") == Some(bridge.as_str());
        let is_port = is_port || file.text.lines().any(|line| line == of_ovs);
        ini.get("connection", "interface-name").filter(|_| is_port)?.parse().ok()
    }

    fn without_devices(&self, tree: &Tree, file: &File, devices: &[Nic]) -> Remainder {
        if is_ifcfg(file) {
            return Manager::Ifcfg.dialect().without_devices(tree, file, devices);
        }
        if is_theirs(&Ini::parse(&file.text), devices) {
            return Remainder::Empty;
        }
        let text = references::renamed(tree, &file.text, devices);
        if text == file.text { Remainder::Unchanged } else { Remainder::Text(text) }
    }

    fn own_files(
        &self,
        tree: &Tree,
        views: &[DeviceTemplate],
        templates: &Templates,
    ) -> Result<Vec<OwnFile>, RenderError> {
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

/// A bridge, its internal port with the host's addresses, and the ports of both: four profiles
/// (nm-openvswitch(7)).
fn ovs(templates: &Templates, view: &DeviceTemplate) -> Result<Vec<OwnFile>, RenderError> {
    let bridge = format!("{}-bridge", view.name);
    let values = |master| Values { device: view, id: String::new(), uuid: String::new(), master };
    let mut files = vec![profile(templates, "ovs-bridge", &bridge, values(None))?];
    for port in view.ports.iter().chain([&view.name]) {
        let own = DeviceTemplate {
            name: port.clone(),
            tag: view.tag.filter(|_| *port == view.name),
            ..view.clone()
        };
        let values = Values { device: &own, ..values(Some((uuid(&bridge), "ovs-bridge"))) };
        files.push(profile(templates, "ovs-port", &format!("{}-port-{port}", view.name), values)?);
    }
    let port = uuid(&format!("{0}-port-{0}", view.name));
    files.push(profile(templates, "ovs-interface", &view.name, values(Some((port, "ovs-port"))))?);
    Ok(files)
}

fn profile(templates: &Templates, kind: &str, id: &str, values: Values<'_>) -> Result<OwnFile, RenderError> {
    let values = Values { id: format!("xdock-{id}"), uuid: uuid(id), ..values };
    let text = templates
        .render(&format!("etc/NetworkManager/system-connections/xdock-{kind}.nmconnection"), &values)?;
    Ok(OwnFile::private(format!("{DIRECTORY}/xdock-{id}.nmconnection"), text))
}

/// UUID of a profile, equal in every run: RFC 9562, 5.8 (version 8: the bits are ours).
fn uuid(profile: &str) -> String {
    let digest = Sha256::digest(format!("xdock NetworkManager {profile}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn is_ifcfg(file: &File) -> bool {
    file.path.starts_with(ifcfg::DIRECTORY)
}
