//! Saves the last confirmed network of this host as a file. `xdockhost restore` restores it. Later runs read
//! from it the NICs of bridges and the devices that are no longer in the tables.

use std::path::{Path, PathBuf};

use durable::FileError;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::manager::ConfirmedFiles;
use super::resolved::{Device, ResolvedNetwork};
use crate::files::DesiredFile;

/// Name of the saved network, beside the change records.
const FILE: &str = "plan.json";
/// Name of the list of devices that are no longer in the tables and still exist.
const REMOVED: &str = "left.json";
/// Name of the digests of the network manager's files at that time.
const FILES: &str = "files.json";

/// Path of the saved network.
pub fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// A saved file cannot be read.
#[derive(Debug, Error)]
pub enum SavedError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file was not written by this program. Without it, a run does not know which devices earlier runs
    /// created.
    #[error("{} was not written by xdockhost; restore it from a backup, or move it away to treat this host as new", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Position and cause.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads the saved network; `None` if there is none.
///
/// # Errors
/// See [`SavedError`].
pub fn read(state: &Path) -> Result<Option<ResolvedNetwork>, SavedError> {
    read_network(path(state))
}

/// All devices that earlier runs created, including those that are no longer in the tables.
///
/// # Errors
/// See [`SavedError`].
pub fn created(state: &Path) -> Result<ResolvedNetwork, SavedError> {
    let mut created = read(state)?.unwrap_or_default();
    let removed = read_network(state.join(REMOVED))?.unwrap_or_default();
    let removed = removed.devices.into_iter().filter(|device| created.device(&device.name).is_none());
    let removed: Vec<Device> = removed.collect();
    created.devices.extend(removed);
    Ok(created)
}

/// The manager's files when the network was confirmed; `None`: an earlier release confirmed it.
///
/// # Errors
/// See [`SavedError`].
pub fn confirmed_files(state: &Path) -> Result<Option<ConfirmedFiles>, SavedError> {
    parsed(state.join(FILES))
}

/// The record of the manager's files.
///
/// # Errors
/// It cannot be written as JSON: none of its maps has keys that are no strings.
pub fn desired_files_record(state: &Path, files: &ConfirmedFiles) -> Result<DesiredFile, serde_json::Error> {
    let text = serde_json::to_string_pretty(files)? + "\n";
    Ok(DesiredFile { mode: 0o600, ..DesiredFile::text(state.join(FILES), text) })
}

fn read_network(path: PathBuf) -> Result<Option<ResolvedNetwork>, SavedError> {
    parsed(path)
}

fn parsed<T: DeserializeOwned>(path: PathBuf) -> Result<Option<T>, SavedError> {
    let Some(text) = durable::read(&path)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|source| SavedError::Text { path, source })
}

/// Content of the saved files. `removed`: devices that are no longer in the tables and still exist, each
/// after the devices below it.
///
/// # Errors
/// The network cannot be serialized. All keys are strings, so this does not happen.
pub fn desired_files(
    state: &Path,
    network: &ResolvedNetwork,
    removed: Vec<Device>,
) -> Result<[DesiredFile; 2], serde_json::Error> {
    let file = |path, network: &ResolvedNetwork| {
        let text = serde_json::to_string_pretty(network)? + "\n";
        Ok::<_, serde_json::Error>(DesiredFile { mode: 0o600, ..DesiredFile::text(path, text) })
    };
    let removed_path = state.join(REMOVED);
    let removed = match removed.is_empty() {
        true => DesiredFile::absent(removed_path),
        false => file(removed_path, &ResolvedNetwork { devices: removed })?,
    };
    Ok([file(path(state), network)?, removed])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_names_that_earlier_releases_wrote() {
        let [saved, removed] =
            desired_files(Path::new("/s"), &ResolvedNetwork::default(), Vec::new()).unwrap();
        assert_eq!((saved.path, removed.path), ("/s/plan.json".into(), "/s/left.json".into()));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_not_an_absent_one() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(read(state.path()).unwrap(), None);
        assert_eq!(created(state.path()).unwrap(), ResolvedNetwork::default());
        for name in [FILE, REMOVED] {
            let path = state.path().join(name);
            std::fs::write(&path, b"{\"devices\": [\xff").unwrap();
            let text = created(state.path()).unwrap_err().to_string();
            let advice = "restore it from a backup, or move it away to treat this host as new";
            assert_eq!(text, format!("{} was not written by xdockhost; {advice}", path.display()));
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("/not/mounted", &path).unwrap();
            let text = created(state.path()).unwrap_err().to_string();
            assert_eq!(text, format!("cannot read {}", path.display()));
            std::fs::remove_file(&path).unwrap();
        }
    }
}
