//! Brings a host's snapshot to its netd, and to the directory that deployed hosts fetch from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable::FileError;
use inventory::Snapshot;
use process::ExecuteError;
use thiserror::Error;

use crate::engine::SessionError;
use crate::host::Host;

/// How long netd may take to verify, write and answer, beyond the way to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a snapshot at its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// netd took it.
    Delivered,
    /// netd has one that says the same.
    Already,
}

/// Why a host does not have the current tables.
#[derive(Debug, Error)]
pub(crate) enum DeliveryError {
    /// No netd.
    #[error("netd is not on {host} yet; its postscript brings it (updatenode {host} -P xdock)")]
    Absent {
        /// The host.
        host: String,
    },
    /// netd refused it.
    #[error("cannot bring the tables to netd of {host}")]
    Netd {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: SessionError,
    },
    /// netd said something else than it promises.
    #[error(
        "netd of {host} says {told:?}, not which snapshot it has; update xdock there (updatenode {host} -P xdock)"
    )]
    Told {
        /// The host.
        host: String,
        /// Its words.
        told: String,
    },
    /// The file for a host that is being deployed.
    #[error("cannot leave the tables for {host} to fetch")]
    File {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: FileError,
    },
}

/// The version of tables that are read now.
pub(crate) fn version_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Gives `snapshot` to the netd of `host`.
/// The version that it then has.
pub(crate) async fn deliver(host: &Host, snapshot: &Snapshot) -> Result<(u64, Delivery), DeliveryError> {
    let text = snapshot.to_text().into_bytes();
    let words = ["snapshot", "load", "--host", host.name.as_str(), "-"];
    let told = host
        .programs
        .netd(&words, text, PATIENCE)
        .await
        .map_err(|source| refused(host.name.to_string(), source))?;
    understand(&told.text())
        .ok_or_else(|| DeliveryError::Told { host: host.name.to_string(), told: told.text() })
}

/// A shell ends with 127 when there is no such program (POSIX, 2.8.2).
fn refused(host: String, source: SessionError) -> DeliveryError {
    match &source {
        SessionError::Run(ExecuteError::Status { status, .. }) if status.code() == Some(127) => {
            DeliveryError::Absent { host }
        }
        SessionError::Run(ExecuteError::Start { source, .. }) if source.kind() == ErrorKind::NotFound => {
            DeliveryError::Absent { host }
        }
        _ => DeliveryError::Netd { host, source },
    }
}

/// `snapshot 1763817000000 delivered`, or `already` for tables that say the same.
fn understand(told: &str) -> Option<(u64, Delivery)> {
    let mut words = told.lines().last()?.split_whitespace().skip_while(|word| *word != "snapshot");
    let version = words.nth(1)?.parse().ok()?;
    match words.next()? {
        "delivered" => Some((version, Delivery::Delivered)),
        "already" => Some((version, Delivery::Already)),
        _ => None,
    }
}

/// Where a host that is being deployed finds its snapshot; `None`: this machine deploys nobody.
pub(crate) fn shelf(installdir: &Path, host: &str) -> Option<PathBuf> {
    installdir.is_dir().then(|| installdir.join("xdock/snapshots").join(format!("{host}.json")))
}

/// Leaves `snapshot` for its host to fetch. One that says the same stays as it is: it may be the older one that the
/// host has.
pub(crate) fn leave(installdir: &Path, snapshot: &Snapshot) -> Result<(), DeliveryError> {
    let Some(path) = shelf(installdir, snapshot.host.as_str()) else { return Ok(()) };
    let same = Snapshot::read(&path).is_ok_and(|old| old.digest == snapshot.digest);
    if same {
        return Ok(());
    }
    durable::replace(&path, snapshot.to_text().as_bytes(), 0o644)
        .map(|_| ())
        .map_err(|source| DeliveryError::File { host: snapshot.host.to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_netd_are_understood() {
        assert_eq!(understand("snapshot 17 delivered"), Some((17, Delivery::Delivered)));
        assert_eq!(understand("snapshot 16 already"), Some((16, Delivery::Already)));
        assert_eq!(understand(""), None);
        assert_eq!(understand("snapshot 16 eaten"), None);
    }
}
