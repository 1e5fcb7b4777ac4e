//! This management node as origin of snapshots: name, installation, and epoch of versions.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use durable::FileError;
use inventory::{Origin, Stamp};
use sha2::{Digest as _, Sha256};

/// File of the epoch, if it is not 0.
const EPOCH: &str = "/var/lib/xdock/epoch";

/// This management node.
#[derive(Debug)]
pub(crate) struct ManagementNode {
    name: String,
    id: String,
    file: PathBuf,
    epoch: Cell<u64>,
}

impl ManagementNode {
    /// Reads what identifies this machine.
    ///
    /// # Errors
    /// The file of the epoch cannot be read.
    pub(crate) fn this() -> Result<Self, FileError> {
        // another ID would be another management node
        let id = durable::read_text(Path::new("/etc/machine-id"))?.unwrap_or_default();
        Self::of(&crate::app::machine_name(), id.trim(), Path::new(EPOCH))
    }

    fn of(name: &str, machine: &str, file: &Path) -> Result<Self, FileError> {
        // the machine ID must not be sent to other machines (machine-id(5))
        let hash = Sha256::digest(format!("xdock {machine}"));
        let id: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
        let epoch = durable::read_text(file)?.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let name = if name.is_empty() { "localhost".to_owned() } else { name };
        Ok(Self { name, id, file: file.to_owned(), epoch: Cell::new(epoch) })
    }

    /// Origin of new snapshots.
    pub(crate) fn origin(&self) -> Origin {
        Origin { name: self.name.clone(), id: self.id.clone(), epoch: self.epoch.get() }
    }

    /// Starts a new epoch if `held` has a later version than `version` from this management node: all its earlier
    /// snapshots are then older on all hosts, whatever its clock showed.
    ///
    /// # Errors
    /// The new epoch was not recorded, and must not be used.
    pub(crate) fn overrule(&self, held: &Stamp, version: u64) -> Result<(), FileError> {
        let Some(theirs) = held.origin.as_ref().filter(|theirs| theirs.is_same(&self.origin())) else {
            return Ok(());
        };
        if (theirs.epoch, held.version) >= (self.epoch.get(), version) {
            let next = theirs.epoch.max(self.epoch.get()) + 1;
            durable::replace(&self.file, format!("{next}\n").as_bytes(), 0o644)?;
            self.epoch.set(next);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(node: &ManagementNode, version: u64, epoch: u64) -> Stamp {
        let origin = Some(Origin { epoch, ..node.origin() });
        Stamp { version, digest: "sha256:ab".into(), origin }
    }

    #[test]
    fn an_epoch_begins_only_where_a_version_of_its_own_stands_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("epoch");
        let node = ManagementNode::of("mn1\n", "4f3a", &file).unwrap();
        node.overrule(&held(&node, 6, 0), 7).unwrap();
        let foreign = Stamp { origin: None, ..held(&node, 900, 0) };
        node.overrule(&foreign, 7).unwrap();
        assert_eq!((node.origin().epoch, file.exists()), (0, false));
        node.overrule(&held(&node, 900, 0), 7).unwrap();
        assert_eq!(node.origin().epoch, 1);
        node.overrule(&held(&node, 900, 0), 7).unwrap();
        assert_eq!(ManagementNode::of("mn1", "4f3a", &file).unwrap().origin(), node.origin());
        // restored from a backup of before
        std::fs::remove_file(&file).unwrap();
        let restored = ManagementNode::of("mn1", "4f3a", &file).unwrap();
        restored.overrule(&held(&node, 3, 4), 7).unwrap();
        assert_eq!(restored.origin().epoch, 5);
    }

    #[test]
    fn another_name_or_machine_is_another_origin() {
        let dir = tempfile::tempdir().unwrap();
        let node =
            |name, machine| ManagementNode::of(name, machine, &dir.path().join("epoch")).unwrap().origin();
        assert!(node("mn1", "4f3a").is_same(&node("mn1", "4f3a")));
        for other in [node("mn2", "4f3a"), node("mn1", "77")] {
            assert!(!node("mn1", "4f3a").is_same(&other));
        }
        assert_eq!(node("", "").name, "localhost");
    }

    #[test]
    fn an_epoch_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = ManagementNode::of("mn1", "4f3a", dir.path()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read {}", dir.path().display()));
    }
}
