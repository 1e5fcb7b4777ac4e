//! Backup of a file before a change, which can be restored on a full disk: a hard link beside the file keeps
//! the content, and restoring is a rename. The record has the content too, for file systems without hard
//! links and for a link that was removed or modified.
//!
//! The link is hidden (`.interfaces.xdock-kept-ID`). No network manager reads such a name, neither by its
//! suffix (networkd, netplan, udev) nor by its prefix (`source interfaces.d/*`, NetworkManager's keyfiles,
//! `ifcfg-*`).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable::FileError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

const MARK: &str = ".xdock-kept-";

/// Backup of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBackup {
    /// The file.
    pub path: PathBuf,
    /// `None` if the file did not exist.
    pub old: Option<SavedContent>,
}

/// Saved content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedContent {
    /// The hard link, if the file system supports it.
    pub link: Option<PathBuf>,
    /// The content.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// A file cannot be backed up. It was not changed.
#[derive(Debug, Error)]
pub enum BackupError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The hard link cannot be created.
    #[error("cannot back up {}", path.display())]
    Link {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl FileBackup {
    /// Backs up a file, or its absence, for the change with this id.
    ///
    /// # Errors
    /// It cannot be read, or the disk is full.
    pub fn create(path: &Path, id: &str) -> Result<Self, BackupError> {
        let broken = |source| BackupError::Link { path: path.to_owned(), source };
        let Some(content) = durable::read(path)? else {
            return Ok(Self { path: path.to_owned(), old: None });
        };
        let mode = durable::mode(path)?;
        let link = beside(path, &format!("{MARK}{id}"));
        let link = match fs::hard_link(path, &link) {
            Ok(()) => Some(link),
            Err(error) if has_no_links(&error) => None,
            Err(source) => return Err(broken(source)),
        };
        Ok(Self { path: path.to_owned(), old: Some(SavedContent { link, content, mode }) })
    }

    /// Restores the file and returns `true` if it differed. Idempotent.
    ///
    /// # Errors
    /// The path that failed.
    pub fn restore(&self) -> Result<bool, FileError> {
        let Some(old) = &self.old else {
            return durable::remove(&self.path).map(|change| change == durable::Change::Written);
        };
        if old.is_at(&self.path) {
            return Ok(false);
        }
        if old.rename_to(&self.path) {
            return Ok(true);
        }
        durable::replace(&self.path, &old.content, old.mode).map(|change| change == durable::Change::Written)
    }

    /// Removes the hard link. A remaining link is harmless.
    pub fn discard(&self) {
        if let Some(link) = self.old.as_ref().and_then(|old| old.link.as_ref()) {
            let _ = fs::remove_file(link);
        }
    }
}

impl SavedContent {
    #[allow(clippy::disallowed_methods, reason = "compared only: a file that cannot be read is replaced")]
    fn is_at(&self, path: &Path) -> bool {
        let same_mode = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o7777 == self.mode);
        same_mode && fs::read(path).is_ok_and(|now| now == self.content)
    }

    /// Renames the hard link to the file, if it exists and has the saved content.
    fn rename_to(&self, path: &Path) -> bool {
        let Some(link) = self.link.as_ref().filter(|link| self.is_at(link)) else { return false };
        durable::rename(link, path).is_ok() && self.is_at(path)
    }
}

/// Removes links beside these files that belong to no record: those of a run that ended before it wrote its
/// record.
#[allow(clippy::disallowed_methods, reason = "a directory that cannot be listed is skipped")]
pub(super) fn remove_orphans<'a>(files: impl Iterator<Item = &'a Path>, known: &[&FileBackup]) {
    let known: Vec<&PathBuf> =
        known.iter().filter_map(|backup| backup.old.as_ref().and_then(|old| old.link.as_ref())).collect();
    let mut directories: Vec<&Path> = files.filter_map(Path::parent).collect();
    directories.sort();
    directories.dedup();
    for entry in
        directories.into_iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten()
    {
        let path = entry.path();
        let is_ours =
            entry.file_name().to_str().is_some_and(|name| name.starts_with('.') && name.contains(MARK));
        if is_ours && !known.contains(&&path) {
            let _ = fs::remove_file(path);
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{suffix}"))
}

/// vfat and some network file systems; or the file is on another layer or mount than its directory.
fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), Unsupported | PermissionDenied | CrossesDevices | TooManyLinks)
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_restored_with_content_and_mode_any_number_of_times() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("interfaces");
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let backup = FileBackup::create(&path, "1").unwrap();
        assert_eq!(names(directory.path()), [".interfaces.xdock-kept-1", "interfaces"]);
        assert!(!backup.restore().unwrap(), "it is so already");
        durable::replace(&path, b"new\n", 0o644).unwrap();
        assert!(backup.restore().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), ["interfaces"], "the second name has become the first");
        fs::remove_file(&path).unwrap();
        assert!(backup.restore().unwrap(), "from the record");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_modified_backup_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("interfaces");
        fs::write(&path, "old\n").unwrap();
        let backup = FileBackup::create(&path, "1").unwrap();
        // in place, as an editor may do: both names have the new content
        fs::write(&path, "scribbled\n").unwrap();
        assert!(backup.restore().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
    }

    #[test]
    fn a_new_file_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mynet0");
        let backup = FileBackup::create(&path, "1").unwrap();
        assert!(!backup.restore().unwrap());
        fs::write(&path, "new\n").unwrap();
        assert!(backup.restore().unwrap());
        assert_eq!(names(directory.path()), [""; 0]);
    }

    #[test]
    fn links_without_a_record_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("interfaces");
        fs::write(&path, "old\n").unwrap();
        let (lost, known) =
            (FileBackup::create(&path, "1").unwrap(), FileBackup::create(&path, "2").unwrap());
        remove_orphans([path.as_path()].into_iter(), &[&known]);
        assert_eq!(names(directory.path()), [".interfaces.xdock-kept-2", "interfaces"]);
        lost.discard();
        known.discard();
        assert_eq!(names(directory.path()), ["interfaces"]);
    }
}
