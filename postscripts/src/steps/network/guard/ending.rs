//! How the record of a change ends. The record itself goes last but for what is worth nothing without it: until then,
//! whoever finds it does everything again. Nothing of it needs space on the disk.

use std::path::PathBuf;

use super::decide::{Scope, unbooted};
use super::kept::Kept;
use super::place::{Place, Stage};
use super::record::{Record, RecordError};

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// Remove a file of ours.
    Remove(PathBuf),
    /// Give it another name.
    Rename(PathBuf, PathBuf),
    /// End the second name of an old file.
    Forget(Kept),
}

/// Of a pending change that was taken back. What the switch has is left to when that runs.
pub(super) fn of_change(place: &Place, record: &Record, scope: Scope) -> Result<Vec<Op>, RecordError> {
    let records = place.records()?.into_iter();
    let of_it = records.filter(|(id, stage)| *id == record.id && *stage != Stage::Late);
    let mut ops: Vec<Op> = of_it.map(|(id, stage)| Op::Remove(place.record(&stage, &id))).collect();
    ops.push(match scope {
        Scope::Booted if record.has_late() => {
            Op::Rename(place.change(), place.record(&Stage::Late, &record.id))
        }
        Scope::Booted | Scope::Running => Op::Remove(place.change()),
    });
    ops.push(Op::Remove(place.wrote(&record.id)));
    ops.extend(record.files.iter().cloned().map(Op::Forget));
    Ok(ops)
}

/// Of a change that is confirmed: older records, and the second names of old files that no boot would want back.
pub(super) fn after_commit(place: &Place, record: &Record) -> Result<Vec<Op>, RecordError> {
    let records = place.records()?;
    let mut unbooted = unbooted(&records, None).map(|(id, stage)| place.record(stage, id));
    let newest = unbooted.next().map(|path| Record::read(&path)).transpose()?.flatten();
    let mut ops: Vec<Op> = unbooted.map(Op::Remove).collect();
    ops.push(Op::Remove(place.wrote(&record.id)));
    let on_trial: Vec<Kept> = newest.into_iter().flat_map(|record| record.files).collect();
    let unwanted = record.files.iter().filter(|file| !on_trial.contains(file));
    ops.extend(unwanted.cloned().map(Op::Forget));
    Ok(ops)
}

/// Of a change on trial whose old files are back.
pub(super) fn of_trial(place: &Place, path: PathBuf, record: &Record) -> Vec<Op> {
    let mut ops = vec![match record.has_late() {
        true => Op::Rename(path, place.record(&Stage::Late, &record.id)),
        false => Op::Remove(path),
    }];
    ops.extend(record.files.iter().cloned().map(Op::Forget));
    ops
}

/// Does them in order.
pub(super) fn execute(ops: &[Op]) -> Result<(), RecordError> {
    for op in ops {
        match op {
            Op::Remove(path) => durable::remove(path).map(drop)?,
            Op::Rename(from, to) => durable::rename(from, to)?,
            Op::Forget(kept) => kept.forget(),
        }
    }
    Ok(())
}
