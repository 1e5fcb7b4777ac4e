//! The interface of each manager's module to its files. Pure.

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

/// First line of our files, also of an overriding template.
pub(super) const SIGNATURE: &str = "# Written by xdockhost";

/// Files of the manager: a directory, or one file.
pub(super) struct ConfigPath {
    /// Absolute, as on the host.
    pub(super) path: &'static str,
    /// Prefixes of the names that it reads.
    pub(super) prefixes: &'static [&'static str],
    /// Suffixes of the names that it reads. A name must have one of each.
    pub(super) suffixes: &'static [&'static str],
    /// Suffixes that it ignores.
    pub(super) ignored: &'static [&'static str],
    /// Suffix of directories with drop-ins, `*.conf`.
    pub(super) dropins: Option<&'static str>,
}

impl ConfigPath {
    /// A directory in which every file is read, or one file.
    pub(super) const fn all(path: &'static str) -> Self {
        Self { path, prefixes: &[], suffixes: &[], ignored: &[], dropins: None }
    }
}

/// Files that a file includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Include {
    /// All files of a directory.
    Directory(String),
    /// The files that match a pattern, which may be a path.
    Pattern(String),
}

impl Include {
    pub(super) fn of(is_directory: bool, path: &str) -> Self {
        if is_directory { Self::Directory(path.to_owned()) } else { Self::Pattern(path.to_owned()) }
    }
}

/// A definition that applies to an interface.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    /// Its file.
    pub(super) file: &'a File,
    /// Its settings.
    pub(super) parsed: ParsedSettings,
}

/// Settings of a device in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedSettings {
    /// Whether the definition names the device, not only a pattern that matches it.
    pub exact: bool,
    /// IPv4 by DHCP.
    pub dhcp: bool,
    /// Name servers.
    pub dns: Vec<String>,
    /// Search domains.
    pub search: Vec<String>,
    /// Routes other than default routes.
    pub routes: Vec<Route>,
    /// Static addresses.
    pub addresses: Vec<StaticAddress>,
    /// Settings that our files do not take over.
    pub dropped: Vec<DroppedSetting>,
    /// Settings of the interface itself, which our file of it takes over unchanged: lines in the manager's
    /// syntax.
    pub kept: Vec<String>,
    /// Settings that move to the device with the interface's addresses.
    pub moved: Vec<String>,
    /// Settings that our files cannot take over and that must not be lost.
    pub refused: Vec<RefusedSetting>,
}

/// A setting of a foreign file that our files do not take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedSetting {
    /// The file.
    pub file: PathBuf,
    /// Its line number, from 1; 0 if unknown.
    pub line: usize,
    /// The text in the file.
    pub setting: String,
}

/// An address in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticAddress {
    /// With prefix length.
    pub address: IpNet,
    /// Its location.
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

/// A setting of a foreign file without which the host's network would change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{}:{line}: {setting} of {interface} cannot be taken over into the files for this network; {advice}; nothing was changed",
    file.display()
)]
pub struct RefusedSetting {
    /// The file.
    pub file: PathBuf,
    /// Its line number, from 1.
    pub line: usize,
    /// The text in the file.
    pub setting: String,
    /// The interface.
    pub interface: IfName,
    /// Advice to the administrator.
    pub advice: &'static str,
}

/// A foreign file without our devices.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remainder {
    /// The file does not contain them.
    Unchanged,
    /// The remaining text.
    Text(String),
    /// Nothing remains.
    Empty,
}

/// A file of ours.
#[derive(Debug)]
pub(super) struct OwnFile {
    /// Absolute, as on the host.
    pub(super) path: String,
    /// Its content.
    pub(super) text: String,
    /// Permission bits.
    pub(super) mode: u32,
}

impl OwnFile {
    /// A file that everybody may read.
    pub(super) fn public(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text, mode: 0o644 }
    }

    /// A file that only root may read: the manager would ignore it otherwise, or warn.
    pub(super) fn private(path: impl Into<String>, text: String) -> Self {
        Self { mode: 0o600, ..Self::public(path, text) }
    }
}

/// Syntax and semantics of one manager's files.
pub(super) trait Dialect {
    /// The paths that it reads.
    fn config_paths(&self) -> &'static [ConfigPath];

    /// Settings of an interface in a file; `None` if the file has none.
    fn parsed(&self, file: &File, nic: &Nic) -> Option<ParsedSettings>;

    /// The definitions that the manager applies to an interface, in its order.
    fn applied<'a>(&self, tree: &'a Tree, nic: &Nic) -> Vec<Applied<'a>> {
        let parsed = |file| Some(Applied { file, parsed: self.parsed(file, nic)? });
        tree.files().iter().filter_map(parsed).collect()
    }

    /// Further files that a file includes.
    fn includes(&self, _: &File) -> Vec<Include> {
        Vec::new()
    }

    /// A foreign definition that would take one of our devices at each boot, or that cannot be read.
    /// `devices` are those after the change.
    fn conflict(&self, _: &Tree, _: &[Nic]) -> Option<RefusedSetting> {
        None
    }

    /// Lines for our file of a device that add these addresses to those of the tables; empty if the syntax
    /// does not allow it.
    fn address_lines(&self, _: &[IpNet]) -> Vec<String> {
        Vec::new()
    }

    /// The lines that our file of a device took over from foreign files, without indentation.
    fn kept_lines(&self, file: &File, device: &IfName) -> Vec<String> {
        kept_block::read(&file.text, device)
    }

    /// The uplink that our file gives a bridge.
    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName>;

    /// A foreign file without these devices.
    fn without_devices(&self, tree: &Tree, file: &File, devices: &[Nic]) -> Remainder;

    /// Our files, in the order of writing: a power failure between two of them must leave a network that
    /// boots.
    ///
    /// # Errors
    /// A template cannot be rendered.
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
    /// Whether the manager reads a file of this name. No manager reads names that begin with a dot, which the
    /// guard uses for backups.
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

/// The last component of a path.
pub(super) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
