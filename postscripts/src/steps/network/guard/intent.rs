//! What is asked for when a change begins.

use std::fmt::Display;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::DesiredFile;

/// One step of the way back, as the network step has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// In words, for the log.
    pub text: String,
    /// For who executes it.
    pub step: Value,
    /// Whether a boot does not take it back by itself: what is in the switch's database, not what is in the kernel.
    pub outlives_boot: bool,
    /// Whether it takes away what the host may be reached by: an address, or that its own IP hears a NIC. It is only done
    /// when all steps before it were.
    #[serde(rename = "takes_away", default)]
    pub cuts_access: bool,
}

/// What is asked for when a change begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intent {
    /// The way back, in the order in which it is gone.
    pub undo: Vec<Undo>,
    /// Every file that will be written or removed.
    pub files: Vec<PathBuf>,
    /// The network as it is, a line each: what must be there again after the way back.
    pub facts: Vec<String>,
    /// Who runs the network, in the words of [`super::RollbackBackend::adopt`].
    pub manager: String,
    /// Who must answer, in the words of [`super::RollbackBackend::probe`].
    pub probes: Value,
    /// How long who must answer may take, in seconds.
    pub confirm: u64,
    /// How long the whole change may take, in seconds: after that the guard ends who makes it, and takes it back.
    pub limit: u64,
}

impl Undo {
    /// A step of the way back.
    ///
    /// # Errors
    /// It can not be written as JSON: a map with keys that are no strings.
    pub fn of<S: Serialize + Display>(step: &S, outlives_boot: bool) -> Result<Self, serde_json::Error> {
        let step_value = serde_json::to_value(step)?;
        Ok(Self { text: step.to_string(), step: step_value, outlives_boot, cuts_access: false })
    }
}

impl Intent {
    /// The paths that writing these files touches.
    #[must_use]
    pub fn with_files(mut self, files: &[DesiredFile]) -> Self {
        let paths = files.iter().flat_map(|file| [Some(&file.path), file.backup.as_ref()]).flatten();
        self.files.extend(paths.cloned());
        self
    }
}
