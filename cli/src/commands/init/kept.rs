//! Files that `init` replaces and did not write. Each is kept under a dated name, and `--undo` restores it with owner
//! and times.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use durable::{Change, FileError};
use time::OffsetDateTime;

/// Change of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// Created or updated.
    Written,
    /// Unchanged.
    Already,
    /// Removed.
    Removed,
    /// The replaced file was kept under this path.
    KeptAt(PathBuf),
    /// The replaced file was restored.
    Restored,
}

impl From<Change> for Done {
    fn from(change: Change) -> Self {
        if change == Change::Written { Self::Written } else { Self::Already }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written => f.write_str("written"),
            Self::Already => f.write_str("already"),
            Self::Removed => f.write_str("removed"),
            Self::KeptAt(backup) => write!(f, "kept as {}", backup.display()),
            Self::Restored => f.write_str("restored"),
        }
    }
}

/// Paths with their changes, in order.
pub(super) type Changes = Vec<(PathBuf, Done)>;

/// Directory of the kept files.
#[derive(Debug)]
pub(super) struct Kept(pub(super) PathBuf);

impl Kept {
    /// Writes our content to `path`. A file that is not ours is kept first, as `NAME.DATE-TIME`.
    ///
    /// # Errors
    /// A file cannot be read, kept or written. The file at `path` is then unchanged.
    pub(super) fn install(
        &self,
        (path, name): (&Path, &str),
        (content, mode): (&[u8], u32),
        is_ours: impl Fn(&[u8]) -> bool,
        changes: &mut Changes,
    ) -> Result<(), FileError> {
        if durable::read(path)?.is_some_and(|bytes| !is_ours(&bytes)) {
            durable::create_directory(&self.0)?;
            // a run that was killed after it kept the file left a name for it: a second one would survive --undo
            let kept = self.newest(name)?.filter(|kept| is_same_file(kept, path));
            let backup = match kept {
                Some(kept) => kept,
                None => {
                    let backup = self.0.join(format!("{name}.{}", stamp(OffsetDateTime::now_utc())));
                    durable::hard_link(path, &backup)?;
                    backup
                }
            };
            changes.push((path.to_owned(), Done::KeptAt(backup)));
        }
        changes.push((path.to_owned(), durable::replace(path, content, mode)?.into()));
        Ok(())
    }

    /// Restores the newest kept file to `path`, or removes our file if none was kept. A file that is not ours stays.
    ///
    /// # Errors
    /// Our file cannot be read, replaced or removed. It is then unchanged.
    pub(super) fn uninstall(
        &self,
        (path, name): (&Path, &str),
        is_ours: impl Fn(&[u8]) -> bool,
        changes: &mut Changes,
    ) -> Result<(), FileError> {
        if !durable::read(path)?.is_some_and(|bytes| is_ours(&bytes)) {
            return Ok(());
        }
        let done = match self.newest(name)? {
            Some(backup) => {
                durable::rename(&backup, path)?;
                Done::Restored
            }
            None => {
                durable::remove(path)?;
                Done::Removed
            }
        };
        changes.push((path.to_owned(), done));
        Ok(())
    }

    fn newest(&self, name: &str) -> Result<Option<PathBuf>, FileError> {
        // years start with 2
        let prefix = format!("{name}.2");
        let is_of = |file: &PathBuf| {
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix.as_str()))
        };
        Ok(durable::list(&self.0)?.unwrap_or_default().into_iter().rfind(is_of))
    }
}

/// Whether two paths are names of one file; a link is a file of its own.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.symlink_metadata().map(|meta| (meta.dev(), meta.ino())).ok();
    identity(one).is_some_and(|found| identity(other) == Some(found))
}

