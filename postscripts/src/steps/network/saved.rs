//! The last confirmed network of this host, as a file: what `xdockhost restore` brings back, and what a later run remembers of
//! the NICs that it found.

use std::path::{Path, PathBuf};

use super::stack::Stack;
use crate::files::Wanted;

/// Beside the records of pending changes.
const FILE: &str = "plan.json";

/// Where it is.
pub fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// What is there; `None` where nothing is, or nothing that this program can read: then it is as on a new host.
pub fn read(state: &Path) -> Option<Stack> {
    serde_json::from_slice(&std::fs::read(path(state)).ok()?).ok()
}

/// The file as it shall be.
///
/// # Errors
/// It can not be written as JSON: none of its maps has keys that are no strings.
pub fn wanted(state: &Path, stack: &Stack) -> Result<Wanted, serde_json::Error> {
    let text = serde_json::to_string_pretty(stack)? + "\n";
    Ok(Wanted { mode: 0o600, ..Wanted::text(path(state), text) })
}
