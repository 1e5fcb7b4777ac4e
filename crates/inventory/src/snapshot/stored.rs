//! The snapshot on a host: the file, and a copy that netd serves if the file is broken.
//!
//! A host without a snapshot starts no container. One damaged file must not cause that, so every snapshot that becomes
//! active is written twice.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use durable::FileError;
use thiserror::Error;

use super::{Snapshot, SnapshotError};

/// Only root may read the containers of all hosts.
const MODE: u32 = 0o600;

/// The snapshot that a host has stored.
#[derive(Debug, Default)]
pub struct StoredSnapshot {
    /// The snapshot to serve; `None`: none was delivered, or neither copy can be read.
    pub snapshot: Option<Snapshot>,
    /// Error of the file, if the snapshot is not from the file itself.
    pub problem: Option<StoredError>,
}

/// Error of a broken snapshot file. The source has the reason.
#[derive(Debug, Error)]
pub enum StoredError {
    /// The copy is served.
    #[error(
        "snapshot {} is broken; netd serves the last good one, of {when} ({}), until \"xdock sync {host}\" replaces it",
        path.display(), copy.display()
    )]
    Copy {
        /// The file.
        path: PathBuf,
        /// The copy.
        copy: PathBuf,
        /// When the tables of the copy were read.
        when: String,
        /// Host of the snapshot.
        host: String,
        /// What is wrong with the file.
        #[source]
        source: SnapshotError,
    },
    /// The copy is broken or missing, too.
    #[error(
        "snapshot {} is broken, and there is no good copy in {}; run \"xdock sync HOST\" on the management node",
        path.display(), copy.display()
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// The copy.
        copy: PathBuf,
        /// What is wrong with the file.
        #[source]
        source: SnapshotError,
    },
}

impl StoredSnapshot {
    /// Reads the snapshot stored at `path`. A missing file is not broken: the host then has no snapshot.
    pub fn read(path: &Path) -> Self {
        match Snapshot::read(path) {
            Ok(snapshot) => Self { snapshot, problem: None },
            Err(source) => Self::from_copy(path, source),
        }
    }

    fn from_copy(path: &Path, source: SnapshotError) -> Self {
        let (path, copy) = (path.to_owned(), copy_path(path));
        match Snapshot::read(&copy) {
            Ok(Some(good)) => {
                let (when, host) = (good.stamp().when(), good.host.to_string());
                let problem = StoredError::Copy { path, copy, when, host, source };
                Self { snapshot: Some(good), problem: Some(problem) }
            }
            _ => Self { snapshot: None, problem: Some(StoredError::Lost { path, copy, source }) },
        }
    }
}

/// Path of the copy.
pub fn copy_path(path: &Path) -> PathBuf {
    beside(path, "last")
}

/// Writes a snapshot to both files atomically, so that one of them is good after any crash. Content at `path` that is not a
/// snapshot is renamed, not overwritten.
///
/// # Errors
/// The file that was not written.
pub fn store(path: &Path, snapshot: &Snapshot) -> Result<(), FileError> {
    let text = snapshot.to_text();
    // the copy first: if it cannot be written, the file still has the active snapshot
    for path in [copy_path(path), path.to_owned()] {
        if Snapshot::read(&path).is_err() {
            set_aside(&path)?;
        }
        durable::replace(&path, text.as_bytes(), MODE)?;
    }
    Ok(())
}

/// Restores the copy from a good file: an earlier release wrote no copy, and a copy may break too. Writes only
/// if the two differ, so that netd starts quickly.
///
/// # Errors
/// The file that cannot be read or written.
pub fn restore_copy(path: &Path) -> Result<(), FileError> {
    let copy = copy_path(path);
    if durable::same_content(path, &copy) {
        return Ok(());
    }
    let Some(text) = durable::read(path)? else { return Ok(()) };
    if Snapshot::read(&copy).is_err() {
        set_aside(&copy)?;
    }
    durable::replace(&copy, &text, MODE).map(drop)
}

