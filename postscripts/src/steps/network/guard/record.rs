//! Records of changes, from which this process, the guard or the next boot rolls back.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use durable::FileError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::backup::{BackupError, FileBackup};
use super::state_dir::{StateDir, StateDirError};
use crate::files::DesiredFile;

/// Incremented if an older program would misread a record.
const FORMAT: u32 = 1;
/// Configuration files may contain secrets (802.1X keys).
const MODE: u32 = 0o600;

/// Record of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Must be `FORMAT`.
    pub format: u32,
    /// An increasing number and a unique suffix.
    pub id: String,
    /// The boot in which the change began. A later boot has none of its kernel changes.
    pub boot: String,
    /// See [`Intent::undo`].
    pub undo: Vec<Undo>,
    /// Backups of the files.
    pub files: Vec<FileBackup>,
    /// See [`Intent::facts`].
    pub facts: Vec<String>,
    /// See [`Intent::manager`].
    pub manager: String,
    /// See [`Intent::probes`].
    pub probes: Value,
    /// See [`Intent::confirm`].
    pub confirm: u64,
    /// See [`Intent::limit`].
    pub limit: u64,
}

/// A record cannot be written, read or removed.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be read, written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not a record.
    #[error("{} is not a record of a network change that this program can read; repair the network by hand and remove the file", path.display())]
    Text {
        /// The record.
        path: PathBuf,
        /// Position and cause.
        #[source]
        source: serde_json::Error,
    },
    /// The record is from another version of this program.
    #[error("{} has format {format}, but this xdockhost supports format {FORMAT}; run the xdockhost that wrote it", path.display())]
    Format {
        /// The record.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A file cannot be backed up.
    #[error(transparent)]
    Keep(#[from] BackupError),
    /// The records cannot be listed.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
}

impl Record {
    /// Backs up the files. The record itself is not written yet.
    ///
    /// # Errors
    /// A file cannot be backed up.
    pub fn new(state_dir: &StateDir, intent: &Intent) -> Result<Self, RecordError> {
        let id = next_id(&state_dir.records()?.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
        let files: Result<Vec<FileBackup>, BackupError> =
            intent.files.iter().map(|path| FileBackup::create(path, &id)).collect();
        Ok(Self {
            format: FORMAT,
            id,
            boot: state_dir.boot.clone(),
            undo: intent.undo.clone(),
            files: files?,
            facts: intent.facts.clone(),
            manager: intent.manager.clone(),
            probes: intent.probes.clone(),
            confirm: intent.confirm,
            limit: intent.limit,
        })
    }

    /// Reads a record; `None` if it does not exist.
    ///
    /// # Errors
    /// It cannot be read, or is not a record.
    pub fn read(path: &Path) -> Result<Option<Self>, RecordError> {
        let Some(text) = durable::read(path)? else { return Ok(None) };
        let record: Self = serde_json::from_slice(&text)
            .map_err(|source| RecordError::Text { path: path.to_owned(), source })?;
        match record.format {
            FORMAT => Ok(Some(record)),
            format => Err(RecordError::Format { path: path.to_owned(), format }),
        }
    }

    /// Writes the record atomically.
    ///
    /// # Errors
    /// Such as a full disk. Then no record exists.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let text =
            serde_json::to_vec(self).map_err(|source| RecordError::Text { path: path.to_owned(), source })?;
        durable::replace(path, &text, MODE)?;
        Ok(())
    }

    /// Whether a rollback is needed after a reboot.
    pub fn outlives_boot(&self) -> bool {
        !self.files.is_empty() || self.has_switch_steps()
    }

    /// Whether it has steps in Open vSwitch's database.
    pub fn has_switch_steps(&self) -> bool {
        self.undo.iter().any(|undo| undo.outlives_boot)
    }

    /// The rollback to the network of the last good boot: of this change, and of an earlier change that has
    /// not booted either.
    #[must_use]
    pub fn with_unbooted(&self, before: Option<Self>) -> Self {
        let mut all = self.clone();
        all.undo.retain(|undo| undo.outlives_boot);
        if let Some(before) = before {
            all.undo.extend(before.undo.into_iter().filter(|undo| undo.outlives_boot));
            all.files.retain(|file| !before.files.iter().any(|older| older.path == file.path));
            all.files.extend(before.files);
        }
        all
    }
}

/// The next id. A counter, because the clock may be wrong before the network is up.
fn next_id(known: &[String]) -> String {
    let number = |id: &String| id.split('-').next().and_then(|number| number.parse::<u32>().ok());
    let last = known.iter().filter_map(number).max().unwrap_or(0);
    let word = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{:06}-{word:x}", last.saturating_add(1))
}

/// One step of the rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// The step as text, for the log.
    pub text: String,
    /// The step for [`super::RollbackBackend::act`].
    pub step: Value,
    /// Whether its effect survives a reboot: Open vSwitch's database, not the kernel.
    pub outlives_boot: bool,
    /// Whether the host may become unreachable by it: it removes an address or route, or isolates a NIC. It
    /// is executed only if all steps before it succeeded.
    #[serde(rename = "takes_away", default)]
    pub cuts_access: bool,
}

