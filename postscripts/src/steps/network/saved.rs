//! The last confirmed network of this host, as a file: what `xdockhost restore` brings back, and what a later run remembers of
//! the NICs that it found, and of devices that left the tables since.

use std::path::{Path, PathBuf};

use durable::FileError;
use thiserror::Error;

use super::stack::{Device, Stack};
use crate::files::Wanted;

/// Beside the records of pending changes.
const FILE: &str = "plan.json";
/// Beside it: devices that left the tables, until they are gone.
const LEFT: &str = "left.json";

/// Where it is.
pub fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// What earlier runs wrote down cannot be read.
#[derive(Debug, Error)]
pub enum SavedError {
    /// Not readable.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not what this program wrote. Without it a run does not know which devices earlier runs made.
    #[error("{} is not what xdockhost wrote; restore it from a backup, or move it away to treat this host as new", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
}

/// What is there; `None` where nothing is.
///
/// # Errors
/// See [`SavedError`].
pub fn read(state: &Path) -> Result<Option<Stack>, SavedError> {
    stack(path(state))
}

/// All devices that earlier runs made: those of the confirmed network, and those that left it.
///
/// # Errors
/// See [`SavedError`].
pub fn made(state: &Path) -> Result<Stack, SavedError> {
    let mut made = read(state)?.unwrap_or_default();
    let left = stack(state.join(LEFT))?.unwrap_or_default();
    let left = left.devices.into_iter().filter(|device| made.device(&device.name).is_none());
    let left: Vec<Device> = left.collect();
    made.devices.extend(left);
    Ok(made)
}

fn stack(path: PathBuf) -> Result<Option<Stack>, SavedError> {
    let Some(text) = durable::read(&path)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|source| SavedError::Text { path, source })
}

/// The files as they shall be; `left`: what left the tables and is still there, each after those that it stands on.
///
/// # Errors
/// It can not be written as JSON: none of its maps has keys that are no strings.
pub fn wanted(state: &Path, stack: &Stack, left: Vec<Device>) -> Result<[Wanted; 2], serde_json::Error> {
    let file = |path, stack: &Stack| {
        let text = serde_json::to_string_pretty(stack)? + "\n";
        Ok::<_, serde_json::Error>(Wanted { mode: 0o600, ..Wanted::text(path, text) })
    };
    let path_of_left = state.join(LEFT);
    let left = match left.is_empty() {
        true => Wanted::absent(path_of_left),
        false => file(path_of_left, &Stack { devices: left })?,
    };
    Ok([file(path(state), stack)?, left])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_is_not_an_absent_one() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(read(state.path()).unwrap(), None);
        assert_eq!(made(state.path()).unwrap(), Stack::default());
        for name in [FILE, LEFT] {
            let path = state.path().join(name);
            std::fs::write(&path, b"{\"devices\": [\xff").unwrap();
            let text = made(state.path()).unwrap_err().to_string();
            let advice = "restore it from a backup, or move it away to treat this host as new";
            assert_eq!(text, format!("{} is not what xdockhost wrote; {advice}", path.display()));
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("/not/mounted", &path).unwrap();
            let text = made(state.path()).unwrap_err().to_string();
            assert_eq!(text, format!("cannot read {}", path.display()));
            std::fs::remove_file(&path).unwrap();
        }
    }
}
