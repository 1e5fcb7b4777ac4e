//! Ledger of issued certificates: one file, read by all commands, changed under a lock.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use durable::FileError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const NAME: &str = "issued.json";

/// A certificate of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issued {
    /// The node's name.
    pub(crate) host: String,
    /// Its serial number, hexadecimal.
    pub(crate) serial: String,
    /// Its names.
    pub(crate) names: Vec<String>,
    /// Its addresses; the engine listens on the first.
    pub(crate) addresses: Vec<IpAddr>,
    /// Port of the engine.
    pub(crate) port: u16,
    /// End of validity, in seconds since 1970.
    pub(crate) not_after: i64,
    /// Its state.
    pub(crate) state: State,
}

/// State of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Signed; the host may not have it.
    Issued,
    /// The engine uses it.
    Proven,
    /// Revoked.
    Revoked,
}

/// Enrolment state of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing<'a> {
    /// Never enrolled.
    Unknown,
    /// Its engine uses this certificate.
    Enrolled(&'a Issued),
    /// This certificate is revoked.
    Revoked(&'a Issued),
}

/// All certificates, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    certificates: Vec<Issued>,
}

/// Errors of the ledger.
#[derive(Debug, Error)]
pub(crate) enum LedgerError {
    /// Not readable.
    #[error("cannot read the list of revoked certificates; run xdock as root of the management node")]
    Read(#[source] FileError),
    /// Invalid content.
    #[error("{} has invalid content; restore it from a backup, or move it away and enroll all hosts again", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// Not locked.
    #[error("cannot lock {}", path.display())]
    Lock {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Not written.
    #[error(transparent)]
    Write(#[from] FileError),
}

impl Ledger {
    /// Reads the ledger; a missing file is an empty ledger. An unreadable file is an error, because its revocations
    /// would be lost.
    pub(crate) fn read(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join(NAME);
        match durable::read(&path).map_err(LedgerError::Read)? {
            Some(text) => serde_json::from_slice(&text).map_err(|source| LedgerError::Parse { path, source }),
            None => Ok(Self::default()),
        }
    }

    /// Reads the ledger to connect to hosts. Without access to the directory it is treated as empty: such a user has
    /// no client certificate either.
    pub(crate) fn seen(directory: &Path) -> Result<Self, LedgerError> {
        match Self::read(directory) {
            Err(LedgerError::Read(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Ok(Self::default())
            }
            read => read,
        }
    }

    /// Changes the ledger under its lock.
    pub(crate) fn update(directory: &Path, change: impl FnOnce(&mut Self)) -> Result<Self, LedgerError> {
        let lock = directory.join("lock");
        let locked = fs::OpenOptions::new().create(true).append(true).open(&lock);
        let broken = |source| LedgerError::Lock { path: lock.clone(), source };
        let file = locked.map_err(broken)?;
        // unlocked when the file is closed
        file.lock().map_err(broken)?;
        let mut ledger = Self::read(directory)?;
        change(&mut ledger);
        // serializing strings and numbers cannot fail
        let text = serde_json::to_vec_pretty(&ledger).unwrap_or_default();
        durable::replace(&directory.join(NAME), &text, 0o600)?;
        Ok(ledger)
    }

    /// Adds a new certificate.
    pub(crate) fn add(&mut self, issued: Issued) {
        self.certificates.push(issued);
    }

    /// Marks the certificate in use, revokes the host's other ones, and removes those that have also expired.
    pub(crate) fn prove(&mut self, serial: &str, now: i64) {
        let Some(host) = self.find(serial).map(|found| found.host.clone()) else { return };
        for one in self.certificates.iter_mut().filter(|one| one.host == host) {
            one.state = if one.serial == serial { State::Proven } else { State::Revoked };
        }
        self.certificates.retain(|one| one.host != host || one.serial == serial || one.not_after > now);
    }

    /// Revokes all certificates of a host; `false`: it had none.
    pub(crate) fn revoke(&mut self, host: &str) -> bool {
        let mut any = false;
        for one in self.certificates.iter_mut().filter(|one| one.host == host) {
            one.state = State::Revoked;
            any = true;
        }
        any
    }

    /// Enrolment state of a host.
    pub(crate) fn standing(&self, host: &str) -> Standing<'_> {
        let last = |state| self.certificates.iter().rev().find(|one| one.host == host && one.state == state);
        match (last(State::Proven), last(State::Revoked)) {
            (Some(issued), _) => Standing::Enrolled(issued),
            (None, Some(issued)) => Standing::Revoked(issued),
            (None, None) => Standing::Unknown,
        }
    }

    /// Revoked serial numbers.
    pub(crate) fn revoked(&self) -> BTreeSet<String> {
        let revoked = self.certificates.iter().filter(|one| one.state == State::Revoked);
        revoked.map(|one| one.serial.clone()).collect()
    }

    /// Serial numbers of a host except `but`.
    pub(crate) fn others(&self, host: &str, but: &str) -> BTreeSet<String> {
        let others = self.certificates.iter().filter(|one| one.host == host && one.serial != but);
        others.map(|one| one.serial.clone()).collect()
    }

    fn find(&self, serial: &str) -> Option<&Issued> {
        self.certificates.iter().find(|one| one.serial == serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(host: &str, serial: &str, not_after: i64) -> Issued {
        Issued {
            host: host.to_owned(),
            serial: serial.to_owned(),
            names: vec![host.to_owned()],
            addresses: vec![IpAddr::from([10, 99, 0, 11])],
            port: 2376,
            not_after,
            state: State::Issued,
        }
    }

    #[test]
    fn a_host_stands_by_its_proven_certificate_and_older_ones_are_worth_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let update = |change: &dyn Fn(&mut Ledger)| Ledger::update(directory.path(), change).unwrap();
        let one = update(&|ledger| ledger.add(issued("host1", "aa", 50)));
        assert_eq!(one.standing("host1"), Standing::Unknown);
        let one = update(&|ledger| ledger.prove("aa", 10));
        assert!(matches!(one.standing("host1"), Standing::Enrolled(found) if found.serial == "aa"));
        update(&|ledger| ledger.add(issued("host1", "bb", 90)));
        update(&|ledger| ledger.add(issued("host2", "cc", 90)));
        let two = update(&|ledger| ledger.prove("bb", 20));
        assert!(matches!(two.standing("host1"), Standing::Enrolled(found) if found.serial == "bb"));
        assert_eq!(two.revoked().into_iter().collect::<Vec<_>>(), ["aa"]);
        // revoked, and kept until it has expired
        let gone = update(&|ledger| assert!(ledger.revoke("host1")));
        assert!(matches!(gone.standing("host1"), Standing::Revoked(found) if found.serial == "bb"));
        let again = update(&|ledger| {
            ledger.add(issued("host1", "dd", 200));
            ledger.prove("dd", 60);
        });
        assert_eq!(again.revoked().into_iter().collect::<Vec<_>>(), ["bb"]);
        assert_eq!(Ledger::read(directory.path()).unwrap(), again);
    }

    #[test]
    fn a_broken_ledger_is_no_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(NAME), "{").unwrap();
        let read = || Ledger::read(directory.path()).unwrap_err();
        let told = read().to_string();
        assert!(told.ends_with("issued.json has invalid content; restore it from a backup, or move it away and enroll all hosts again"), "{told}");
        let path = directory.path().join(NAME);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/not/mounted", &path).unwrap();
        let text = "cannot read the list of revoked certificates; run xdock as root of the management node";
        let why = format!(
            "cannot read {}: it is a link to /not/mounted, which does not exist; mount its file system, or remove the link",
            path.display()
        );
        assert_eq!(chain::chain(&read()), format!("{text}: {why}"));
        let error =
            Ledger::update(directory.path(), |ledger| ledger.add(issued("host1", "aa", 50))).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("/not/mounted"), "it was not replaced");
    }
}
