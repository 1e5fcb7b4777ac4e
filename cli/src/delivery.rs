//! Delivers the snapshot of a host to its netd, and publishes it for deployed hosts to download.

mod objection;
mod tables;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable::FileError;
use inventory::{Snapshot, Stamp};
use process::ExecuteError;
use thiserror::Error;

use crate::engine::SessionError;
use crate::host::Host;

/// Timeout for netd to verify, write and answer, without the connection.
const NETD_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) use objection::{Objection, is_in_the_way, objection};
pub(crate) use tables::{SyncError, Synced, TableSync, Tables, listed};

/// Result of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// netd loaded it.
    Delivered(u64),
    /// netd has an equal snapshot with this version. Earlier releases of netd do not report its stamp.
    Already(u64, Option<Stamp>),
    /// netd keeps its snapshot.
    Kept(Stamp),
}

/// Why a host does not have the current tables.
#[derive(Debug, Error)]
pub(crate) enum DeliveryError {
    /// netd is not installed.
    #[error("netd is not installed on {host}; run \"updatenode {host} -P xdock\"")]
    Absent { host: String },
    /// netd rejected it.
    #[error("cannot deliver the tables to {host}")]
    Netd {
        host: String,
        #[source]
        source: SessionError,
    },
    /// netd does not support replacing.
    #[error(
        "netd of {host} is of an earlier release, which keeps its tables because their time stamp is newer; run \"updatenode {host} -P xdock\", then \"xdock sync {host}\""
    )]
    Outdated { host: String },
    /// The host keeps its snapshot, and the administrator must decide.
    #[error(transparent)]
    Objection(Box<Objection>),
    /// The snapshot of the host changed on every attempt.
    #[error("another program delivers tables to {host} at the same time; run \"xdock sync {host}\" again")]
    Contended { host: String },
    /// Unknown answer of netd.
    #[error("unknown answer {answer:?} from netd of {host}; run \"updatenode {host} -P xdock\"")]
    UnknownAnswer {
        host: String,
        /// The answer.
        answer: String,
    },
    /// The file for a host in deployment was not written.
    #[error("cannot write the tables that {host} downloads")]
    File {
        host: String,
        #[source]
        source: FileError,
    },
}

/// Current time, which is the version of tables that are read now.
pub(crate) fn version_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Which parts of a snapshot netd of a host reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// All.
    Complete,
    /// Not the parts that a later release added: names, links, settings of containers.
    Addresses,
    /// Not the withheld rows either: containers with invalid rows lose their addresses.
    Plain,
}

/// Delivers `snapshot` to the netd of `host`. With `replaces` it is loaded regardless of its version if the host has
/// that snapshot. A netd of an earlier release gets the parts that it reads.
pub(crate) async fn deliver(
    host: &Host,
    snapshot: &Snapshot,
    replaces: Option<&Stamp>,
) -> Result<(Delivery, Form), DeliveryError> {
    let mut form = Form::Complete;
    loop {
        let error = match load(host, &form.of(snapshot), replaces).await {
            Ok(answer) => return known(host, &answer).map(|delivery| (delivery, form)),
            Err(error) => error,
        };
        form = match (form.next(output(&error).1), understand(output(&error).0)) {
            (Some(Next::Form(smaller)), _) => smaller,
            (Some(Next::WithoutOrigin), _) => {
                let delivery = deliver_to_old(host, &Form::Plain.of(snapshot)).await?;
                return Ok((delivery, Form::Plain));
            }
            (None, Some(delivery)) => return Ok((delivery, form)),
            (None, None) => return Err(refused(host.name.to_string(), error)),
        };
    }
}

async fn load(host: &Host, snapshot: &Snapshot, replaces: Option<&Stamp>) -> Result<String, SessionError> {
    let mut words = vec!["snapshot", "load", "--host", host.name.as_str()];
    let stamp = replaces.map(|stamp| format!("{}@{}", stamp.version, stamp.digest));
    words.extend(stamp.iter().flat_map(|stamp| ["--replaces", stamp]));
    words.push("-");
    let loaded = host.programs.netd(&words, snapshot.to_text().into_bytes(), NETD_TIMEOUT).await;
    loaded.map(|answer| answer.text())
}

fn known(host: &Host, answer: &str) -> Result<Delivery, DeliveryError> {
    let unknown = || DeliveryError::UnknownAnswer { host: host.name.to_string(), answer: answer.to_owned() };
    understand(answer).ok_or_else(unknown)
}

