//! Properties by which definitions can match a network interface.

use std::fs;
use std::path::{Path, PathBuf};

use hostnet::{Kind, Layer, Link};
use inventory::{IfName, MacAddr};

use super::ini::Ini;

/// A network interface, as definitions match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub name: IfName,
    /// Its alternative names.
    pub altnames: Vec<String>,
    /// Its current MAC.
    pub mac: Option<MacAddr>,
    /// The permanent MAC of the hardware.
    pub permanent_mac: Option<MacAddr>,
    /// The kernel's kind of a software device (`bridge`, `veth`); empty for hardware.
    pub kind: String,
    /// Its type in networkctl(1): `ether`, `bridge`, `vlan`.
    pub device_type: String,
    /// Its driver in ethtool(8).
    pub driver: Option<String>,
    /// Its properties in udev's database: `ID_PATH`, `ID_NET_NAME_PATH` and others.
    pub properties: Vec<(String, String)>,
    /// The `.network` file that systemd-networkd applies to it now.
    pub network_file: Option<PathBuf>,
    /// The UUID of its active NetworkManager profile.
    pub profile: Option<String>,
}

/// The network interfaces of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nics(Vec<Nic>);

impl Nics {
    /// Adds properties from udev and the running managers, below `root`, to those of the kernel.
    pub fn observe(root: &Path, links: &[Link]) -> Self {
        Self(links.iter().map(|link| Nic::observe(root, link)).collect())
    }

    /// A given list.
    pub fn new(nics: Vec<Nic>) -> Self {
        Self(nics)
    }

    /// The interface with this name. If it does not exist, only the name is known.
    pub fn get(&self, name: &IfName) -> Nic {
        let known = self.0.iter().find(|nic| nic.name == *name);
        known.cloned().unwrap_or_else(|| Nic::named(name.clone()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Nic> {
        self.0.iter()
    }
}

impl Nic {
    /// An interface of which only the name is known.
    pub fn named(name: IfName) -> Self {
        Self {
            name,
            altnames: Vec::new(),
            mac: None,
            permanent_mac: None,
            kind: String::new(),
            device_type: "ether".to_owned(),
            driver: None,
            properties: Vec::new(),
            network_file: None,
            profile: None,
        }
    }

    fn observe(root: &Path, link: &Link) -> Self {
        let properties = properties(root, link.index);
        let kind = kind(&link.kind);
        let property = |key: &str| properties.iter().find(|(known, _)| known == key).map(|(_, value)| value);
        Self {
            name: link.name.clone(),
            altnames: link.altnames.clone(),
            mac: link.mac,
            permanent_mac: link.permanent_mac,
            device_type: property("DEVTYPE").cloned().unwrap_or_else(|| device_type(link)),
            driver: property("ID_NET_DRIVER").cloned().or_else(|| driver(root, &link.name, &kind)),
            network_file: network_file(root, link.index),
            profile: profile(root, link.index),
            kind,
            properties,
        }
    }

    /// All its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [self.name.as_str()].into_iter().chain(self.altnames.iter().map(String::as_str))
    }

    /// A property in udev's database.
    pub(super) fn property(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Its permanent MAC, else the current one: NetworkManager and udev do the same for software devices.
    pub(super) fn hardware_mac(&self) -> Option<MacAddr> {
        self.permanent_mac.or(self.mac)
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Bridge => "bridge".to_owned(),
        Kind::Bond => "bond".to_owned(),
        Kind::Vlan => "vlan".to_owned(),
        Kind::Veth => "veth".to_owned(),
        Kind::Other(word) => word.clone(),
    }
}

/// systemd's `link_get_type_string`: the device type that the driver sets, else the hardware type.
fn device_type(link: &Link) -> String {
    match (&link.kind, link.layer) {
        (Kind::Bridge, _) => "bridge",
        (Kind::Bond, _) => "bond",
        (Kind::Vlan, _) => "vlan",
        (_, Layer::Ethernet) => "ether",
        (_, Layer::Infiniband) => "infiniband",
        (_, Layer::Other) if link.name.as_str() == "lo" => "loopback",
        (_, Layer::Other) => "none",
    }
    .to_owned()
}

/// Software devices have no driver in sysfs. Most of them report their kind to ethtool(8).
fn driver(root: &Path, name: &IfName, kind: &str) -> Option<String> {
    let link = root.join("sys/class/net").join(name.as_str()).join("device/driver");
    let target = fs::read_link(link).ok();
    let driver = target.and_then(|target| Some(target.file_name()?.to_str()?.to_owned()));
    driver.or_else(|| Some(kind.to_owned()).filter(|kind| !kind.is_empty()))
}

/// State that a daemon writes to a file below /run; `None` if it is not running or has no such file.
#[allow(clippy::disallowed_methods, reason = "state of a running daemon, never written back")]
fn state(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

/// Reads a device in udev's database: one line `E:KEY=VALUE` per property (systemd, `device_update_db`).
fn properties(root: &Path, index: u32) -> Vec<(String, String)> {
    let text = state(root, &format!("run/udev/data/n{index}")).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The file that networkd applies to an interface (`/run/systemd/netif/links`, sd-network).
fn network_file(root: &Path, index: u32) -> Option<PathBuf> {
    let text = state(root, &format!("run/systemd/netif/links/{index}"))?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value("NETWORK_FILE").filter(|_| value("ADMIN_STATE") != Some("unmanaged")).map(PathBuf::from)
}

/// The profile of an interface that NetworkManager manages (`/run/NetworkManager/devices`).
fn profile(root: &Path, index: u32) -> Option<String> {
    let text = state(root, &format!("run/NetworkManager/devices/{index}"))?;
    let ini = Ini::parse(&text);
    let is_managed = ini.get("device", "managed") == Some("true");
    ini.get("device", "connection-uuid").filter(|_| is_managed).map(str::to_owned)
}
