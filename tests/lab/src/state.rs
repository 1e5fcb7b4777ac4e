//! What a lab remembers between two commands: its specification, its processes, its pulled cables.
//! `down` does not need it (see `name`); everything else reads it here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::name::Member;
use crate::plan::Spec;
use crate::proc::Process;

/// How reading or writing failed.
#[derive(Debug, Error)]
pub enum StateError {
    /// No such file.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something else is in it.
    #[error("{} is no state of a lab: run `lab down`", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// Not written.
    #[error("cannot keep the lab's state")]
    Write(#[source] durable::FileError),
}

/// How far the lab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// `up` has begun and has not ended (or was killed).
    Starting,
    /// `up` ended well.
    Up,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What was asked for.
    pub spec: Spec,
    /// How far it is.
    pub phase: Phase,
    /// The machines that have been started.
    pub members: BTreeMap<Member, MemberState>,
}

/// One machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// systemd-nspawn and the machine's PID 1; none when it is off.
    pub running: Option<Running>,
    /// NICs whose cable is pulled.
    pub pulled: BTreeSet<String>,
}

/// The two processes of a machine that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// systemd-nspawn.
    pub supervisor: Process,
    /// The machine's PID 1.
    pub leader: Process,
}

impl State {
    /// A lab that is being started.
    pub fn starting(spec: Spec) -> Self {
        let members = spec.members().map(|member| (member, MemberState::default())).collect();
        Self { spec, phase: Phase::Starting, members }
    }

    /// Reads it; `None` when there is no lab.
    ///
    /// # Errors
    /// Unreadable, or something else is in the file.
    pub fn load(path: &Path) -> Result<Option<Self>, StateError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Read { path: path.to_owned(), source }),
        };
        let state = serde_json::from_slice(&text);
        state.map(Some).map_err(|source| StateError::Form { path: path.to_owned(), source })
    }

    /// Writes it.
    ///
    /// # Errors
    /// Names the file.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| StateError::Form { path: path.to_owned(), source })?;
        durable::replace(path, &text, 0o600).map(drop).map_err(StateError::Write)
    }

    /// The processes of a machine, when it really runs.
    pub fn running(&self, member: Member) -> Option<&Running> {
        let running = self.members.get(&member)?.running.as_ref()?;
        running.leader.is_alive().then_some(running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        assert_eq!(State::load(&path).unwrap(), None);
        let mut state = State::starting(Spec::new("lab".parse().unwrap(), 2));
        state.members.get_mut(&Member::Host(1)).unwrap().pulled.insert("eth1".into());
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), Some(state));
    }

    #[test]
    fn noise_is_told_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        std::fs::write(&path, "{").unwrap();
        let error = State::load(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is no state of a lab: run `lab down`", path.display()));
    }
}
