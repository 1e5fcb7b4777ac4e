//! Waiting until a host has its address, on whichever device: after the boot has ended where its manager works in
//! the background.

use std::time::{Duration, Instant};

use super::LabError;
use crate::fabric;
use crate::manager::{Assignment, Manager};
use crate::name::LabName;
use crate::plan::Machine;

/// Whether the machine has its address before the deadline.
///
/// # Errors
/// Its addresses cannot be read.
pub(super) async fn wait(lab: &LabName, machine: &Machine, deadline: Duration) -> Result<bool, LabError> {
    if (machine.manager, machine.assignment) == (Manager::Ifupdown, Assignment::Static) {
        // networking.service has done all it will when the boot has ended
        return Ok(true);
    }
    let end = Instant::now() + deadline;
    while !fabric::has_address(lab, machine).await? {
        if Instant::now() > end {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(true)
}
