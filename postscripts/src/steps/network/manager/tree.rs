//! The current files of a manager.

use std::io;
use std::path::{Component, Path, PathBuf};

use durable::FileError;
use hostnet::Route;
use inventory::IfName;
use thiserror::Error;

use super::dialect::{
    Applied, ConfigPath, DroppedSetting, Include, ParsedSettings, RefusedSetting, SIGNATURE,
};
use super::nic::Nics;
use super::{Manager, glob};

/// Files of a manager that cannot be read. Nothing is changed, because their settings would be lost.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A directory.
    #[error("cannot read directory {}", path.display())]
    Directory {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A file.
    #[error("a file of the network manager cannot be read; repair or remove it; nothing was changed")]
    File(#[source] FileError),
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute, as on the host.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// The files of a manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: PathBuf,
    manager: Manager,
    files: Vec<File>,
    ovs_plugin: bool,
    nics: Nics,
    /// Previous and new names of renamed bridges.
    renamed: Vec<(IfName, IfName)>,
}

/// Directories of NetworkManager's Open vSwitch plugin. The directory between has the version as its name.
const PLUGINS: [&str; 3] =
    ["usr/lib64/NetworkManager", "usr/lib/NetworkManager", "usr/lib/x86_64-linux-gnu/NetworkManager"];
const OVS_PLUGIN: &str = "libnm-device-plugin-ovs.so";

impl Tree {
    /// Reads the files below `root`: `/`, or the directory of a test.
    ///
    /// # Errors
    /// A file exists but cannot be read.
    pub fn read(root: &Path, manager: Manager, nics: &Nics) -> Result<Self, ReadError> {
        let (root, nics, ovs_plugin) = (root.to_owned(), nics.clone(), has_plugin(root));
        let mut tree = Self { root, manager, files: Vec::new(), ovs_plugin, nics, renamed: Vec::new() };
        for place in manager.dialect().config_paths() {
            for path in listed(&tree.root, place)? {
                if let Some(text) = read(&tree.on_disk(&path))? {
                    tree.files.push(File { path, text });
                }
            }
        }
        tree.read_included()?;
        Ok(tree)
    }

    /// Reads included files, recursively.
    fn read_included(&mut self) -> Result<(), ReadError> {
        let mut next = 0;
        while let Some(file) = self.files.get(next) {
            for path in included(&self.root, file, &self.manager.dialect().includes(file))? {
                if self.files.iter().any(|known| known.path == path) {
                    continue;
                }
                if let Some(text) = read(&self.on_disk(&path))? {
                    self.files.push(File { path, text });
                }
            }
            next += 1;
        }
        Ok(())
    }

    /// The interfaces that its definitions match.
    pub fn nics(&self) -> &Nics {
        &self.nics
    }

    /// The same files, in which settings of a previous name also apply to the new one.
    #[must_use]
    pub fn renamed(mut self, names: &[(IfName, IfName)]) -> Self {
        self.renamed = names.iter().filter(|(old, new)| old != new).cloned().collect();
        self
    }

    /// The device's name and its previous name.
    fn names_of<'a>(&'a self, device: &'a IfName) -> impl Iterator<Item = &'a IfName> {
        let old = self.renamed.iter().filter(move |(_, new)| new == device).map(|(old, _)| old);
        [device].into_iter().chain(old)
    }

    /// The manager.
    pub fn manager(&self) -> Manager {
        self.manager
    }

    /// All files, by path and name.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Whether NetworkManager supports Open vSwitch on this host.
    pub fn has_ovs_plugin(&self) -> bool {
        self.ovs_plugin
    }

    /// Converts a path of the host to a path below the root.
    pub(super) fn on_disk(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path of the host of a file on this disk.
    pub(super) fn in_host(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path))
    }

    /// Whether a path of the host exists.
    pub(super) fn has(&self, path: &str) -> bool {
        self.on_disk(Path::new(path)).exists()
    }

    /// The port that our file of an earlier run attaches to the bridge.
    pub fn saved_port(&self, bridge: &IfName) -> Option<IfName> {
        let dialect = self.manager.dialect();
        self.files.iter().filter(|file| file.is_ours()).find_map(|file| dialect.port_of(file, bridge))
    }

    /// Whether a device gets its IPv4 address by DHCP.
    pub fn is_dhcp(&self, device: &IfName) -> bool {
        self.parsed(device).iter().any(|parsed| parsed.dhcp)
    }

    /// The file whose definition applies to a device.
    pub fn file_for(&self, device: &IfName) -> Option<&Path> {
        self.applied(device).first().map(|applied| applied.file.path.as_path())
    }

    /// Settings of foreign definitions of the device that our files do not take over.
    pub(super) fn lost_options(&self, device: &IfName) -> Vec<DroppedSetting> {
        self.foreign(device).flat_map(|parsed| parsed.dropped).collect()
    }

    /// The first setting of foreign definitions of the device that must not be lost.
    pub(super) fn refused(&self, device: &IfName) -> Option<RefusedSetting> {
        self.foreign(device).flat_map(|parsed| parsed.refused).next()
    }

    /// Routes in our file of an earlier run, which were its NIC's before.
    pub(super) fn kept_routes(&self, device: &IfName) -> Vec<Route> {
        self.names_of(device).flat_map(|name| self.kept_routes_of(name)).collect()
    }

    fn kept_routes_of(&self, device: &IfName) -> Vec<Route> {
        let nic = self.nics.get(device);
        let dialect = self.manager.dialect();
        let ours = self.files.iter().filter(|file| file.is_ours());
        let named = ours.filter_map(|file| dialect.parsed(file, &nic));
        let applied = self.applied(device).into_iter().filter(|applied| applied.file.is_ours());
        named.chain(applied.map(|applied| applied.parsed)).flat_map(|parsed| parsed.routes).collect()
    }

    /// Lines of foreign files that our file of the device took over in an earlier run.
    pub(super) fn kept(&self, device: &IfName) -> Vec<String> {
        let ours = self.files.iter().filter(|file| file.is_ours());
        let kept =
            |file| self.names_of(device).flat_map(move |name| self.manager.dialect().kept_lines(file, name));
        ours.flat_map(kept).collect()
    }

    /// Settings of a device in foreign definitions.
    pub(super) fn foreign(&self, device: &IfName) -> impl Iterator<Item = ParsedSettings> {
        let applied = self.applied(device).into_iter();
        applied.filter(|applied| !applied.file.is_ours()).map(|applied| applied.parsed)
    }

    /// Settings of a device in all definitions that apply to it.
    pub(super) fn parsed(&self, device: &IfName) -> Vec<ParsedSettings> {
        self.names_of(device).flat_map(|name| self.applied(name)).map(|applied| applied.parsed).collect()
    }

    /// The definitions that hold for a device.
    pub(super) fn applied(&self, device: &IfName) -> Vec<Applied<'_>> {
        self.manager.dialect().applied(self, &self.nics.get(device))
    }
}