/// Renames a broken file instead of replacing it: a directory cannot be replaced, and a broken file helps to find the cause.
fn set_aside(path: &Path) -> Result<(), FileError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    durable::rename(path, &beside(path, &format!("broken-{}", now.as_millis())))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn snapshot(version: u64) -> Snapshot {
        Snapshot::seal("host1".parse().unwrap(), version, vec![], vec![])
    }

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            store(&host.path(), &snapshot(7)).unwrap();
            host
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("snapshot.json")
        }

        fn stored(&self) -> (Option<u64>, Option<String>) {
            let StoredSnapshot { snapshot, problem } = StoredSnapshot::read(&self.path());
            (snapshot.map(|kept| kept.version), problem.map(|problem| problem.to_string()))
        }

        fn names(&self) -> Vec<String> {
            let all = fs::read_dir(self.0.path()).unwrap();
            let mut all: Vec<String> =
                all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            all.sort();
            all
        }
    }

    #[test]
    fn a_file_that_broke_is_served_from_the_copy_and_told() {
        type Break = fn(&Path);
        let breaks: [(&str, Break); 5] = [
            ("truncated", |path| fs::write(path, &snapshot(7).to_text().as_bytes()[..40]).unwrap()),
            ("empty", |path| fs::write(path, "").unwrap()),
            ("not UTF-8", |path| {
                let mut text = snapshot(7).to_text().into_bytes();
                text[30] = 0xff;
                fs::write(path, text).unwrap();
            }),
            ("a directory", |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
                fs::write(path.join("file"), "").unwrap();
            }),
            ("a link to what is not mounted", |path| {
                fs::remove_file(path).unwrap();
                symlink("/not/mounted/snapshot.json", path).unwrap();
            }),
        ];
        for (how, spoil) in breaks {
            let host = Host::new();
            spoil(&host.path());
            let path = host.path().display().to_string();
            let message = format!(
                "snapshot {path} is broken; netd serves the last good one, of 1970-01-01 00:00:00 UTC ({path}.last), until \"xdock sync host1\" replaces it"
            );
            assert_eq!(host.stored(), (Some(7), Some(message)), "{how}");
            store(&host.path(), &snapshot(8)).unwrap();
            assert_eq!(host.stored(), (Some(8), None), "{how}");
            let names = host.names();
            assert_eq!(
                (names.len(), names[1].starts_with("snapshot.json.broken-")),
                (3, true),
                "{how}: {names:?}"
            );
        }
    }

    #[test]
    fn without_a_good_copy_there_is_none_and_that_is_told() {
        let host = Host::new();
        for path in [host.path(), copy_path(&host.path())] {
            fs::write(path, "{").unwrap();
        }
        let path = host.path().display().to_string();
        let message = format!(
            "snapshot {path} is broken, and there is no good copy in {path}.last; run \"xdock sync HOST\" on the management node"
        );
        assert_eq!(host.stored(), (None, Some(message)));
        fs::remove_file(copy_path(&host.path())).unwrap();
        fs::create_dir(copy_path(&host.path())).unwrap();
        store(&host.path(), &snapshot(8)).unwrap();
        assert_eq!(host.stored(), (Some(8), None));
    }

    #[test]
    fn a_missing_or_broken_copy_is_restored_from_the_file() {
        let host = Host::new();
        let copy = copy_path(&host.path());
        restore_copy(&host.path()).unwrap();
        fs::remove_file(&copy).unwrap();
        restore_copy(&host.path()).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), fs::read(host.path()).unwrap());
        let mut text = fs::read(&copy).unwrap();
        text[30] = 0xff;
        fs::write(&copy, &text).unwrap();
        restore_copy(&host.path()).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), fs::read(host.path()).unwrap());
        assert_eq!(host.names().len(), 3, "the broken copy is kept: {:?}", host.names());
    }

    #[test]
    fn a_file_that_was_removed_is_no_snapshot() {
        let host = Host::new();
        fs::remove_file(host.path()).unwrap();
        assert_eq!(host.stored(), (None, None));
    }
}
