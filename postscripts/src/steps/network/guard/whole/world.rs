//! A machine, its disk and its history.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use tempfile::TempDir;

use super::machine::{Machine, Step};
use crate::files::DesiredFile;
use crate::steps::network::guard::boot::{Verdict, confirm, recover, roll_back_pending};
use crate::steps::network::guard::cleanup;
use crate::steps::network::guard::decide::Scope;
use crate::steps::network::guard::guarded::write_records;
use crate::steps::network::guard::roll_back::roll_back_switch;
use crate::steps::network::guard::state_dir::StateDir;
use crate::steps::network::guard::{Intent, Undo};

const FILES: [&str; 2] = ["interfaces", "mynet0"];
const KERNEL: [&str; 3] = ["bridge", "address", "port"];
const SWITCH: [&str; 1] = ["ovs0"];

/// A part of a machine's network. Each has the number of the change that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Kernel(&'static str),
    Switch(&'static str),
    File(&'static str),
}

pub(super) const PARTS: [Part; 6] = [
    Part::Kernel(KERNEL[0]),
    Part::Switch(SWITCH[0]),
    Part::Kernel(KERNEL[1]),
    Part::Kernel(KERNEL[2]),
    Part::File(FILES[0]),
    Part::File(FILES[1]),
];

/// How a run ends after some of its parts.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// It confirms. The power fails after some cleanup operations.
    Confirmed { cut_after: Option<usize> },
    /// The run, its guard, a restarted guard or the next run rolls back. Each may die, except the last.
    RolledBack { deaths: Vec<u32> },
    /// The rollback was complete, but the cleanup was interrupted, and another process rolls back again.
    TakenBackAgain { ended: usize },
    /// The power fails.
    PowerCut,
    /// The power fails before the record is complete. Nothing was changed.
    CutAtBegin,
}

#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A run that executes some parts.
    Run { parts: usize, end: End },
    /// The power fails and the machine boots. The power may fail again during recovery. `answers`: whether
    /// the probes are answered in the last boot.
    Boot { deaths: Vec<u32>, answers: Option<bool> },
}

