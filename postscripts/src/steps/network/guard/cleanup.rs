//! Cleanup after a change. The record of the change is removed last, except for files that are useless
//! without it. Until then, the next process repeats everything. No operation needs disk space.

use std::path::PathBuf;

use super::backup::FileBackup;
use super::decide::{Scope, unbooted};
use super::record::{Record, RecordError};
use super::state_dir::{Stage, StateDir};

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// Remove a file of the guard.
    Remove(PathBuf),
    /// Rename it.
    Rename(PathBuf, PathBuf),
    /// Remove the hard link of a backup.
    DiscardBackup(FileBackup),
}

/// After the rollback of a pending change. Steps in Open vSwitch's database remain until it runs.
pub(super) fn of_change(state_dir: &StateDir, record: &Record, scope: Scope) -> Result<Vec<Op>, RecordError> {
    let records = state_dir.records()?.into_iter();
    let of_it = records.filter(|(id, stage)| *id == record.id && *stage != Stage::SwitchPending);
    let mut ops: Vec<Op> = of_it.map(|(id, stage)| Op::Remove(state_dir.record(&stage, &id))).collect();
    ops.push(match scope {
        Scope::Booted if record.has_switch_steps() => {
            Op::Rename(state_dir.change(), state_dir.record(&Stage::SwitchPending, &record.id))
        }
        Scope::Booted | Scope::Running => Op::Remove(state_dir.change()),
    });
    ops.push(Op::Remove(state_dir.wrote(&record.id)));
    ops.extend(record.files.iter().cloned().map(Op::DiscardBackup));
    Ok(ops)
}

/// After the confirmation of a change: older records, and backups that no boot will restore.
pub(super) fn after_commit(state_dir: &StateDir, record: &Record) -> Result<Vec<Op>, RecordError> {
    let records = state_dir.records()?;
    let mut unbooted = unbooted(&records, None).map(|(id, stage)| state_dir.record(stage, id));
    let newest = unbooted.next().map(|path| Record::read(&path)).transpose()?.flatten();
    let mut ops: Vec<Op> = unbooted.map(Op::Remove).collect();
    ops.push(Op::Remove(state_dir.wrote(&record.id)));
    let on_trial: Vec<FileBackup> = newest.into_iter().flat_map(|record| record.files).collect();
    let unwanted = record.files.iter().filter(|file| !on_trial.contains(file));
    ops.extend(unwanted.cloned().map(Op::DiscardBackup));
    Ok(ops)
}

/// After the previous files of a change on trial were restored.
pub(super) fn of_trial(state_dir: &StateDir, path: PathBuf, record: &Record) -> Vec<Op> {
    let mut ops = vec![match record.has_switch_steps() {
        true => Op::Rename(path, state_dir.record(&Stage::SwitchPending, &record.id)),
        false => Op::Remove(path),
    }];
    ops.extend(record.files.iter().cloned().map(Op::DiscardBackup));
    ops
}

/// Executes the operations in order.
pub(super) fn execute(ops: &[Op]) -> Result<(), RecordError> {
    for op in ops {
        match op {
            Op::Remove(path) => durable::remove(path).map(drop)?,
            Op::Rename(from, to) => durable::rename(from, to)?,
            Op::DiscardBackup(backup) => backup.discard(),
        }
    }
    Ok(())
}
