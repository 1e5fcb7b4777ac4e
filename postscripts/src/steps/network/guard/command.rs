//! The words that units and the network step say, not people: `xdockhost guard`, `recover`, `confirm-boot`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use process::Command;

use super::boot::{self, Verdict};
use super::place::Place;
use super::watch;
use crate::args::Job;
use crate::log::Log;
use crate::steps::network::hands::ThisMachine;

const REBOOT: Duration = Duration::from_secs(30);

/// Does one of them, and tells it in xCAT's log and to who started it: systemd, whose journal has it then.
pub async fn run(job: &Job) -> ExitCode {
    let place = Place::of(job);
    let log = place.log();
    match act(job, &place, &log).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.failure("network", error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn act(job: &Job, place: &Place, log: &Log) -> Result<(), Box<dyn Error>> {
    let hands = ThisMachine::open()?;
    match job {
        Job::Guard(_) => watch::run(place, &hands).await?,
        Job::Recover(_) => {
            for line in boot::recover(place, &hands).await? {
                log.summary("network", line);
            }
        }
        Job::ConfirmBoot(_) => match boot::confirm(place, &hands).await? {
            Verdict::NoTrial => {}
            Verdict::Good => log.summary("network", "the new network's first boot is good; it is kept"),
            Verdict::Back(why) => {
                log.summary("network", format!("{why}; the old network's files are back, and it boots"));
                Command::new("systemctl", REBOOT).args(["reboot"]).execute().await?;
            }
        },
    }
    Ok(())
}