pub(super) struct World {
    directory: TempDir,
    machine: Machine,
    boot: u32,
    changes: u32,
    /// The change that must be in effect now.
    current: u32,
    /// The last change with a confirmed boot.
    booted: u32,
    /// Whether the machine has booted since the last confirmation.
    tried: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let world = Self {
            directory: TempDir::new().unwrap(),
            machine: Machine::default(),
            boot: 1,
            changes: 0,
            current: 0,
            booted: 0,
            tried: false,
        };
        PARTS.iter().for_each(|part| world.put(*part, 0));
        world
    }

    fn state_dir(&self) -> StateDir {
        let state_dir = StateDir::custom(&self.directory.path().join("state"), Path::new("/bin/false"));
        StateDir { boot: format!("boot-{}", self.boot), ..state_dir }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn file(&self, file: &str, number: u32) -> DesiredFile {
        DesiredFile::text(self.path(file), format!("{number}"))
    }

    /// The number in a file. Before any change only one of the files exists.
    fn number_in(&self, file: &str) -> u32 {
        fs::read_to_string(self.path(file)).map_or(0, |text| text.parse().unwrap())
    }

    fn put(&self, part: Part, number: u32) {
        match part {
            Part::Kernel(name) => {
                self.machine.set(&Step { of_switch: false, name: name.to_owned(), to: number });
            }
            Part::Switch(name) => {
                self.machine.set(&Step { of_switch: true, name: name.to_owned(), to: number });
            }
            Part::File(file) if number == 0 && file == FILES[1] => drop(fs::remove_file(self.path(file))),
            Part::File(file) => drop(self.file(file, number).write().unwrap()),
        }
    }

    fn intent(&self, from: u32) -> Intent {
        let undo = |of_switch: bool, name: &str| Undo {
            text: format!("{name} {from}"),
            step: serde_json::to_value(Step { of_switch, name: name.to_owned(), to: from }).unwrap(),
            outlives_boot: of_switch,
            cuts_access: false,
        };
        let undo = PARTS.iter().rev().filter_map(|part| match part {
            Part::Kernel(name) => Some(undo(false, name)),
            Part::Switch(name) => Some(undo(true, name)),
            Part::File(_) => None,
        });
        Intent {
            undo: undo.collect(),
            files: FILES.iter().map(|file| self.path(file)).collect(),
            facts: self.machine.lines(),
            ..Intent::default()
        }
    }

    pub(super) async fn event(&mut self, event: &Event) {
        match event {
            Event::Run { parts, end } => self.run(*parts, end).await,
            Event::Boot { deaths, answers } => self.boots(deaths, *answers).await,
        }
        self.assert_whole(event);
    }

    async fn run(&mut self, parts: usize, end: &End) {
        let state_dir = self.state_dir();
        roll_back_pending(&state_dir, &self.machine).await.unwrap();
        self.changes += 1;
        let record = write_records(&state_dir, &self.intent(self.current)).unwrap();
        let parts = match end {
            End::Confirmed { .. } => PARTS.len(),
            End::CutAtBegin => 0,
            _ => parts,
        };
        for part in PARTS.iter().take(parts) {
            if matches!(part, Part::File(_)) {
                fs::write(state_dir.wrote(&record.id), "").unwrap();
            }
            self.put(*part, self.changes);
        }
        match end {
            End::Confirmed { cut_after } => {
                durable::remove(&state_dir.change()).unwrap();
                let mut ops = cleanup::after_commit(&state_dir, &record).unwrap();
                ops.truncate(cut_after.unwrap_or(ops.len()));
                cleanup::execute(&ops).unwrap();
                self.current = self.changes;
                self.tried = false;
                if cut_after.is_some() {
                    self.boots(&[], None).await;
                }
            }
            End::RolledBack { deaths } => {
                self.roll_back(deaths).await;
            }
            End::TakenBackAgain { ended } => {
                for undo in &record.undo {
                    self.machine.set(&Step::deserialize(&undo.step).unwrap());
                }
                record.files.iter().for_each(|file| assert!(file.restore().is_ok()));
                let ops = cleanup::of_change(&state_dir, &record, Scope::Running).unwrap();
                let ended = (*ended).min(ops.len());
                cleanup::execute(ops.get(..ended).unwrap()).unwrap();
                self.roll_back(&[]).await;
            }
            End::PowerCut => self.boots(&[], None).await,
            End::CutAtBegin => {
                fs::remove_file(state_dir.trial(&record.id)).unwrap();
                self.boots(&[], None).await;
            }
        }
    }

    async fn roll_back(&self, deaths: &[u32]) {
        let state_dir = self.state_dir();
        for lives in deaths {
            let _ =
                self.machine.unless_dead(Some(*lives), roll_back_pending(&state_dir, &self.machine)).await;
        }
        roll_back_pending(&state_dir, &self.machine).await.unwrap();
    }

    /// After recovery the kernel matches the files, and the switch its database.
    async fn boots(&mut self, deaths: &[u32], answers: Option<bool>) {
        for cut in 0..=deaths.len() {
            self.boot += 1;
            recover(&self.state_dir(), &self.machine).await.unwrap();
            for name in KERNEL {
                let number = self.number_in(FILES[0]);
                self.machine.set(&Step { of_switch: false, name: name.to_owned(), to: number });
            }
            let lives = deaths.get(cut).copied();
            let late =
                self.machine.unless_dead(lives, roll_back_switch(&self.state_dir(), &self.machine)).await;
            // a second boot without confirmation has the previous files
            if self.tried {
                self.current = self.booted;
            }
            self.tried = self.current != self.booted;
            if late.is_none() {
                continue;
            }
            late.unwrap().unwrap();
        }
        let Some(answers) = answers else { return };
        self.machine.answers.set(answers);
        match confirm(&self.state_dir(), &self.machine).await.unwrap() {
            Verdict::NoTrial => {}
            Verdict::Confirmed => {
                self.booted = self.current;
                self.tried = false;
            }
            Verdict::RolledBack(_) => {
                self.current = self.booted;
                self.tried = false;
                Box::pin(self.boots(&[], None)).await;
            }
        }
    }

    fn assert_whole(&self, event: &Event) {
        let mut found = self.machine.lines();
        found.extend(FILES.iter().map(|file| format!("file {file} {}", self.number_in(file))));
        let number = format!(" {}", self.current);
        assert!(
            found.iter().all(|line| line.ends_with(&number)),
            "{} is not {found:?} after {event:?}",
            self.current
        );
        assert!(!self.state_dir().change().exists());
    }
}
