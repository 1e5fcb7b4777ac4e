//! Brings a host's snapshot to its netd, and to the directory that deployed hosts fetch from.

mod objection;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable::FileError;
use inventory::{Snapshot, Stamp};
use process::ExecuteError;
use thiserror::Error;

use crate::engine::SessionError;
use crate::host::Host;

/// How long netd may take to verify, write and answer, beyond the way to it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) use objection::{Objection, is_in_the_way, objection};

/// What became of a snapshot at its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// netd took it.
    Delivered(u64),
    /// netd has one of this version that says the same. An earlier release of netd does not tell its stamp.
    Already(u64, Option<Stamp>),
    /// netd keeps the one that it has.
    Kept(Stamp),
}

/// Why a host does not have the current tables.
#[derive(Debug, Error)]
pub(crate) enum DeliveryError {
    /// No netd.
    #[error("netd is not installed on {host}; run \"updatenode {host} -P xdock\"")]
    Absent {
        /// The host.
        host: String,
    },
    /// netd refused it.
    #[error("cannot deliver the tables to {host}")]
    Netd {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: SessionError,
    },
    /// netd cannot be told to replace what it has.
    #[error(
        "netd of {host} is of an earlier release, which keeps its tables because their time stamp is newer; run \"updatenode {host} -P xdock\", then \"xdock sync {host}\""
    )]
    Outdated {
        /// The host.
        host: String,
    },
    /// The host keeps what it has, and the administrator has to decide.
    #[error(transparent)]
    Objection(Box<Objection>),
    /// Every time it was looked at, it had another one.
    #[error("another program delivers tables to {host} at the same time; run \"xdock sync {host}\" again")]
    Contended {
        /// The host.
        host: String,
    },
    /// netd said something else than it promises.
    #[error("unknown answer {told:?} from netd of {host}; run \"updatenode {host} -P xdock\"")]
    Told {
        /// The host.
        host: String,
        /// Its words.
        told: String,
    },
    /// The file for a host that is being deployed.
    #[error("cannot write the tables that {host} downloads")]
    File {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: FileError,
    },
}

/// The time now, and with it the version of tables that are read now.
pub(crate) fn version_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Gives `snapshot` to the netd of `host`. With `replaces` it comes into force whatever its version is, if that is what the
/// host has.
pub(crate) async fn deliver(
    host: &Host,
    snapshot: &Snapshot,
    replaces: Option<&Stamp>,
) -> Result<Delivery, DeliveryError> {
    let mut words = vec!["snapshot", "load", "--host", host.name.as_str()];
    let stamp = replaces.map(|stamp| format!("{}@{}", stamp.version, stamp.digest));
    words.extend(stamp.iter().flat_map(|stamp| ["--replaces", stamp]));
    words.push("-");
    let loaded = host.programs.netd(&words, snapshot.to_text().into_bytes(), PATIENCE).await;
    let name = || host.name.to_string();
    match loaded {
        Ok(told) => {
            understand(&told.text()).ok_or_else(|| DeliveryError::Told { host: name(), told: told.text() })
        }
        Err(error) if told(&error).1.contains(NO_ORIGIN) => deliver_to_old(host, &plain(snapshot)).await,
        Err(error) if told(&error).1.contains(NO_WITHHELD) => {
            Box::pin(deliver(host, &plain(snapshot), replaces)).await
        }
        Err(error) => understand(told(&error).0).ok_or_else(|| refused(name(), error)),
    }
}

/// What a netd says that knows no origins: of a release before them.
const NO_ORIGIN: &str = "unknown field `origin`";

/// The same of one that does not know of wrong rows: containers whose rows are wrong lose what they had.
const NO_WITHHELD: &str = "unknown field `withheld`";

fn plain(snapshot: &Snapshot) -> Snapshot {
    snapshot.clone().withholding(Vec::new())
}

/// A netd of an earlier release goes by versions alone.
async fn deliver_to_old(host: &Host, snapshot: &Snapshot) -> Result<Delivery, DeliveryError> {
    let text = snapshot.clone().made_by(None).to_text().into_bytes();
    let words = ["snapshot", "load", "--host", host.name.as_str(), "-"];
    let name = || host.name.to_string();
    match host.programs.netd(&words, text, PATIENCE).await {
        Ok(told) => {
            understand(&told.text()).ok_or_else(|| DeliveryError::Told { host: name(), told: told.text() })
        }
        Err(error) if told(&error).1.contains("is older than") => {
            Err(DeliveryError::Outdated { host: name() })
        }
        Err(error) => Err(refused(name(), error)),
    }
}

/// What a program wrote that ended badly: standard output and standard error.
fn told(error: &SessionError) -> (&str, &str) {
    match error {
        SessionError::Run(ExecuteError::Status { stdout, stderr, .. }) => (stdout, stderr),
        _ => ("", ""),
    }
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

/// `snapshot 1763817000000 delivered`; `already STAMP` for tables that say the same, `kept STAMP` where it keeps others.
fn understand(told: &str) -> Option<Delivery> {
    let (version, rest) = told.lines().last()?.strip_prefix("snapshot ")?.split_once(' ')?;
    let version = version.parse().ok()?;
    let (word, stamp) = rest.split_once(' ').map_or((rest, None), |(word, stamp)| (word, stamp.parse().ok()));
    match (word, stamp) {
        ("delivered", _) => Some(Delivery::Delivered(version)),
        ("already", stamp) => Some(Delivery::Already(version, stamp)),
        ("kept", Some(stamp)) => Some(Delivery::Kept(stamp)),
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
    let same = Snapshot::read(&path).is_ok_and(|old| old.is_some_and(|old| old.digest == snapshot.digest));
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
        let stamp: Stamp = "16@sha256:ab by mn1 4f3a 0".parse().unwrap();
        assert_eq!(understand("snapshot 17 delivered"), Some(Delivery::Delivered(17)));
        assert_eq!(
            understand("snapshot 16 already"),
            Some(Delivery::Already(16, None)),
            "an earlier release"
        );
        let already = "snapshot 16 already 16@sha256:ab by mn1 4f3a 0";
        assert_eq!(understand(already), Some(Delivery::Already(16, Some(stamp.clone()))));
        assert_eq!(understand(&already.replace("already", "kept")), Some(Delivery::Kept(stamp)));
        assert_eq!(understand("snapshot 16 kept"), None);
        assert_eq!(understand(""), None);
        assert_eq!(understand("snapshot 16 eaten"), None);
    }
}
