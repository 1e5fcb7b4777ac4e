//! Records that survive a restart of netd: Docker's networks (on disk, over reboots) and endpoints (in `/run`,
//! because a reboot also removes the devices).
//!
//! One small file per object. An unreadable file is reported and left unchanged; the others are used.

use std::fs;
use std::path::{Path, PathBuf};

use durable::FileError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::state::{Change, Endpoint, NetworkRecord};

/// The directories of the records.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    networks: PathBuf,
    endpoints: PathBuf,
}

/// Why a record was not read or written.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// The directory or a file in it cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// The content of a file is not valid.
    #[error("record {} is damaged: remove it", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// A change was not written, and is not applied.
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

    /// All readable network records, and the errors of the others.
    pub(crate) fn networks(&self) -> (Vec<NetworkRecord>, Vec<StoreError>) {
        read_all(&self.networks)
    }

    /// All readable endpoint records, and the errors of the others.
    pub(crate) fn endpoints(&self) -> (Vec<Endpoint>, Vec<StoreError>) {
        read_all(&self.endpoints)
    }

    /// Writes one change to disk.
    pub(crate) fn write(&self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::PutNetwork(record) => save(&self.networks, record.id.as_str(), record),
            Change::RemoveNetwork(id) => delete(&self.networks, id.as_str()),
            Change::PutEndpoint(endpoint) => save(&self.endpoints, endpoint.id.as_str(), endpoint),
            Change::RemoveEndpoint(id) => delete(&self.endpoints, id.as_str()),
        }
    }
}

/// All readable endpoint records below a directory, for programs other than the daemon: temporary files may be the daemon's.
pub(crate) fn endpoint_records(run: &Path) -> (Vec<Endpoint>, Vec<StoreError>) {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    match durable::list(&run.join("endpoints")) {
        Ok(paths) => {
            let paths = paths.unwrap_or_default();
            for path in paths.iter().filter(|path| has_extension(path, "json")) {
                match read(path) {
                    Ok(record) => records.extend(record),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        Err(error) => problems.push(error.into()),
    }
    (records, problems)
}

fn save<T: Serialize>(directory: &Path, id: &str, record: &T) -> Result<(), StoreError> {
    // string keys and no floats: serializing a record cannot fail
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
    let (temporary, records): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.partition(|path| has_extension(path, "new"));
    for path in temporary {
        // left over from a netd that was killed while it wrote; harmless if it stays
        let _ = fs::remove_file(path);
    }
    records.into_iter().filter(|path| has_extension(path, "json")).collect()
}

fn has_extension(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|is| is == ending)
}

/// `None`: the file was removed meanwhile.
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
        store.write(&Change::PutNetwork(network("a"))).unwrap();
        store.write(&Change::PutNetwork(network("b"))).unwrap();
        let broken = dir.path().join("networks").join("x.json");
        fs::write(&broken, "{").unwrap();
        let (records, problems) = store.networks();
        assert_eq!(records.len(), 2);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [format!("record {} is damaged: remove it", broken.display())]);
        fs::remove_file(&broken).unwrap();
        std::os::unix::fs::symlink("/not/mounted", &broken).unwrap();
        let (records, problems) = store.networks();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!((records.len(), texts), (2, vec![format!("cannot read {}", broken.display())]));
        store.write(&Change::RemoveNetwork("a".repeat(64).parse().unwrap())).unwrap();
        store.write(&Change::RemoveNetwork("a".repeat(64).parse().unwrap())).unwrap();
        assert_eq!(store.networks().0, [network("b")]);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path(), dir.path());
        store.write(&Change::PutNetwork(network("a"))).unwrap();
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
