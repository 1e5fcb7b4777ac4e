//! What netd must find again after it was killed: Docker's networks (over reboots: on disk) and the endpoints (over
//! its own death only: in `/run`, where a reboot clears them together with the devices).
//!
//! One small file an object. A file that can not be read is reported and left alone; the others still count.

use std::fs;
use std::path::{Path, PathBuf};

use durable::FileError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::state::{Change, Endpoint, NetworkRecord};

/// The two directories.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    networks: PathBuf,
    endpoints: PathBuf,
}

/// A record that was not read or written.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// The directory or a file in it cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// One file is not what we write.
    #[error("the record {} is broken: remove it", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// A change was not written; it is not made then.
    #[error("cannot record {what}")]
    Write {
        what: String,
        #[source]
        source: FileError,
    },
}

impl Store {
    /// Records below these directories.
    pub(crate) fn new(state: &Path, run: &Path) -> Self {
        Self { networks: state.join("networks"), endpoints: run.join("endpoints") }
    }

    /// All network records, and what is wrong with the others.
    pub(crate) fn networks(&self) -> (Vec<NetworkRecord>, Vec<StoreError>) {
        read_all(&self.networks)
    }

    /// All endpoint records, and what is wrong with the others.
    pub(crate) fn endpoints(&self) -> (Vec<Endpoint>, Vec<StoreError>) {
        read_all(&self.endpoints)
    }

    /// Writes one change down.
    pub(crate) fn write(&self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Network(record) => save(&self.networks, record.id.as_str(), record),
            Change::NoNetwork(id) => delete(&self.networks, id.as_str()),
            Change::Endpoint(endpoint) => save(&self.endpoints, endpoint.id.as_str(), endpoint),
            Change::NoEndpoint(id) => delete(&self.endpoints, id.as_str()),
        }
    }
}

fn save<T: Serialize>(directory: &Path, id: &str, record: &T) -> Result<(), StoreError> {
    // string keys and no floats: serialising a record can not fail
    let text = serde_json::to_string(record).unwrap_or_default() + "\n";
    let written = durable::replace(&file(directory, id), text.as_bytes(), 0o600);
    written.map(drop).map_err(|source| StoreError::Write { what: id.to_owned(), source })
}

fn delete(directory: &Path, id: &str) -> Result<(), StoreError> {
    let removed = durable::remove(&file(directory, id));
    removed.map(drop).map_err(|source| StoreError::Write { what: id.to_owned(), source })
}

fn file(directory: &Path, id: &str) -> PathBuf {
    directory.join(format!("{id}.json"))
}

fn read_all<T: DeserializeOwned>(directory: &Path) -> (Vec<T>, Vec<StoreError>) {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for path in files(directory, &mut problems) {
        match read(&path) {
            Ok(record) => records.extend(record),
            Err(problem) => problems.push(problem),
        }
    }
    (records, problems)
}

fn files(directory: &Path, problems: &mut Vec<StoreError>) -> Vec<PathBuf> {
    let paths = durable::list(directory).unwrap_or_else(|error| {
        problems.push(error.into());
        None
    });
    let paths = paths.unwrap_or_default().into_iter();
    let (temporary, records): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| has_ending(path, "new"));
    for path in temporary {
        // of a netd that was killed while it wrote; harmless, so it may also stay
        let _ = fs::remove_file(path);
    }
    records.into_iter().filter(|path| has_ending(path, "json")).collect()
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|is| is == ending)
}

/// `None`: somebody removed it in between.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let Some(text) = durable::read(path)? else { return Ok(None) };
    serde_json::from_slice(&text).map_err(|source| StoreError::Parse { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(id: &str) -> NetworkRecord {
        NetworkRecord {
            id: id.repeat(64).parse().unwrap(),
            network: "mynet0".parse().unwrap(),
            subnets: vec!["10.99.0.0/16".parse().unwrap()],
        }
    }

    #[test]
    fn records_are_found_again_and_a_broken_one_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path(), dir.path());
        assert!(store.networks().0.is_empty(), "no directory, no records");
        store.write(&Change::Network(network("a"))).unwrap();
        store.write(&Change::Network(network("b"))).unwrap();
        let broken = dir.path().join("networks").join("x.json");
        fs::write(&broken, "{").unwrap();
        let (records, problems) = store.networks();
        assert_eq!(records.len(), 2);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [format!("the record {} is broken: remove it", broken.display())]);
        fs::remove_file(&broken).unwrap();
        std::os::unix::fs::symlink("/not/mounted", &broken).unwrap();
        let (records, problems) = store.networks();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!((records.len(), texts), (2, vec![format!("cannot read {}", broken.display())]));
        store.write(&Change::NoNetwork("a".repeat(64).parse().unwrap())).unwrap();
        store.write(&Change::NoNetwork("a".repeat(64).parse().unwrap())).unwrap();
        assert_eq!(store.networks().0, [network("b")]);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path(), dir.path());
        store.write(&Change::Network(network("a"))).unwrap();
        fs::write(dir.path().join("networks/.b.json.7.0.1f.new"), "{").unwrap();
        let (records, problems) = store.networks();
        assert_eq!((records.len(), problems.len()), (1, 0));
        assert_eq!(fs::read_dir(dir.path().join("networks")).unwrap().count(), 1);
    }

    #[test]
    fn an_identifier_that_is_no_file_name_is_never_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path(), dir.path());
        fs::create_dir(dir.path().join("networks")).unwrap();
        let text = r#"{"id":"../../etc/passwd","network":"n","subnets":[]}"#;
        fs::write(dir.path().join("networks/y.json"), text).unwrap();
        let (records, problems) = store.networks();
        assert_eq!((records.len(), problems.len()), (0, 1));
    }
}
