//! The two jobs of a boot: `xdockhost recover` runs before any network manager starts, `xdockhost
//! confirm-boot` after they have started.

use std::path::Path;
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use thiserror::Error;
use tokio::time::timeout;

use super::backup::FileBackup;
use super::cleanup;
use super::decide::{Action, Pending, Scope, on_trial, recovery};
use super::record::{Record, RecordError};
use super::roll_back::{GUARD_BACKOFF, RollbackBackend, RollbackFailed, roll_back};
use super::state_dir::{Stage, StateDir, StateDirError};
use crate::lock::{self, LockError};

/// Timeout of the lock. If another process holds it at boot, that process is working.
const LOCK_TIMEOUT: Duration = Duration::from_secs(150);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_TIMEOUT: Duration = Duration::from_secs(3);

/// A boot job failed.
#[derive(Debug, Error)]
pub enum BootError {
    /// A record cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The records cannot be listed.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another process holds the lock.
    #[error("another run of xdockhost has been changing the network for {} s", LOCK_TIMEOUT.as_secs())]
    Busy,
    /// A file cannot be restored.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rollback failed.
    #[error(transparent)]
    RollbackFailed(#[from] RollbackFailed),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] ExecuteError),
}

/// Rolls back an interrupted change before another change begins; `None` if there is none.
///
/// # Errors
/// The rollback failed.
pub async fn roll_back_pending(
    state_dir: &StateDir,
    backend: &impl RollbackBackend,
) -> Result<Option<String>, BootError> {
    if !state_dir.change().exists() {
        return Ok(None);
    }
    let _lock = timeout(LOCK_TIMEOUT, lock::take(&state_dir.lock())).await.map_err(|_| BootError::Busy)??;
    // a guard may have rolled back in the meantime
    let Some(record) = Record::read(&state_dir.change())? else { return Ok(None) };
    let scope = Scope::of(&record.boot, &state_dir.boot);
    act(state_dir, backend, &Action::RollBack(scope), Some(&record)).await
}

/// Rolls back changes that were interrupted before this boot. Returns one line per action.
///
/// # Errors
/// A rollback failed.
pub async fn recover(state_dir: &StateDir, backend: &impl RollbackBackend) -> Result<Vec<String>, BootError> {
    // the usual case
    if !state_dir.change().exists() && state_dir.records()?.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = timeout(LOCK_TIMEOUT, lock::take(&state_dir.lock())).await.map_err(|_| BootError::Busy)??;
    let pending = Record::read(&state_dir.change())?;
    let known = pending.as_ref().map(|record| Pending { id: &record.id, boot: &record.boot });
    let records = state_dir.records()?;
    let mut messages = Vec::new();
    for action in recovery(known, &records, &state_dir.boot) {
        messages.extend(act(state_dir, backend, &action, pending.as_ref()).await?);
    }
    Ok(messages)
}

async fn act(
    state_dir: &StateDir,
    backend: &impl RollbackBackend,
    action: &Action,
    pending: Option<&Record>,
) -> Result<Option<String>, BootError> {
    match action {
        Action::RollBack(scope) => {
            let Some(record) = pending else { return Ok(None) };
            let back = roll_back(state_dir, record, backend, *scope, &GUARD_BACKOFF).await?;
            if *scope == Scope::Booted {
                regenerate(state_dir, &record.files).await?;
            }
            Ok(Some(format!("a network change was interrupted; {back}")))
        }
        Action::MarkBooting(id) => {
            let booting = Stage::Booting { boot: state_dir.boot.clone() };
            rename(state_dir, id, &booting)?;
            Ok(Some("first boot with the new network; it is kept if the management node answers".to_owned()))
        }
        Action::RestoreBooted(id) => {
            restore_booted(state_dir, id).await?;
            Ok(Some(
                "the first boot with the new network was not confirmed; the files of the previous network are restored"
                    .to_owned(),
            ))
        }
        Action::Discard(id) => {
            path_of(state_dir, id)?.map_or(Ok(()), |(path, _)| durable::remove(&path).map(drop))?;
            Ok(None)
        }
    }
}

fn path_of(state_dir: &StateDir, id: &str) -> Result<Option<(std::path::PathBuf, Stage)>, StateDirError> {
    let records = state_dir.records()?;
    let found = records.into_iter().find(|(known, stage)| known == id && *stage != Stage::SwitchPending);
    Ok(found.map(|(id, stage)| (state_dir.record(&stage, &id), stage)))
}

fn rename(state_dir: &StateDir, id: &str, stage: &Stage) -> Result<(), BootError> {
    if let Some((path, _)) = path_of(state_dir, id)? {
        durable::rename(&path, &state_dir.record(stage, id))?;
    }
    Ok(())
}

/// Restores the files of the last good boot. Changes in Open vSwitch are rolled back when it runs.
async fn restore_booted(state_dir: &StateDir, id: &str) -> Result<(), BootError> {
    let Some((path, _)) = path_of(state_dir, id)? else { return Ok(()) };
    let Some(record) = Record::read(&path)? else { return Ok(()) };
    restore(&record.files)?;
    cleanup::execute(&cleanup::of_trial(state_dir, path, &record))?;
    regenerate(state_dir, &record.files).await
}

/// Restores all files and continues after errors.
fn restore(files: &[FileBackup]) -> Result<(), FileError> {
    let failed: Vec<FileError> = files.iter().filter_map(|file| file.restore().err()).collect();
    failed.into_iter().next().map_or(Ok(()), Err)
}

/// Repeats what netplan and systemd did with the old files before any unit ran (systemd.generator(7)).
/// cloud-init does the same.
async fn regenerate(state_dir: &StateDir, files: &[FileBackup]) -> Result<(), BootError> {
    let any = |directory: &str| files.iter().any(|file| file.path.starts_with(directory));
    let netplan = any("/etc/netplan") && Path::new("/usr/sbin/netplan").exists();
    if netplan {
        Command::new("netplan", COMMAND_TIMEOUT).args(["generate"]).execute().await?;
    }
    // netplan creates units for Open vSwitch
    if state_dir.systemd && (netplan || any("/etc/systemd/system")) {
        Command::new("systemctl", COMMAND_TIMEOUT).args(["daemon-reload"]).execute().await?;
    }
    Ok(())
}

/// Result of the first boot of a confirmed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This boot is not the first one of a change.
    NoTrial,
    /// The probes were answered: the change is permanent.
    Confirmed,
    /// A probe was not answered: the previous files are restored and take effect at the next boot. The cause.
    RolledBack(String),
}

