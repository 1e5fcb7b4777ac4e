//! The manager's files as they were when the network was confirmed. While they are unchanged, the saved network is what the
//! manager's files say, and the running network may be repaired from it. If an administrator changes them, it is not.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use durable::FileError;
use inventory::IfName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Manager;
use super::dialect::SIGNATURE;
use super::dropins::is_dropin;
use super::tree::{ReadError, Tree};
use crate::files::DesiredFile;
use crate::steps::network::resolved::ResolvedNetwork;

/// The manager, and the digests of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedFiles {
    manager: Manager,
    /// Files that xdockhost wrote.
    own: BTreeMap<PathBuf, String>,
    /// All others.
    others: BTreeMap<PathBuf, String>,
}

/// A file that is not as it was when the network was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A file of ours has other content.
    Changed(PathBuf),
    /// A file of ours does not exist.
    Missing(PathBuf),
    /// A new or changed file of others configures a device of the network.
    Configures(PathBuf, IfName),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(path) => write!(f, "{} was changed", path.display()),
            Self::Missing(path) => write!(f, "{} is missing", path.display()),
            Self::Configures(path, device) => write!(f, "{} configures {device}", path.display()),
        }
    }
}

impl ConfirmedFiles {
    /// The files of `tree` after `wanted` is written.
    pub fn after(tree: &Tree, wanted: &[DesiredFile]) -> Self {
        let mut confirmed = Self { manager: tree.manager(), own: BTreeMap::new(), others: BTreeMap::new() };
        for file in tree.files() {
            confirmed.add(file.path.clone(), file.text.as_bytes());
        }
        for file in wanted {
            let path = tree.in_host(&file.path);
            confirmed.own.remove(&path);
            confirmed.others.remove(&path);
            if !file.absent {
                confirmed.add(path, &file.content);
            }
        }
        confirmed
    }

    fn add(&mut self, path: PathBuf, content: &[u8]) {
        let is_own = content.starts_with(SIGNATURE.as_bytes());
        // a drop-in configures no device
        if !is_dropin(&path) {
            let files = if is_own { &mut self.own } else { &mut self.others };
            files.insert(path, digest(content));
        }
    }

    /// The manager of the files.
    pub fn manager(&self) -> Manager {
        self.manager
    }

    /// The first difference that concerns the devices of `network`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn difference(
        &self,
        tree: &Tree,
        network: &ResolvedNetwork,
    ) -> Result<Option<Difference>, ReadError> {
        for (path, known) in &self.own {
            match durable::read(&tree.on_disk(path)).map_err(|error: FileError| ReadError::File(error))? {
                None => return Ok(Some(Difference::Missing(path.clone()))),
                Some(content) if digest(&content) != *known => {
                    return Ok(Some(Difference::Changed(path.clone())));
                }
                Some(_) => {}
            }
        }
        Ok(self.configured_elsewhere(tree, network))
    }

    /// Files below `/run` are state of programs, for example the profiles that NetworkManager generates.
    fn configured_elsewhere(&self, tree: &Tree, network: &ResolvedNetwork) -> Option<Difference> {
        let is_new = |path: &Path, text: &str| {
            !path.starts_with("/run")
                && !self.own.contains_key(path)
                && self.others.get(path).is_none_or(|known| *known != digest(text.as_bytes()))
        };
        network.devices.iter().find_map(|device| {
            let applied = tree.applied(&device.name);
            let new = applied.into_iter().find(|applied| is_new(&applied.file.path, &applied.file.text))?;
            Some(Difference::Configures(new.file.path.clone(), device.name.clone()))
        })
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
