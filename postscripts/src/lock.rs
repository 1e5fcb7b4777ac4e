//! Allows one run at a time: xCAT may start several postscripts at once, and an administrator another one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep};

/// The lock file. The kernel unlocks it when the process ends.
pub const PATH: &str = "/run/lock/xdockhost.lock";

/// Longer than any run. A run that waits so long waits for one that hangs.
const LOCK_TIMEOUT: Duration = Duration::from_secs(900);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The lock cannot be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// The file cannot be opened.
    #[error("cannot lock {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Another run holds it.
    #[error("another run of xdockhost has held {} for {} s; end it first", path.display(), LOCK_TIMEOUT.as_secs())]
    Held {
        /// The file.
        path: PathBuf,
    },
}

/// Takes the lock, and waits for the other run.
///
/// # Errors
/// The file cannot be created, or the other run does not end.
pub async fn take(path: &Path) -> Result<File, LockError> {
    let broken = |source| LockError::File { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(broken)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(broken)?;
    let end = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(broken(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                return Err(LockError::Held { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => sleep(POLL_INTERVAL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_run_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/lock");
        let first = take(&path).await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(300), take(&path)).await;
        assert!(second.is_err(), "it waits");
        drop(first);
        take(&path).await.unwrap();
    }
}
