//! Desired files of this host: all are rendered, then compared, then written if they differ.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use durable::{Change, FileError};

use crate::diff::unified;

/// A file with its desired content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredFile {
    /// Its path.
    pub path: PathBuf,
    /// Its content.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Path of a backup of the current content, for a foreign file.
    pub backup: Option<PathBuf>,
    /// Remove the file. The content is ignored then.
    pub absent: bool,
}

impl DesiredFile {
    /// A text file that everybody may read.
    pub fn text(path: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            content: content.into().into_bytes(),
            mode: 0o644,
            backup: None,
            absent: false,
        }
    }

    /// A file that must not exist.
    pub fn absent(path: impl Into<PathBuf>) -> Self {
        Self { absent: true, ..Self::text(path, "") }
    }

    /// Whether it differs: another content, or a file of ours with too wide permissions.
    ///
    /// # Errors
    /// The file exists and cannot be read, so it must not be overwritten.
    pub fn differs(&self) -> Result<bool, FileError> {
        let Some(now) = durable::read(&self.path)? else { return Ok(!self.absent) };
        let too_open = |meta: fs::Metadata| meta.permissions().mode() & 0o777 & !self.mode != 0;
        Ok(self.absent
            || now != self.content
            || (self.backup.is_none() && fs::metadata(&self.path).is_ok_and(too_open)))
    }

    /// The difference as text; empty if there is none.
    ///
    /// # Errors
    /// As [`DesiredFile::differs`].
    pub fn difference(&self) -> Result<String, FileError> {
        let now = durable::read(&self.path)?.unwrap_or_default();
        Ok(unified(&self.path, &String::from_utf8_lossy(&now), &String::from_utf8_lossy(&self.content)))
    }

    /// Writes or removes the file, if it differs.
    ///
    /// # Errors
    /// The path. The old file is unchanged.
    pub fn write(&self) -> Result<Change, FileError> {
        if !self.differs()? {
            return Ok(Change::None);
        }
        let mode = match &self.backup {
            Some(backup) => keep(&self.path, backup)?.unwrap_or(self.mode),
            None => self.mode,
        };
        if self.absent {
            return durable::remove(&self.path);
        }
        durable::replace(&self.path, &self.content, mode)
    }
}

/// The files that differ.
///
/// # Errors
/// As [`DesiredFile::differs`].
pub fn changed(files: Vec<DesiredFile>) -> Result<Vec<DesiredFile>, FileError> {
    let mut changed = Vec::new();
    for file in files {
        if file.differs()? {
            changed.push(file);
        }
    }
    Ok(changed)
}

/// Copies a foreign file and returns its permission bits, so that secrets in it stay protected.
fn keep(path: &Path, backup: &Path) -> Result<Option<u32>, FileError> {
    let Some(now) = durable::read(path)? else { return Ok(None) };
    let mode = durable::mode(path)?;
    durable::replace(backup, &now, mode).map(|_| Some(mode))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_foreign_file_is_kept_once_and_a_second_write_does_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("interfaces");
        let backup = directory.path().join("interfaces.old");
        fs::write(&path, "theirs\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let wanted = DesiredFile { backup: Some(backup.clone()), ..DesiredFile::text(&path, "ours\n") };
        assert_eq!(wanted.write().unwrap(), Change::Written);
        assert_eq!(fs::read_to_string(&backup).unwrap(), "theirs\n");
        assert_eq!(wanted.write().unwrap(), Change::None);
        assert_eq!(fs::read_to_string(&backup).unwrap(), "theirs\n");
        assert_eq!(wanted.difference().unwrap(), "");
        for file in [&path, &backup] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_unwanted_file_is_backed_up_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("eth0.network");
        let backup = directory.path().join("eth0.network.old");
        fs::write(&path, "theirs\n").unwrap();
        let wanted = DesiredFile { backup: Some(backup.clone()), ..DesiredFile::absent(&path) };
        assert_eq!(wanted.write().unwrap(), Change::Written);
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(&backup).unwrap(), "theirs\n");
        assert_eq!(wanted.write().unwrap(), Change::None);
    }

    #[test]
    fn a_secret_that_others_may_read_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "ours\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let wanted = DesiredFile { mode: 0o600, ..DesiredFile::text(&path, "ours\n") };
        assert_eq!(wanted.write().unwrap(), Change::Written);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(wanted.write().unwrap(), Change::None);
    }

    #[test]
    fn what_cannot_be_read_is_neither_overwritten_nor_removed() {
        for (defect, reason) in defects() {
            for absent in [false, true] {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("daemon.json");
                let backup = Some(directory.path().join("daemon.json.old"));
                defect(&path);
                let wanted = DesiredFile { absent, backup, ..DesiredFile::text(&path, "ours\n") };
                let before = fs::symlink_metadata(&path).unwrap().file_type();
                let error = wanted.write().unwrap_err();
                assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
                let cause = std::error::Error::source(&error).unwrap().to_string();
                assert!(cause.contains(reason), "{cause}");
                assert_eq!(fs::symlink_metadata(&path).unwrap().file_type(), before);
                assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no backup, nothing new");
                assert_eq!(changed(vec![wanted]).unwrap_err().to_string(), error.to_string());
            }
        }
    }

    type Defect = (fn(&Path), &'static str);

    /// Defects that make a file unreadable, each with a part of the reported cause.
    fn defects() -> [Defect; 3] {
        [
            (|path| fs::create_dir(path).unwrap(), "not a regular file"),
            (
                |path| symlink("/not/mounted", path).unwrap(),
                "is a link to /not/mounted, which does not exist",
            ),
            (
                |path| fs::File::create(path).unwrap().set_len(durable::READ_LIMIT + 1).unwrap(),
                "larger than 16 MiB",
            ),
        ]
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_as_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let (path, backup) = (directory.path().join("file"), directory.path().join("file.old"));
        fs::write(&path, b"caf\xe9\n").unwrap();
        let wanted = DesiredFile { backup: Some(backup.clone()), ..DesiredFile::text(&path, "ours\n") };
        assert_eq!(wanted.write().unwrap(), Change::Written);
        assert_eq!(fs::read(&backup).unwrap(), b"caf\xe9\n");
    }
}
