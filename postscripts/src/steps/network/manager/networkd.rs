//! systemd-networkd: systemd.network(5), systemd.netdev(5).
//!
//! networkd applies only the first file by name that matches an interface. Our names begin with `00-`. A
//! foreign file that would still come first gets a drop-in that excludes our devices. networkd does not
//! support Open vSwitch: the switch's own database keeps the bridge, and networkd only adds the addresses to
//! the internal port when it appears.
//!
//! ```text
//! matching.rs   which file applies to an interface
//! settings.rs   its settings, and what happens to each
//! exclude.rs    drop-ins that exclude our devices from foreign files
//! ```

pub(super) mod exclude;
mod matching;
mod settings;

use inventory::IfName;
use ipnet::IpNet;
use serde::Serialize;

use self::exclude::exclusions;
use self::matching::{Listed, applies, listed, networks};
use super::device_template::{DeviceTemplate, nics_last};
use super::dialect::{Applied, ConfigPath, Dialect, OwnFile, ParsedSettings, Remainder, file_name};
use super::ini::Ini;
use super::nic::Nic;
use super::tree::{File, Tree};
use crate::render::{RenderError, Templates};

const DIRECTORY: &str = "/etc/systemd/network";
/// Prefix of our file names.
const OWN_PREFIX: &str = "00-xdock-";

/// systemd-networkd.
pub(super) struct Networkd;

#[derive(Serialize)]
struct Values<'a> {
    device: &'a DeviceTemplate,
    /// Keys and values of a bond's section.
    bond: Vec<(&'static str, String)>,
    /// Whether it is the bond's primary port.
    primary: bool,
}

impl Dialect for Networkd {
    fn config_paths(&self) -> &'static [ConfigPath] {
        const fn place(path: &'static str) -> ConfigPath {
            ConfigPath {
                suffixes: &[".network", ".netdev"],
                dropins: Some(".network.d"),
                ..ConfigPath::all(path)
            }
        }
        const {
            &[
                place(DIRECTORY),
                place("/run/systemd/network"),
                place("/usr/local/lib/systemd/network"),
                place("/usr/lib/systemd/network"),
            ]
        }
    }

    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings> {
        let ini = Ini::of(&[file]);
        if is_netdev(file) {
            let named = ini.get("NetDev", "Name") == Some(nic.name.as_str());
            return named.then(|| ParsedSettings { exact: true, ..ParsedSettings::default() });
        }
        applies(&ini, file, nic).then(|| settings::parsed(&ini, nic))
    }

    fn applied<'a>(&self, tree: &'a Tree, nic: &Nic) -> Vec<Applied<'a>> {
        let first = networks(tree).into_iter().find_map(|files| {
            let ini = Ini::of(&files);
            let file = files.first().filter(|file| applies(&ini, file, nic))?;
            Some(Applied { file, parsed: settings::parsed(&ini, nic) })
        });
        let netdevs = tree.files().iter().filter(|file| is_netdev(file));
        let netdevs = netdevs.filter_map(|file| Some(Applied { file, parsed: self.parsed(file, nic)? }));
        first.into_iter().chain(netdevs).collect()
    }

    fn address_lines(&self, addresses: &[IpNet]) -> Vec<String> {
        let lines = |address: &IpNet| ["[Address]".to_owned(), format!("Address={address}")];
        addresses.iter().flat_map(lines).collect()
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let ini = Ini::parse(&file.text);
        // the template names an Open vSwitch bridge in this comment, for people and for this function
        let of_ovs = format!("# Port of the Open vSwitch bridge {bridge}.");
        let is_port = ini.get("Network", "Bridge") == Some(bridge.as_str())
            || file.text.lines().any(|line| line == of_ovs);
        ini.get("Match", "Name").filter(|_| is_port)?.parse().ok()
    }

    fn without_devices(&self, _: &Tree, file: &File, devices: &[Nic]) -> Remainder {
        let ini = Ini::of(&[file]);
        if is_netdev(file) {
            let is_ours = |name: &str| devices.iter().any(|device| device.name.as_str() == name);
            return if ini.get("NetDev", "Name").is_some_and(is_ours) {
                Remainder::Empty
            } else {
                Remainder::Unchanged
            };
        }
        match listed(&ini, devices) {
            None => Remainder::Unchanged,
            Some(list) if list.ours.iter().all(|is_ours| *is_ours) => Remainder::Empty,
            Some(list) => Remainder::Text(with_list(&file.text, &list)),
        }
    }

    fn own_files(
        &self,
        tree: &Tree,
        views: &[DeviceTemplate],
        templates: &Templates,
    ) -> Result<Vec<OwnFile>, RenderError> {
        let mut files = exclusions(tree, views);
        for view in nics_last(views) {
            let values = Values { device: view, bond: bond(view), primary: is_primary(view, views) };
            files.push(rendered(templates, &values, "network")?);
            if matches!(view.kind, "bond" | "vlan" | "bridge") {
                files.push(rendered(templates, &values, "netdev")?);
            }
        }
        Ok(files)
    }
}