/// `20261129-181500`, in UTC.
fn stamp(at: OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::{Duration, SystemTime};

    use super::*;

    fn is_ours(bytes: &[u8]) -> bool {
        bytes.starts_with(b"ours")
    }

    fn install(kept: &Kept, path: &Path) -> Result<Changes, FileError> {
        let mut changes = Changes::new();
        kept.install((path, "script"), (b"ours", 0o755), is_ours, &mut changes).map(|()| changes)
    }

    fn uninstall(kept: &Kept, path: &Path) -> Result<Changes, FileError> {
        let mut changes = Changes::new();
        kept.uninstall((path, "script"), is_ours, &mut changes).map(|()| changes)
    }

    #[test]
    fn a_date_sorts_as_text() {
        let at = OffsetDateTime::from_unix_timestamp(1_795_354_591).unwrap();
        assert_eq!(stamp(at), "20261122-133631");
    }

    #[test]
    fn a_kept_file_comes_back_with_bytes_mode_and_times() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("script"), Kept(directory.path().join("kept")));
        // also what is no text, and what only its owner may read
        fs::write(&path, b"#!/bin/sh\n# f\xfcr uns\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        let times = fs::FileTimes::new().set_modified(then).set_accessed(then);
        fs::File::options().append(true).open(&path).unwrap().set_times(times).unwrap();
        let before = fs::metadata(&path).unwrap();
        let [(_, Done::KeptAt(backup)), (_, Done::Written)] = &install(&kept, &path).unwrap()[..] else {
            panic!()
        };
        assert_eq!(fs::read(backup).unwrap(), b"#!/bin/sh\n# f\xfcr uns\n");
        assert_eq!(fs::read(&path).unwrap(), b"ours");
        // again: ours is not kept
        assert_eq!(install(&kept, &path).unwrap(), [(path.clone(), Done::Already)]);
        assert_eq!(uninstall(&kept, &path).unwrap(), [(path.clone(), Done::Restored)]);
        let after = fs::metadata(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"#!/bin/sh\n# f\xfcr uns\n");
        assert_eq!(
            (after.modified().unwrap(), after.mode(), after.ino()),
            (then, before.mode(), before.ino())
        );
        assert_eq!(fs::read_dir(&kept.0).unwrap().count(), 0);
        assert_eq!(uninstall(&kept, &path).unwrap(), []);
    }

    #[test]
    fn a_run_that_was_killed_after_keeping_leaves_one_kept_file() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("script"), Kept(directory.path().join("kept")));
        fs::write(&path, "theirs").unwrap();
        let before = kept.0.join("script.20261129-181500");
        durable::hard_link(&path, &before).unwrap();
        assert_eq!(install(&kept, &path).unwrap()[0], (path.clone(), Done::KeptAt(before)));
        uninstall(&kept, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(&kept.0).unwrap().count(), 0);
    }

    #[test]
    fn a_link_comes_back_as_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("script"), Kept(directory.path().join("kept")));
        fs::write(directory.path().join("elsewhere"), "theirs").unwrap();
        symlink("elsewhere", &path).unwrap();
        install(&kept, &path).unwrap();
        assert_eq!(fs::read(directory.path().join("elsewhere")).unwrap(), b"theirs");
        uninstall(&kept, &path).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("elsewhere"));
    }

    #[test]
    fn what_others_put_in_place_of_ours_stays_and_so_does_the_kept_file() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("script"), Kept(directory.path().join("kept")));
        fs::write(&path, "first").unwrap();
        install(&kept, &path).unwrap();
        fs::write(&path, "second").unwrap();
        assert_eq!(uninstall(&kept, &path).unwrap(), []);
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(&kept.0).unwrap().count(), 1);
    }

    #[test]
    fn nothing_was_there_and_nothing_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("script"), Kept(directory.path().join("kept")));
        assert_eq!(install(&kept, &path).unwrap(), [(path.clone(), Done::Written)]);
        assert_eq!(uninstall(&kept, &path).unwrap(), [(path.clone(), Done::Removed)]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_kept_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("script"), Kept(directory.path().join("kept")));
        fs::write(&path, "theirs").unwrap();
        fs::write(&kept.0, "no directory").unwrap();
        let error = install(&kept, &path).unwrap_err().to_string();
        assert_eq!(error, format!("cannot create directory {}", kept.0.display()));
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }
}
