//! Jobs that units and the network step run, not people: `xdockhost guard`, `recover`, `confirm-boot`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use process::Command;

use super::boot::{self, Verdict};
use super::state_dir::StateDir;
use super::watch;
use crate::args::Job;
use crate::log::Log;
use crate::steps::network::backend::HostBackend;

const REBOOT_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a job and logs to xCAT's log and to stderr, which systemd writes to the journal.
pub async fn run(job: &Job) -> ExitCode {
    let state_dir = StateDir::of(job);
    let log = state_dir.log();
    match act(job, &state_dir, &log).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.failure("network", error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn act(job: &Job, state_dir: &StateDir, log: &Log) -> Result<(), Box<dyn Error>> {
    let backend = HostBackend::open()?;
    match job {
        Job::Guard(_) => watch::run(state_dir, &backend).await?,
        Job::Recover(_) => {
            for line in boot::recover(state_dir, &backend).await? {
                log.summary("network", line);
            }
        }
        Job::ConfirmBoot(_) => match boot::confirm(state_dir, &backend).await? {
            Verdict::NoTrial => {}
            Verdict::Confirmed => {
                log.summary("network", "the first boot with the new network is confirmed; it is kept");
            }
            Verdict::RolledBack(why) => {
                log.summary(
                    "network",
                    format!("{why}; the files of the previous network are restored, and the host reboots"),
                );
                Command::new("systemctl", REBOOT_TIMEOUT).args(["reboot"]).execute().await?;
            }
        },
    }
    Ok(())
}
