//! The state of the service, for `xdockhost status`, `netd status` and `xdock host HOST status`.

use std::path::Path;

use durable::FileError;
use serde::{Deserialize, Serialize};

use super::service;

/// The file. netd reads `problems` of it.
const FILE: &str = "/run/xdock/network/watch.json";
/// Repairs that are remembered.
const REPAIRS: usize = 10;

/// What the service knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    /// For the administrator.
    pub(super) problems: Vec<String>,
    /// The last repairs, newest last.
    pub(super) repairs: Vec<RestoredAt>,
}

/// A repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RestoredAt {
    /// In UTC, as in the log.
    at: String,
    /// The steps.
    steps: String,
}

impl Report {
    /// Remembers a repair.
    pub(super) fn restored(&mut self, at: String, steps: String) {
        self.repairs.push(RestoredAt { at, steps });
        let over = self.repairs.len().saturating_sub(REPAIRS);
        self.repairs.drain(..over);
    }

    /// Writes it.
    pub(super) fn write(&self) -> Result<(), FileError> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        durable::replace(Path::new(FILE), &text, 0o644).map(drop)
    }

    /// Reads it; empty if the service never ran.
    pub(super) fn read() -> Self {
        let text = durable::read(Path::new(FILE)).ok().flatten().unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

/// Lines of `xdockhost status`: the last repair, the problems, and whether the service runs.
pub async fn status() -> Vec<String> {
    let Report { problems, repairs } = Report::read();
    let last = repairs.last().map(|last| format!("restored at {}: {}", last.at, last.steps));
    let stopped = (!service::is_active().await).then(|| {
        format!("{} does not run: missing devices, addresses and routes are not restored", service::UNIT)
    });
    last.into_iter().chain(problems).chain(stopped).collect()
}
