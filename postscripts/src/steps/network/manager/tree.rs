//! A manager's files as they are.

use std::io;
use std::path::{Path, PathBuf};

use hostnet::Route;
use inventory::IfName;
use thiserror::Error;

use super::Manager;
use super::dialect::{Place, SIGNATURE, Said};

/// The files can not be read.
#[derive(Debug, Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute, as on the host.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// The files of a manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: PathBuf,
    manager: Manager,
    files: Vec<File>,
    ovs_plugin: bool,
}

/// Where NetworkManager's plugin for Open vSwitch is; the directory between has the version in its name.
const PLUGINS: [&str; 3] =
    ["usr/lib64/NetworkManager", "usr/lib/NetworkManager", "usr/lib/x86_64-linux-gnu/NetworkManager"];
const OVS_PLUGIN: &str = "libnm-device-plugin-ovs.so";

impl Tree {
    /// Reads them below `root`: `/`, or the directory of a test.
    ///
    /// # Errors
    /// One is there but can not be read.
    pub fn read(root: &Path, manager: Manager) -> Result<Self, ReadError> {
        let mut tree =
            Self { root: root.to_owned(), manager, files: Vec::new(), ovs_plugin: has_plugin(root) };
        for place in manager.dialect().places() {
            for path in listed(root, place)? {
                if let Some(text) = read(&tree.on_disk(&path))? {
                    tree.files.push(File { path, text });
                }
            }
        }
        Ok(tree)
    }

    /// Whose they are.
    pub fn manager(&self) -> Manager {
        self.manager
    }

    /// All of them, place by place, by name.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Whether NetworkManager can do Open vSwitch here.
    pub fn has_ovs_plugin(&self) -> bool {
        self.ovs_plugin
    }

    /// Where a path of the host is on this disk.
    pub(super) fn on_disk(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether something is at a path of the host.
    pub(super) fn has(&self, path: &str) -> bool {
        self.on_disk(Path::new(path)).exists()
    }

    /// The port that our file of an earlier run puts into the bridge.
    pub fn remembered(&self, bridge: &IfName) -> Option<IfName> {
        let dialect = self.manager.dialect();
        self.files.iter().filter(|file| file.is_ours()).find_map(|file| dialect.port_of(file, bridge))
    }

    /// Whether a device gets its IPv4 address by DHCP.
    pub fn is_dhcp(&self, device: &IfName) -> bool {
        self.said(device).iter().any(|said| said.dhcp)
    }

    /// Whether a file has the device by its name.
    pub fn names(&self, device: &IfName) -> bool {
        self.naming(device).is_some()
    }

    /// The file that has the device by its name.
    pub fn naming(&self, device: &IfName) -> Option<&Path> {
        let dialect = self.manager.dialect();
        let named = |file: &&File| dialect.said(file, device).is_some_and(|said| said.exact);
        self.files.iter().find(named).map(|file| file.path.as_path())
    }

    /// Settings of somebody else's files of the device that ours do not take over.
    pub fn lost_options(&self, device: &IfName) -> Vec<String> {
        let dialect = self.manager.dialect();
        let foreign = self.files.iter().filter(|file| !file.is_ours());
        let said = foreign.filter_map(|file| dialect.said(file, device)).filter(|said| said.exact);
        said.flat_map(|said| said.lost).collect()
    }

    /// Routes in our file of an earlier run, which its NIC had before that.
    pub(super) fn carried(&self, device: &IfName) -> Vec<Route> {
        let dialect = self.manager.dialect();
        let ours = self.files.iter().filter(|file| file.is_ours());
        ours.filter_map(|file| dialect.said(file, device)).flat_map(|said| said.routes).collect()
    }

    /// What the files say of a device: those that name it, else the first that has it by a pattern.
    pub(super) fn said(&self, device: &IfName) -> Vec<Said> {
        let dialect = self.manager.dialect();
        let all: Vec<Said> = self.files.iter().filter_map(|file| dialect.said(file, device)).collect();
        if all.iter().any(|said| said.exact) {
            return all.into_iter().filter(|said| said.exact).collect();
        }
        all.into_iter().take(1).collect()
    }
}

impl File {
    /// Whether an earlier run wrote it.
    pub fn is_ours(&self) -> bool {
        self.text.starts_with(SIGNATURE)
    }
}

fn has_plugin(root: &Path) -> bool {
    let plugin_in = |directory: &str| {
        let versions = std::fs::read_dir(root.join(directory)).into_iter().flatten().filter_map(Result::ok);
        versions.map(|version| version.path().join(OVS_PLUGIN)).any(|plugin| plugin.exists())
    };
    PLUGINS.into_iter().any(plugin_in)
}

fn read(path: &Path) -> Result<Option<String>, ReadError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError { path: path.to_owned(), source }),
    }
}

/// The files of a place, as paths of the host.
fn listed(root: &Path, place: &Place) -> Result<Vec<PathBuf>, ReadError> {
    let here = Path::new(place.path);
    let directory = root.join(here.strip_prefix("/").unwrap_or(here));
    if directory.is_file() {
        return Ok(vec![here.to_owned()]);
    }
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ReadError { path: directory, source }),
    };
    let files = entries.filter_map(Result::ok).filter(|entry| entry.path().is_file());
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let mut paths: Vec<PathBuf> =
        names.filter(|name| place.takes(name)).map(|name| here.join(name)).collect();
    paths.sort();
    Ok(paths)
}