/// The next attempt after an error of netd.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Form(Form),
    /// netd does not know management nodes either.
    WithoutOrigin,
}

impl Form {
    fn of(self, snapshot: &Snapshot) -> Snapshot {
        match self {
            Self::Complete => snapshot.clone(),
            Self::Addresses => snapshot.clone().addresses_only(),
            Self::Plain => snapshot.clone().addresses_only().withholding(Vec::new()),
        }
    }

    /// What to try after an error message. Each release of netd refuses unknown fields. A field of a network is not refused,
    /// but its digest is.
    fn next(self, error: &str) -> Option<Next> {
        match self {
            _ if error.contains("unknown field `origin`") => Some(Next::WithoutOrigin),
            Self::Complete | Self::Addresses if error.contains("unknown field `withheld`") => {
                Some(Next::Form(Self::Plain))
            }
            Self::Complete if error.contains("unknown field `") || error.contains("content hashes to") => {
                Some(Next::Form(Self::Addresses))
            }
            _ => None,
        }
    }
}

/// Earlier releases of netd only compare versions.
async fn deliver_to_old(host: &Host, snapshot: &Snapshot) -> Result<Delivery, DeliveryError> {
    let text = snapshot.clone().made_by(None).to_text().into_bytes();
    let words = ["snapshot", "load", "--host", host.name.as_str(), "-"];
    let name = || host.name.to_string();
    match host.programs.netd(&words, text, NETD_TIMEOUT).await {
        Ok(answer) => known(host, &answer.text()),
        Err(error) if output(&error).1.contains("is older than") => {
            Err(DeliveryError::Outdated { host: name() })
        }
        Err(error) => Err(refused(name(), error)),
    }
}

/// Standard output and standard error of a failed program.
fn output(error: &SessionError) -> (&str, &str) {
    match error {
        SessionError::Run(ExecuteError::Status { stdout, stderr, .. }) => (stdout, stderr),
        _ => ("", ""),
    }
}

/// Exit status 127 of a shell means that the program does not exist (POSIX, 2.8.2).
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

/// Parses `snapshot 1763817000000 delivered`, `already STAMP` for equal tables, and `kept STAMP` for other tables.
fn understand(answer: &str) -> Option<Delivery> {
    let (version, rest) = answer.lines().last()?.strip_prefix("snapshot ")?.split_once(' ')?;
    let version = version.parse().ok()?;
    let (word, stamp) = rest.split_once(' ').map_or((rest, None), |(word, stamp)| (word, stamp.parse().ok()));
    match (word, stamp) {
        ("delivered", _) => Some(Delivery::Delivered(version)),
        ("already", stamp) => Some(Delivery::Already(version, stamp)),
        ("kept", Some(stamp)) => Some(Delivery::Kept(stamp)),
        _ => None,
    }
}

/// Path of the snapshot for a host in deployment; `None`: this machine does not deploy hosts.
pub(crate) fn published_path(installdir: &Path, host: &str) -> Option<PathBuf> {
    installdir.is_dir().then(|| installdir.join("xdock/snapshots").join(format!("{host}.json")))
}

/// Publishes `snapshot` for its host. An equal one is not changed, because the host may have that older one.
pub(crate) fn publish(installdir: &Path, snapshot: &Snapshot) -> Result<(), DeliveryError> {
    let Some(path) = published_path(installdir, snapshot.host.as_str()) else { return Ok(()) };
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
    fn an_earlier_netd_gets_the_parts_that_it_reads() {
        let field = |name: &str| format!("netd: ...: unknown field `{name}`, expected one of `format`");
        let next = |form: Form, name: &str| form.next(&field(name));
        for name in ["names", "links", "own", "later"] {
            assert_eq!(next(Form::Complete, name), Some(Next::Form(Form::Addresses)), "{name}");
            assert_eq!(next(Form::Addresses, name), None, "{name}");
        }
        assert_eq!(next(Form::Complete, "withheld"), Some(Next::Form(Form::Plain)));
        assert_eq!(next(Form::Addresses, "withheld"), Some(Next::Form(Form::Plain)));
        assert_eq!(next(Form::Plain, "origin"), Some(Next::WithoutOrigin));
        let digest = "netd: snapshot's digest is sha256:ab but its content hashes to sha256:cd";
        assert_eq!(Form::Complete.next(digest), Some(Next::Form(Form::Addresses)));
        assert_eq!(Form::Addresses.next(digest), None);
    }

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
