//! Why an engine is not secured.

use std::io;
use std::path::PathBuf;

use durable::FileError;
use process::ExecuteError;
use thiserror::Error;

use super::unit::UnitError;
use crate::render::RenderError;
use crate::steps::docker::DockerError;
use crate::steps::docker::journal::Journal;

/// Why an engine is not secured.
#[derive(Debug, Error)]
pub enum SecureError {
    /// A directory.
    #[error("cannot make the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file was not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key could not be made.
    #[error("cannot make a key and a request for its certificate")]
    Key(#[source] rcgen::Error),
    /// What came is no order.
    #[error(
        "cannot read what the management node sends; xdock there and xdockhost here are of different releases"
    )]
    Order(#[source] serde_json::Error),
    /// Standard input.
    #[error("cannot read what the management node sends")]
    Input(#[source] io::Error),
    /// Another enrolment came in between.
    #[error("the certificate is not for the key that waits for one here; enroll this host again")]
    OtherKey,
    /// The key that waits.
    #[error("no key waits for a certificate in {}; enroll this host again", .0.display())]
    NoKey(PathBuf),
    /// No engine.
    #[error("there is no Docker engine here; its postscript brings it (updatenode NODE -P xdock)")]
    NoEngine,
    /// The engine's unit.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// Somebody has set this up already.
    #[error(
        "{file} has {what}: the engine would be told twice where to listen; take it out, then enroll this host again"
    )]
    Theirs {
        /// The file.
        file: &'static str,
        /// The key or word.
        what: String,
    },
    /// systemd.
    #[error("cannot ask systemd for docker.service")]
    Systemd(#[source] ExecuteError),
    /// The template.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The engine would end its containers.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The engine did not start so.
    #[error("the engine does not start with mutual TLS; everything is as before; {journal}")]
    RolledBack {
        /// What it said.
        journal: Journal,
        /// Why.
        #[source]
        source: ExecuteError,
    },
    /// And not as before either.
    #[error("the engine starts neither with mutual TLS nor as before; {journal}")]
    Dead {
        /// What it said.
        journal: Journal,
        /// Why.
        #[source]
        source: ExecuteError,
    },
}
