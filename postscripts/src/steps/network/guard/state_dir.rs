//! Directory of the guard's records. File names are the whole state of the guard, because names can be
//! removed and changed on a full disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use thiserror::Error;

use crate::args::Job;
use crate::log::{self, Log};

/// Path on a host.
pub const STATE: &str = "/var/lib/xdock/network";
/// The host's own copy of this program. It runs as the guard and at boot, when the management node cannot be
/// asked. The postscript's copy is in a cache that the next run replaces.
pub const PROGRAM: &str = "/opt/xdock/bin/xdockhost";
/// Link in the PATH.
const LINK: &str = "/usr/local/bin/xdockhost";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const SYSTEMD: &str = "/run/systemd/system";
const COLD_START_GRACE: Duration = Duration::from_secs(90);

/// The directory of the records, and related paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    /// The directory.
    pub state: PathBuf,
    /// The program that runs as the guard.
    pub program: PathBuf,
    /// A link to it in the PATH.
    pub link: Option<PathBuf>,
    /// Whether systemd starts the guard and restarts it after a signal.
    pub systemd: bool,
    /// The kernel's random id of this boot. If it is unknown, it is empty, and every record counts as one of
    /// this boot.
    pub boot: String,
    /// Added to `confirm` for the probes of a first boot: links, switch ports (802.1D: 50 s until they
    /// forward) and DHCP servers need longer from a cold start, above all on a busy disk.
    pub cold_start_grace: Duration,
}

/// Stage of a record, which its file name has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `trial-ID@BOOT`: confirmed in that boot, but its files have not booted yet. It is written before the
    /// change begins, so it does not count while the change with this id is pending.
    Trial {
        /// Id of that boot.
        boot: String,
    },
    /// `booting-ID@BOOT`: that boot is the first one with these files.
    Booting {
        /// Id of that boot.
        boot: String,
    },
    /// `late-ID`: the files are restored. Steps in Open vSwitch's database are rolled back when it runs.
    SwitchPending,
}

/// The directory cannot be read.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct StateDirError(#[from] FileError);

impl StateDir {
    /// The directory of a host.
    pub fn host() -> Self {
        let systemd = Path::new(SYSTEMD).is_dir();
        Self {
            state: STATE.into(),
            program: PROGRAM.into(),
            link: Some(LINK.into()),
            systemd,
            boot: boot_id(),
            cold_start_grace: COLD_START_GRACE,
        }
    }

    /// Another directory, without systemd, for tests and repairs.
    pub fn custom(state: &Path, program: &Path) -> Self {
        Self {
            state: state.to_owned(),
            program: program.to_owned(),
            link: None,
            systemd: false,
            boot: boot_id(),
            cold_start_grace: COLD_START_GRACE,
        }
    }

    /// The directory that a job was given.
    pub fn of(job: &Job) -> Self {
        let (Job::Guard(state) | Job::Recover(state) | Job::ConfirmBoot(state)) = job;
        match state {
            Some(state) if state != Path::new(STATE) => Self::custom(state, Path::new(PROGRAM)),
            _ => Self::host(),
        }
    }

    /// Record of the pending change. Its removal is the commit.
    pub fn change(&self) -> PathBuf {
        self.state.join("change.json")
    }

    /// Lock of the process that changes the network or rolls back.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Socket on which the guard reports that it is ready and detects the end of the run.
    pub fn socket(&self) -> PathBuf {
        self.state.join("guard.sock")
    }

    /// Mark that files of the change may have been written: then a rollback reloads the network manager.
    pub fn wrote(&self, id: &str) -> PathBuf {
        self.state.join(format!("wrote-{id}"))
    }

    /// Record of a change that is confirmed in this boot.
    pub fn trial(&self, id: &str) -> PathBuf {
        self.record(&Stage::Trial { boot: self.boot.clone() }, id)
    }

    /// Path of a record in a stage.
    pub fn record(&self, stage: &Stage, id: &str) -> PathBuf {
        self.state.join(match stage {
            Stage::Trial { boot } => format!("trial-{id}@{boot}.json"),
            Stage::Booting { boot } => format!("booting-{id}@{boot}.json"),
            Stage::SwitchPending => format!("late-{id}.json"),
        })
    }

    /// All records but the pending change, newest first.
    ///
    /// # Errors
    /// The directory exists and cannot be read.
    pub fn records(&self) -> Result<Vec<(String, Stage)>, StateDirError> {
        let entries = durable::list(&self.state)?.unwrap_or_default();
        let names = entries.iter().filter_map(|entry| entry.file_name());
        let mut found: Vec<_> = names.filter_map(|name| stage(&name.to_string_lossy())).collect();
        found.sort();
        found.reverse();
        Ok(found)
    }

    /// The log: on a host, that of xCAT's postscripts.
    pub fn log(&self) -> Log {
        let path =
            if self.state == Path::new(STATE) { log::PATH.into() } else { self.state.join("xcat.log") };
        Log::new(&path, Some("xcat.xdock"))
    }
}

/// The id of this boot. A container manager gives each boot of a container its own.
fn boot_id() -> String {
    durable::kernel_text(Path::new(BOOT_ID)).map(|id| id.trim().to_owned()).unwrap_or_default()
}

fn stage(name: &str) -> Option<(String, Stage)> {
    let (stage, rest) = name.strip_suffix(".json")?.split_once('-')?;
    match (stage, rest.split_once('@')) {
        ("trial", Some((id, boot))) => Some((id.to_owned(), Stage::Trial { boot: boot.to_owned() })),
        ("late", None) => Some((rest.to_owned(), Stage::SwitchPending)),
        ("booting", Some((id, boot))) => Some((id.to_owned(), Stage::Booting { boot: boot.to_owned() })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn records_are_known_by_their_names_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let state_dir = StateDir::custom(directory.path(), Path::new("/bin/false"));
        assert_eq!(StateDir::custom(Path::new("/nonexistent"), Path::new("/")).records().unwrap(), []);
        let boot = "b-1".to_owned();
        let (trial, booting) = (Stage::Trial { boot: boot.clone() }, Stage::Booting { boot });
        let written = [("000001-a", Stage::SwitchPending), ("000003-c", trial), ("000002-b", booting)];
        for (id, stage) in &written {
            fs::write(state_dir.record(stage, id), "").unwrap();
        }
        for path in [
            state_dir.change(),
            state_dir.lock(),
            state_dir.wrote("000003-c"),
            directory.path().join("plan.json"),
        ] {
            fs::write(path, "").unwrap();
        }
        let found = state_dir.records().unwrap();
        let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["000003-c", "000002-b", "000001-a"]);
        assert!(written.iter().all(|(id, stage)| found.contains(&((*id).to_owned(), stage.clone()))));
    }
}