/// The input of a change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intent {
    /// The rollback, in the order of execution.
    pub undo: Vec<Undo>,
    /// Every file that will be written or removed.
    pub files: Vec<PathBuf>,
    /// The current network, one line per fact, which must be restored by the rollback.
    pub facts: Vec<String>,
    /// The network manager, as [`super::RollbackBackend::adopt`] expects it.
    pub manager: String,
    /// The probes, as [`super::RollbackBackend::probe`] expects them.
    pub probes: Value,
    /// Probe timeout in seconds.
    pub confirm: u64,
    /// Limit of the whole change in seconds. After it, the guard kills the run and rolls back.
    pub limit: u64,
}

impl Undo {
    /// A step of the rollback.
    ///
    /// # Errors
    /// The step cannot be serialized. All keys are strings, so this does not happen.
    pub fn of<S: Serialize + Display>(step: &S, outlives_boot: bool) -> Result<Self, serde_json::Error> {
        let step_value = serde_json::to_value(step)?;
        Ok(Self { text: step.to_string(), step: step_value, outlives_boot, cuts_access: false })
    }
}

impl Intent {
    /// Adds the paths that writing these files changes.
    #[must_use]
    pub fn with_files(mut self, files: &[DesiredFile]) -> Self {
        let paths = files.iter().flat_map(|file| [Some(&file.path), file.backup.as_ref()]).flatten();
        self.files.extend(paths.cloned());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn undo(text: &str, outlives_boot: bool) -> Undo {
        Undo { text: text.to_owned(), step: Value::Null, outlives_boot, cuts_access: false }
    }

    fn record(directory: &Path, files: &[&str], undo: Vec<Undo>) -> Record {
        let state_dir = StateDir::custom(directory, Path::new("/bin/false"));
        let files = files.iter().map(|name| directory.join(name)).collect();
        Record::new(&state_dir, &Intent { undo, files, ..Intent::default() }).unwrap()
    }

    #[test]
    fn ids_grow() {
        assert!(next_id(&[]).starts_with("000001-"));
        assert!(next_id(&["000009-a".to_owned(), "000041-b".to_owned()]).starts_with("000042-"));
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("change.json");
        assert_eq!(Record::read(&path).unwrap(), None);
        fs::write(directory.path().join("interfaces"), b"\xff old").unwrap();
        let written = record(directory.path(), &["interfaces", "new"], vec![undo("delete br0", false)]);
        written.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(written.clone()));
        Record { format: 2, ..written }.write(&path).unwrap();
        assert_eq!(
            Record::read(&path).unwrap_err().to_string(),
            format!(
                "{} has format 2, but this xdockhost supports format 1; run the xdockhost that wrote it",
                path.display()
            )
        );
    }

    #[test]
    fn two_changes_that_never_booted_are_rolled_back_together() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "booted").unwrap();
        let first = record(directory.path(), &["a"], vec![undo("route", false), undo("delete ovs0", true)]);
        fs::write(directory.path().join("a"), "never booted").unwrap();
        let second = record(directory.path(), &["a", "b"], vec![undo("delete ovs1", true)]);
        let both = second.with_unbooted(Some(first.with_unbooted(None)));
        let words: Vec<&str> = both.undo.iter().map(|undo| undo.text.as_str()).collect();
        assert_eq!(words, ["delete ovs1", "delete ovs0"]);
        let restored = both.files.iter().filter(|file| file.restore().unwrap()).count();
        assert_eq!(restored, 1);
        assert_eq!(fs::read_to_string(directory.path().join("a")).unwrap(), "booted");
        assert_eq!(both.files.len(), 2);
    }
}
