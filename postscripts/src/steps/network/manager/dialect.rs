//! What each manager's module can say of its files. Pure.

use std::fmt;
use std::path::{Path, PathBuf};

use hostnet::Route;
use inventory::IfName;
use ipnet::IpNet;
use thiserror::Error;

use super::Manager;
use super::device_template::DeviceTemplate;
use super::kept_block;
use super::nic::Nic;
use super::tree::{File, Tree};
use super::{ifcfg, ifupdown, netplan, networkd, networkmanager, wicked};
use crate::render::{RenderError, Templates};

/// How files of ours begin, also those of an overriding template.
pub(super) const SIGNATURE: &str = "# Written by xdockhost";

/// Files of the manager: a directory, or one file.
pub(super) struct ConfigPath {
    /// Absolute, as on the host.
    pub(super) path: &'static str,
    /// How the names begin that it reads.
    pub(super) prefixes: &'static [&'static str],
    /// How they end; a name must have one of each.
    pub(super) suffixes: &'static [&'static str],
    /// How the names end that it does not read.
    pub(super) ignored: &'static [&'static str],
    /// How the names of directories end that have drop-ins, `*.conf`.
    pub(super) dropins: Option<&'static str>,
}

impl ConfigPath {
    /// A directory of which every file is read, or one file.
    pub(super) const fn all(path: &'static str) -> Self {
        Self { path, prefixes: &[], suffixes: &[], ignored: &[], dropins: None }
    }
}

/// What a file has the manager read besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Include {
    /// The files of a directory.
    Directory(String),
    /// The files of a pattern, which may be a path.
    Pattern(String),
}

impl Include {
    pub(super) fn of(is_directory: bool, path: &str) -> Self {
        if is_directory { Self::Directory(path.to_owned()) } else { Self::Pattern(path.to_owned()) }
    }
}

/// A definition that holds for an interface.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    /// Where it is.
    pub(super) file: &'a File,
    /// What it says.
    pub(super) parsed: ParsedSettings,
}

/// What a file says of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedSettings {
    /// Whether it names the device, and not only a pattern that the device has.
    pub exact: bool,
    /// IPv4 by DHCP.
    pub dhcp: bool,
    /// Name servers.
    pub dns: Vec<String>,
    /// Domains that names are searched in.
    pub search: Vec<String>,
    /// Routes that are no default route.
    pub routes: Vec<Route>,
    /// StaticAddress addresses.
    pub addresses: Vec<StaticAddress>,
    /// Settings that our files do not take over.
    pub dropped: Vec<DroppedSetting>,
    /// Settings of the interface itself that our file of it takes over as they stand: lines of the manager's grammar.
    pub kept: Vec<String>,
    /// The same for the device that gets the interface's addresses.
    pub moved: Vec<String>,
    /// Settings that must not be lost and that our files cannot take over.
    pub refused: Vec<RefusedSetting>,
}

/// A setting of somebody else's file that ours do not take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedSetting {
    /// The file.
    pub file: PathBuf,
    /// The line in it; the first is 1, 0 is none.
    pub line: usize,
    /// As it stands there.
    pub setting: String,
}

/// An address that a file gives an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticAddress {
    /// With the length of the prefix.
    pub address: IpNet,
    /// Where it is.
    pub location: DroppedSetting,
}

impl fmt::Display for DroppedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.setting),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.setting),
        }
    }
}

/// A setting of somebody else's file without which the host's network would be another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{}:{line}: {setting} of {interface} cannot be taken over into the files for this network; {advice}; nothing was changed",
    file.display()
)]
pub struct RefusedSetting {
    /// The file.
    pub file: PathBuf,
    /// The line in it; the first is 1.
    pub line: usize,
    /// As it stands there.
    pub setting: String,
    /// The interface that has it.
    pub interface: IfName,
    /// What the administrator can do.
    pub advice: &'static str,
}

/// Somebody else's file without our devices.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remainder {
    /// It has none of them.
    Unchanged,
    /// What is left.
    Text(String),
    /// Nothing is left.
    Empty,
}

/// A file of ours.
#[derive(Debug)]
pub(super) struct OwnFile {
    /// Absolute, as on the host.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// Permission bits.
    pub(super) mode: u32,
}

impl OwnFile {
    /// A file that anybody may read.
    pub(super) fn public(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text, mode: 0o644 }
    }

    /// A file that the manager ignores, or warns of, when others than root may read it.
    pub(super) fn private(path: impl Into<String>, text: String) -> Self {
        Self { mode: 0o600, ..Self::public(path, text) }
    }
}

/// The grammar and the habits of one manager's files.
pub(super) trait Dialect {
    /// What it reads.
    fn config_paths(&self) -> &'static [ConfigPath];

    /// What a file says of an interface; `None`: nothing.
    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings>;

    /// The definitions that the manager applies to an interface, in its order.
    fn applied<'a>(&self, tree: &'a Tree, nic: &Nic) -> Vec<Applied<'a>> {
        let parsed = |file| Some(Applied { file, parsed: self.parsed(file, nic)? });
        tree.files().iter().filter_map(parsed).collect()
    }

    /// What a file has it read besides its own places.
    fn includes(&self, _: &File) -> Vec<Include> {
        Vec::new()
    }

    /// A definition of somebody else that takes one of our devices at each boot, or that nobody can read. The devices
    /// are as they will be.
    fn conflict(&self, _: &Tree, _: &[Nic]) -> Option<RefusedSetting> {
        None
    }

    /// Lines of our file of a device that give it these addresses beside those of the tables; none where the grammar cannot.
    fn address_lines(&self, _: &[IpNet]) -> Vec<String> {
        Vec::new()
    }

    /// What a file of ours took over from others' for a device: lines, without their indentation.
    fn kept_lines(&self, file: &File, device: &IfName) -> Vec<String> {
        kept_block::read(&file.text, device)
    }

    /// The port that leads out which a file of ours gives a bridge.
    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName>;

    /// Somebody else's file without these devices.
    fn without_devices(&self, tree: &Tree, file: &File, devices: &[Nic]) -> Remainder;

    /// Our files, in the order in which they are written: a power cut between two of them must leave a network that boots.
    ///
    /// # Errors
    /// A template is wrong.
    fn own_files(
        &self,
        tree: &Tree,
        views: &[DeviceTemplate],
        templates: &Templates,
    ) -> Result<Vec<OwnFile>, RenderError>;
}

impl Manager {
    pub(super) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Ifupdown => &ifupdown::Ifupdown,
            Self::Networkd => &networkd::Networkd,
            Self::NetworkManager => &networkmanager::NetworkManager,
            Self::Netplan => &netplan::Netplan,
            Self::Ifcfg => &ifcfg::Ifcfg,
            Self::Wicked => &wicked::Wicked,
        }
    }
}

impl ConfigPath {
    /// Whether the manager reads a file of that name there. None of them reads one that begins with a dot, which is how the guard
    /// keeps old files beside new ones.
    pub(super) fn reads(&self, name: &str) -> bool {
        if name.starts_with('.') || self.ignored.iter().any(|end| name.ends_with(end)) {
            return false;
        }
        let any =
            |list: &[&str], has: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|part| has(part));
        any(self.prefixes, &|prefix| name.starts_with(prefix))
            && any(self.suffixes, &|suffix| name.ends_with(suffix))
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