fn rendered(templates: &Templates, values: &Values<'_>, suffix: &str) -> Result<OwnFile, RenderError> {
    let text = templates.render(&format!("etc/systemd/network/00-xdock-device.{suffix}"), values)?;
    Ok(OwnFile::public(format!("{DIRECTORY}/{OWN_PREFIX}{}.{suffix}", values.device.name), text))
}

fn is_netdev(file: &File) -> bool {
    file_name(&file.path).ends_with(".netdev")
}

/// Names of the kernel's bonding driver and of systemd.netdev(5), and the unit of a time.
const BOND: [(&str, &str, &str); 13] = [
    ("mode", "Mode", ""),
    ("miimon", "MIIMonitorSec", "ms"),
    ("updelay", "UpDelaySec", "ms"),
    ("downdelay", "DownDelaySec", "ms"),
    ("lacp_rate", "LACPTransmitRate", ""),
    ("xmit_hash_policy", "TransmitHashPolicy", ""),
    ("ad_select", "AdSelect", ""),
    ("primary_reselect", "PrimaryReselectPolicy", ""),
    ("fail_over_mac", "FailOverMACPolicy", ""),
    ("arp_interval", "ARPIntervalSec", "ms"),
    ("arp_ip_target", "ARPIPTargets", ""),
    ("min_links", "MinLinks", ""),
    ("num_grat_arp", "GratuitousARP", ""),
];

fn bond(view: &DeviceTemplate) -> Vec<(&'static str, String)> {
    let named = |(key, value): &(String, String)| {
        let (_, name, unit) = BOND.iter().find(|(known, _, _)| known == key)?;
        let value = if key == "arp_ip_target" { value.replace(',', " ") } else { value.clone() };
        Some((*name, format!("{value}{unit}")))
    };
    view.options.iter().filter_map(named).collect()
}

fn is_primary(view: &DeviceTemplate, views: &[DeviceTemplate]) -> bool {
    let master = view.master.as_ref().and_then(|master| views.iter().find(|view| view.name == master.name));
    let options = master.map(|master| master.options.as_slice()).unwrap_or_default();
    options.iter().any(|(key, value)| key == "primary" && *value == view.name)
}

/// The file without our interfaces in the list of its `[Match]`.
fn with_list(text: &str, list: &Listed) -> String {
    let words = list.words.iter().zip(&list.ours).filter(|(_, is_ours)| !**is_ours);
    let words: Vec<&str> = words.map(|(word, _)| word.as_str()).collect();
    let mut written = false;
    let line = |line: &str| {
        let rest = line.trim_start().strip_prefix(list.key);
        match (rest.is_some_and(|rest| rest.trim_start().starts_with('=')), written) {
            (false, _) => line.to_owned(),
            (true, true) => String::new(),
            (true, false) => {
                written = true;
                format!("{}={}\n", list.key, words.join(" "))
            }
        }
    };
    text.split_inclusive('\n').map(line).collect()
}
