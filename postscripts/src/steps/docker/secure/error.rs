//! Errors of an enrolment on the host.

use std::io;
use std::path::PathBuf;

use durable::FileError;
use process::ExecuteError;
use thiserror::Error;

use super::unit::UnitError;
use crate::render::RenderError;
use crate::steps::docker::DockerError;
use crate::steps::docker::journal::Journal;

/// The engine cannot be secured.
#[derive(Debug, Error)]
pub enum SecureError {
    /// The directory cannot be created.
    #[error("cannot create directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key cannot be created.
    #[error("cannot create a key and a certificate request")]
    Key(#[source] rcgen::Error),
    /// The input is invalid.
    #[error(
        "cannot read the input from the management node; xdock there and xdockhost here are of different releases"
    )]
    Order(#[source] serde_json::Error),
    /// Standard input cannot be read.
    #[error("cannot read the input from the management node")]
    Input(#[source] io::Error),
    /// Another enrolment has replaced the key.
    #[error("the certificate does not belong to the waiting key; enroll this host again")]
    OtherKey,
    /// No key is waiting for a certificate.
    #[error("no key waits for a certificate in {}; enroll this host again", .0.display())]
    NoKey(PathBuf),
    /// No engine is installed.
    #[error("no Docker engine is installed; install it with updatenode NODE -P xdock")]
    NoEngine,
    /// The engine's unit cannot be extended.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The administrator has configured this already.
    #[error(
        "{file} has {what}, which also sets where the engine listens; remove it, then enroll this host again"
    )]
    Theirs {
        /// The file.
        file: &'static str,
        /// The key or argument.
        what: String,
    },
    /// systemd failed.
    #[error("cannot read docker.service from systemd")]
    Systemd(#[source] ExecuteError),
    /// The template cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The engine would stop its containers.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The engine did not start, and was rolled back.
    #[error("the engine does not start with mutual TLS; the previous configuration is restored; {journal}")]
    RolledBack {
        /// Its last log lines.
        journal: Journal,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// The engine did not start after the rollback either.
    #[error("the engine starts neither with mutual TLS nor with the previous configuration; {journal}")]
    Dead {
        /// Its last log lines.
        journal: Journal,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
}