/// Probes the network of a first boot and restores the previous files if a probe is not answered. The caller
/// then reboots.
///
/// A boot with files that were confirmed by an earlier boot changes nothing, even if no probe is answered.
///
/// # Errors
/// The records cannot be read or written. Then the next boot restores the previous files.
pub async fn confirm(state_dir: &StateDir, backend: &impl RollbackBackend) -> Result<Verdict, BootError> {
    let pending = || Record::read(&state_dir.change()).ok().flatten().map(|record| record.id);
    let trial = |state_dir: &StateDir| -> Result<Option<String>, StateDirError> {
        Ok(on_trial(&state_dir.records()?, pending().as_deref(), &state_dir.boot).map(str::to_owned))
    };
    let Some(id) = trial(state_dir)? else { return Ok(Verdict::NoTrial) };
    let Some(record) = path_of(state_dir, &id)?.map(|(path, _)| Record::read(&path)).transpose()?.flatten()
    else {
        return Ok(Verdict::NoTrial);
    };
    let limit = Duration::from_secs(record.confirm) + state_dir.cold_start_grace;
    let first = backend.probe(&record.probes, limit).await;
    let _lock = timeout(LOCK_TIMEOUT, lock::take(&state_dir.lock())).await.map_err(|_| BootError::Busy)??;
    // a run of xdockhost may have changed the network in the meantime: then another change is on trial
    if trial(state_dir)?.as_ref() != Some(&id) {
        return Ok(Verdict::NoTrial);
    }
    let asked = if first.is_ok() { first } else { backend.probe(&record.probes, RETRY_TIMEOUT).await };
    match asked {
        Ok(()) => {
            path_of(state_dir, &id)?.map_or(Ok(()), |(path, _)| durable::remove(&path).map(drop))?;
            record.files.iter().for_each(FileBackup::discard);
            Ok(Verdict::Confirmed)
        }
        Err(error) => {
            restore_booted(state_dir, &id).await?;
            Ok(Verdict::RolledBack(chain::chain(error.as_ref())))
        }
    }
}
