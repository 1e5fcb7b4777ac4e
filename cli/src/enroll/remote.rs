//! Runs the host's part of an enrolment: `xdockhost engine` over root ssh.

use std::net::SocketAddr;
use std::time::Duration;

use process::ExecuteError;
use serde_json::json;
use thiserror::Error;

use crate::engine::SessionError;
use crate::host::{Host, Programs};

const PROGRAM: &str = "/opt/xdock/bin/xdockhost";

/// Timeout of a request. Another run of xdockhost may have to end first.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Timeout of an installation. The engine restarts, which takes long with a thousand containers.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(300);

/// Why the host's part failed.
#[derive(Debug, Error)]
pub(crate) enum RemoteError {
    /// The engine is on this machine.
    #[error("the engine of {host} has a socket on this machine and needs no certificate ([engines] {host})")]
    Here { host: String },
    /// xdockhost is missing or too old.
    #[error("xdockhost of {host} is missing or too old to enroll; run \"updatenode {host} -P xdock\"")]
    Absent { host: String },
    /// xdockhost refused.
    #[error("{host}: {message}")]
    Refused {
        host: String,
        /// Its message.
        message: String,
    },
    /// ssh.
    #[error("cannot run xdockhost on {host}")]
    Run {
        host: String,
        #[source]
        source: SessionError,
    },
}

/// Creates a key on the host and returns its certificate request.
pub(super) async fn request(host: &Host) -> Result<String, RemoteError> {
    run(host, "request", Vec::new(), REQUEST_TIMEOUT).await
}

/// Installs the certificate; the engine uses it when this returns.
pub(super) async fn install(
    host: &Host,
    certificate: &str,
    authority: &str,
    listen: SocketAddr,
) -> Result<(), RemoteError> {
    let order = json!({ "certificate": certificate, "authority": authority, "listen": listen });
    run(host, "install", order.to_string().into_bytes(), INSTALL_TIMEOUT).await.map(drop)
}

async fn run(host: &Host, word: &str, stdin: Vec<u8>, run_timeout: Duration) -> Result<String, RemoteError> {
    let name = host.name.to_string();
    let Programs::Ssh(way) = &host.programs else { return Err(RemoteError::Here { host: name }) };
    let ran = way.run(&[PROGRAM, "engine", word], stdin, run_timeout).await;
    ran.map(|output| output.text()).map_err(|source| refused(name, source))
}

/// Exit status 127 of a shell: the program does not exist (POSIX, 2.8.2). Exit status 2 of xdockhost: unknown command.
fn refused(host: String, source: SessionError) -> RemoteError {
    match &source {
        SessionError::Run(ExecuteError::Status { status, .. }) if matches!(status.code(), Some(127 | 2)) => {
            RemoteError::Absent { host }
        }
        SessionError::Run(ExecuteError::Status { status, stderr, .. }) if status.code() == Some(1) => {
            let message = stderr.trim().trim_start_matches("[E]:Error: xdock: ").to_owned();
            RemoteError::Refused { host, message }
        }
        _ => RemoteError::Run { host, source },
    }
}
