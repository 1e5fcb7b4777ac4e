//! The host's side of an enrolment: its `xdockhost engine`, by root ssh.

use std::net::SocketAddr;
use std::time::Duration;

use process::ExecuteError;
use serde_json::json;
use thiserror::Error;

use crate::engine::SessionError;
use crate::host::{Host, Programs};

const PROGRAM: &str = "/opt/xdock/bin/xdockhost";

/// A key is made in a moment; another run of xdockhost may be waited for.
const REQUEST: Duration = Duration::from_secs(60);

/// The engine starts anew: a thousand old containers take their time.
const INSTALL: Duration = Duration::from_secs(300);

/// Why a host's side did not do its part.
#[derive(Debug, Error)]
pub(crate) enum RemoteError {
    /// It is this machine.
    #[error("the engine of {host} has a socket on this machine and needs no certificate ([engines] {host})")]
    Here {
        /// The host.
        host: String,
    },
    /// It has no program of ours, or one that is too old.
    #[error("xdockhost of {host} is missing or too old to enroll; run \"updatenode {host} -P xdock\"")]
    Absent {
        /// The host.
        host: String,
    },
    /// It said no.
    #[error("{host}: {told}")]
    Refused {
        /// The host.
        host: String,
        /// Its words.
        told: String,
    },
    /// ssh.
    #[error("cannot run xdockhost on {host}")]
    Run {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: SessionError,
    },
}

/// A new key there, and its request for a certificate.
pub(super) async fn request(host: &Host) -> Result<String, RemoteError> {
    run(host, "request", Vec::new(), REQUEST).await
}

/// Gives the host its certificate; its engine listens with it when this is done.
pub(super) async fn install(
    host: &Host,
    certificate: &str,
    authority: &str,
    listen: SocketAddr,
) -> Result<(), RemoteError> {
    let order = json!({ "certificate": certificate, "authority": authority, "listen": listen });
    run(host, "install", order.to_string().into_bytes(), INSTALL).await.map(drop)
}

async fn run(host: &Host, word: &str, stdin: Vec<u8>, patience: Duration) -> Result<String, RemoteError> {
    let name = host.name.to_string();
    let Programs::Ssh(way) = &host.programs else { return Err(RemoteError::Here { host: name }) };
    let ran = way.run(&[PROGRAM, "engine", word], stdin, patience).await;
    ran.map(|output| output.text()).map_err(|source| refused(name, source))
}

/// A shell ends with 127 when there is no such program (POSIX, 2.8.2), and xdockhost with 2 when it does not know the word.
fn refused(host: String, source: SessionError) -> RemoteError {
    match &source {
        SessionError::Run(ExecuteError::Status { status, .. }) if matches!(status.code(), Some(127 | 2)) => {
            RemoteError::Absent { host }
        }
        SessionError::Run(ExecuteError::Status { status, stderr, .. }) if status.code() == Some(1) => {
            let told = stderr.trim().trim_start_matches("[E]:Error: xdock: ").to_owned();
            RemoteError::Refused { host, told }
        }
        _ => RemoteError::Run { host, source },
    }
}
