//! The machine's NICs: a tap device for each in the lab's fabric, made once; `lab down` removes them with the fabric.

use std::time::Duration;

use lab::LabName;
use lab::plan::Machine as Host;
use process::{Command, ExecuteError};
use thiserror::Error;

use crate::plan::cables;

/// How laying cables failed.
#[derive(Debug, Error)]
#[error("cannot lay the cables of {of} in the lab's fabric")]
pub struct CableError {
    of: String,
    #[source]
    source: ExecuteError,
}

const DEADLINE: Duration = Duration::from_secs(20);

/// Makes the taps and plugs them into the fabric's bridges.
///
/// # Errors
/// What `ip` said.
pub async fn lay(lab: &LabName, host: &Host) -> Result<(), CableError> {
    let command =
        Command::new("ip", DEADLINE).args(["-n", &lab.of("fabric"), "-batch", "-"]).stdin(cables(host));
    let laid = command.execute().await;
    laid.map(drop).map_err(|source| CableError { of: host.member.to_string(), source })
}
