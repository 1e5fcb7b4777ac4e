//! The last confirmed network of this host, as a file: what `xdockhost restore` brings back, and what a later run remembers of
//! the NICs that it found, and of devices that left the tables since.

use std::path::{Path, PathBuf};

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

/// What is there; `None` where nothing is, or nothing that this program can read: then it is as on a new host.
pub fn read(state: &Path) -> Option<Stack> {
    serde_json::from_slice(&std::fs::read(path(state)).ok()?).ok()
}

/// All devices that earlier runs made: those of the confirmed network, and those that left it.
pub fn made(state: &Path) -> Stack {
    let mut made = read(state).unwrap_or_default();
    let left: Stack = std::fs::read(state.join(LEFT))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let left = left.devices.into_iter().filter(|device| made.device(&device.name).is_none());
    let left: Vec<Device> = left.collect();
    made.devices.extend(left);
    made
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
