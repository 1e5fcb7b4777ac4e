//! Where the records of a change lie. All state of the guard is files of one directory; which of them are there says how
//! far a change is, because a name can be removed and changed on a full disk, where nothing can be written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use thiserror::Error;

use crate::args::Job;
use crate::log::{self, Log};

/// On a host.
pub const STATE: &str = "/var/lib/xdock/network";
/// The host's own copy of this program. The one that a postscript runs lies in a cache that the next run replaces; this one
/// runs as the guard, and at boot, when no management node can be asked for it.
pub const PROGRAM: &str = "/opt/xdock/bin/xdockhost";
/// Where a person finds it.
const LINK: &str = "/usr/local/bin/xdockhost";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const SYSTEMD: &str = "/run/systemd/system";
const COLD_START_GRACE: Duration = Duration::from_secs(90);

/// The records' directory, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    /// The directory.
    pub state: PathBuf,
    /// The program that runs as the guard.
    pub program: PathBuf,
    /// A link to it in the PATH.
    pub link: Option<PathBuf>,
    /// Whether systemd starts the guard, and starts it again when it is killed.
    pub systemd: bool,
    /// The kernel's random name of this boot. Empty where it does not tell: then every record is one of this boot.
    pub boot: String,
    /// What a first boot's probes are given beyond the change's own `confirm`: links, ports of switches (802.1D: 50 s until
    /// they forward) and DHCP servers take longer from nothing than in a change, and a busy disk makes all of it slower.
    pub cold_start_grace: Duration,
}

/// What the name of a record says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `trial-ID@BOOT`: confirmed in that boot, but its files have never booted. It is written before the change begins, so
    /// it counts only when no change of this id is pending.
    Trial {
        /// The kernel's id of that boot.
        boot: String,
    },
    /// `booting-ID@BOOT`: the boot with that id is the first one with these files.
    Booting {
        /// The kernel's id of that boot.
        boot: String,
    },
    /// `late-ID`: the files are back; what outlives a boot in the switch's database is to be taken back when that runs.
    SwitchPending,
}

/// The directory can not be read.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct StateDirError(#[from] FileError);

impl StateDir {
    /// That of a host.
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

    /// Another directory, without systemd: a state_dir of its own for a test or a rescue.
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

    /// Where a job was told that the records are.
    pub fn of(job: &Job) -> Self {
        let (Job::Guard(state) | Job::Recover(state) | Job::ConfirmBoot(state)) = job;
        match state {
            Some(state) if state != Path::new(STATE) => Self::custom(state, Path::new(PROGRAM)),
            _ => Self::host(),
        }
    }

    /// The pending change; its removal is the commit.
    pub fn change(&self) -> PathBuf {
        self.state.join("change.json")
    }

    /// Whoever changes the network, or takes a change back, holds it.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Where the guard says that it is ready, and sees the end of who changes the network.
    pub fn socket(&self) -> PathBuf {
        self.state.join("guard.sock")
    }

    /// There as soon as files of the change may have been written: then the network manager has to be told of the old ones.
    pub fn wrote(&self, id: &str) -> PathBuf {
        self.state.join(format!("wrote-{id}"))
    }

    /// Where the record of a change lies that is confirmed in this boot.
    pub fn trial(&self, id: &str) -> PathBuf {
        self.record(&Stage::Trial { boot: self.boot.clone() }, id)
    }

    /// A record in a stage.
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
    /// The directory is there and can not be read.
    pub fn records(&self) -> Result<Vec<(String, Stage)>, StateDirError> {
        let entries = durable::list(&self.state)?.unwrap_or_default();
        let names = entries.iter().filter_map(|entry| entry.file_name());
        let mut found: Vec<_> = names.filter_map(|name| stage(&name.to_string_lossy())).collect();
        found.sort();
        found.reverse();
        Ok(found)
    }

    /// The log: that of xCAT's postscripts on a host.
    pub fn log(&self) -> Log {
        let path =
            if self.state == Path::new(STATE) { log::PATH.into() } else { self.state.join("xcat.log") };
        Log::new(&path, Some("xcat.xdock"))
    }
}

/// A container manager gives each of its boots one of its own.
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
