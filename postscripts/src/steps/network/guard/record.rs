//! What is kept of a change so that it can be taken back: by this process, by the guard, by the next boot.

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

/// Changes when an older program would misread a record.
const FORMAT: u32 = 1;
/// Configurations may hold secrets (keys of 802.1X).
const MODE: u32 = 0o600;

/// A change, written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `FORMAT`, else it is another release's.
    pub format: u32,
    /// A number that grows, and a word that no other change has.
    pub id: String,
    /// The boot in which it began: the kernel of another boot knows nothing of it.
    pub boot: String,
    /// See [`Intent::undo`].
    pub undo: Vec<Undo>,
    /// The files as they were.
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

/// A record was not written, read or removed.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Not read, written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no record of this program's.
    #[error("{} is not a record of a network change that this program can read; repair the network by hand and remove the file", path.display())]
    Text {
        /// The record.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another version of this program.
    #[error("{} has format {format}, but this xdockhost supports format {FORMAT}; run the xdockhost that wrote it", path.display())]
    Format {
        /// The record.
        path: PathBuf,
        /// The format that it has.
        format: u32,
    },
    /// An old file was not kept.
    #[error(transparent)]
    Keep(#[from] BackupError),
    /// The records can not be listed.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
}

impl Record {
    /// Keeps the old files; nothing else is written yet.
    ///
    /// # Errors
    /// A file can not be kept.
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

    /// Reads one; `None`: it is not there.
    ///
    /// # Errors
    /// Not readable, or not ours.
    pub fn read(path: &Path) -> Result<Option<Self>, RecordError> {
        let Some(text) = durable::read(path)? else { return Ok(None) };
        let record: Self = serde_json::from_slice(&text)
            .map_err(|source| RecordError::Text { path: path.to_owned(), source })?;
        match record.format {
            FORMAT => Ok(Some(record)),
            format => Err(RecordError::Format { path: path.to_owned(), format }),
        }
    }

    /// Writes it, so that a power cut leaves all of it or nothing.
    ///
    /// # Errors
    /// Such as a full disk; then nothing is there.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let text =
            serde_json::to_vec(self).map_err(|source| RecordError::Text { path: path.to_owned(), source })?;
        durable::replace(path, &text, MODE)?;
        Ok(())
    }

    /// Whether there is something to take back that the next boot would find.
    pub fn outlives_boot(&self) -> bool {
        !self.files.is_empty() || self.has_switch_steps()
    }

    /// Whether something is in the switch's database.
    pub fn has_switch_steps(&self) -> bool {
        self.undo.iter().any(|undo| undo.outlives_boot)
    }

    /// What leads back to the network that has booted last: this change taken back, and one before it that has never
    /// booted either.
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

/// One more than the newest: no clock, which may be wrong until the network is there.
fn next_id(known: &[String]) -> String {
    let number = |id: &String| id.split('-').next().and_then(|number| number.parse::<u32>().ok());
    let last = known.iter().filter_map(number).max().unwrap_or(0);
    let word = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{:06}-{word:x}", last.saturating_add(1))
}

/// One step of the way back, as the network step has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// In words, for the log.
    pub text: String,
    /// For who executes it.
    pub step: Value,
    /// Whether a boot does not take it back by itself: what is in the switch's database, not what is in the kernel.
    pub outlives_boot: bool,
    /// Whether it takes away what the host may be reached by: an address, or that its own IP hears a NIC. It is only done
    /// when all steps before it were.
    #[serde(rename = "takes_away", default)]
    pub cuts_access: bool,
}

/// What is asked for when a change begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intent {
    /// The way back, in the order in which it is gone.
    pub undo: Vec<Undo>,
    /// Every file that will be written or removed.
    pub files: Vec<PathBuf>,
    /// The network as it is, a line each: what must be there again after the way back.
    pub facts: Vec<String>,
    /// Who runs the network, in the words of [`super::RollbackBackend::adopt`].
    pub manager: String,
    /// Who must answer, in the words of [`super::RollbackBackend::probe`].
    pub probes: Value,
    /// How long who must answer may take, in seconds.
    pub confirm: u64,
    /// How long the whole change may take, in seconds: after that the guard ends who makes it, and takes it back.
    pub limit: u64,
}

impl Undo {
    /// A step of the way back.
    ///
    /// # Errors
    /// It can not be written as JSON: a map with keys that are no strings.
    pub fn of<S: Serialize + Display>(step: &S, outlives_boot: bool) -> Result<Self, serde_json::Error> {
        let step_value = serde_json::to_value(step)?;
        Ok(Self { text: step.to_string(), step: step_value, outlives_boot, cuts_access: false })
    }
}

impl Intent {
    /// The paths that writing these files touches.
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
    fn two_changes_that_never_booted_lead_back_to_what_booted_last() {
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