impl File {
    /// Whether an earlier run of xdockhost wrote it.
    pub fn is_ours(&self) -> bool {
        self.text.starts_with(SIGNATURE)
    }
}

#[allow(clippy::disallowed_methods, reason = "programs, which are never written")]
fn has_plugin(root: &Path) -> bool {
    let plugin_in = |directory: &str| {
        let versions = std::fs::read_dir(root.join(directory)).into_iter().flatten().filter_map(Result::ok);
        versions.map(|version| version.path().join(OVS_PLUGIN)).any(|plugin| plugin.exists())
    };
    PLUGINS.into_iter().any(plugin_in)
}

/// Reads a file. A link to `/dev/null`, with which systemd masks a file, is empty.
fn read(path: &Path) -> Result<Option<String>, ReadError> {
    if std::fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null")) {
        return Ok(Some(String::new()));
    }
    durable::read_text(path).map_err(ReadError::File)
}

/// The files of a path, as paths of the host. Directories are skipped if every name is read.
fn listed(root: &Path, place: &ConfigPath) -> Result<Vec<PathBuf>, ReadError> {
    let here = Path::new(place.path);
    let directory = root.join(here.strip_prefix("/").unwrap_or(here));
    if directory.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) && !directory.is_dir() {
        return Ok(vec![here.to_owned()]);
    }
    let mut paths = Vec::new();
    for name in names(&directory)? {
        let on_disk = directory.join(&name);
        let is_any = place.prefixes.is_empty() && place.suffixes.is_empty();
        if place.reads(&name) && !(is_any && on_disk.is_dir()) {
            paths.push(here.join(&name));
        }
        if place.dropins.is_some_and(|end| name.ends_with(end)) && on_disk.is_dir() {
            let dropins = names(&on_disk)?.into_iter().filter(|name| name.ends_with(".conf"));
            paths.extend(dropins.map(|dropin| here.join(&name).join(dropin)));
        }
    }
    Ok(paths)
}

/// The files that a file includes, as paths of the host. A relative path starts at the file's directory.
fn included(root: &Path, file: &File, includes: &[Include]) -> Result<Vec<PathBuf>, ReadError> {
    let here = file.path.parent().unwrap_or(Path::new("/"));
    let mut paths = Vec::new();
    for include in includes {
        match include {
            Include::Directory(path) => paths.extend(expanded(root, &here.join(path).join("*"))?),
            Include::Pattern(pattern) => paths.extend(expanded(root, &here.join(pattern))?),
        }
    }
    Ok(paths)
}

/// The files that match a path, each part of which may be a pattern.
fn expanded(root: &Path, pattern: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.components() {
        let Component::Normal(part) = part else { continue };
        let part = part.to_string_lossy();
        let mut next = Vec::new();
        for directory in found {
            if !glob::is_pattern(&part) {
                next.push(directory.join(&*part));
                continue;
            }
            let on_disk = root.join(directory.strip_prefix("/").unwrap_or(&directory));
            let names = if on_disk.is_dir() { names(&on_disk)? } else { Vec::new() };
            let matching =
                names.into_iter().filter(|name| !name.starts_with('.') && glob::matches(&part, name));
            next.extend(matching.map(|name| directory.join(name)));
        }
        found = next;
    }
    let on_disk = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    found.retain(|path| on_disk(path).symlink_metadata().is_ok() && !on_disk(path).is_dir());
    Ok(found)
}

/// The names in a directory, sorted; empty if it does not exist. Managers ignore names that are not UTF-8.
#[allow(clippy::disallowed_methods, reason = "a failure is a separate error")]
fn names(directory: &Path) -> Result<Vec<String>, ReadError> {
    let failed = |source| ReadError::Directory { path: directory.to_owned(), source };
    let mut names = Vec::new();
    match std::fs::read_dir(directory) {
        Ok(entries) => {
            for entry in entries {
                names.extend(entry.map_err(failed)?.file_name().into_string());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(failed(source)),
    }
    names.sort();
    Ok(names)
}
