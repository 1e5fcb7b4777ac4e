//! What a boot does: `xdockhost recover` before any network manager starts, `xdockhost confirm-boot` when they have started.

use std::path::Path;
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use thiserror::Error;
use tokio::time::timeout;

use super::decide::{Action, Pending, Scope, on_trial, recovery};
use super::ending;
use super::hands::Hands;
use super::kept::Kept;
use super::place::{Place, PlaceError, Stage};
use super::record::{Record, RecordError};
use super::take_back::{LONG, Stuck, take_back};
use crate::lock::{self, LockError};

/// A boot waits for this; a lock that is held then is somebody's who works.
const LOCKED: Duration = Duration::from_secs(150);
const COMMAND: Duration = Duration::from_secs(20);
const ONCE_MORE: Duration = Duration::from_secs(3);

/// A boot could not do its part.
#[derive(Debug, Error)]
pub enum BootError {
    /// The records.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// They can not be listed.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Somebody has the lock.
    #[error("another run of xdockhost changes the network since {} s", LOCKED.as_secs())]
    Busy,
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The way back.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// A command.
    #[error(transparent)]
    Command(#[from] ExecuteError),
}

/// Takes back what was cut off, before another change. `None`: there is nothing.
///
/// # Errors
/// What can not be put right.
pub async fn take_back_pending(place: &Place, hands: &impl Hands) -> Result<Option<String>, BootError> {
    if !place.change().exists() {
        return Ok(None);
    }
    let _lock = timeout(LOCKED, lock::take(&place.lock())).await.map_err(|_| BootError::Busy)??;
    // a guard may have done it meanwhile
    let Some(record) = Record::read(&place.change())? else { return Ok(None) };
    let scope = Scope::of(&record.boot, &place.boot);
    act(place, hands, &Action::TakeBack(scope), Some(&record)).await
}

/// Puts right what was cut off before this boot. Returns what it did, a line each.
///
/// # Errors
/// What can not be put right.
pub async fn recover(place: &Place, hands: &impl Hands) -> Result<Vec<String>, BootError> {
    // most boots
    if !place.change().exists() && place.records()?.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = timeout(LOCKED, lock::take(&place.lock())).await.map_err(|_| BootError::Busy)??;
    let pending = Record::read(&place.change())?;
    let known = pending.as_ref().map(|record| Pending { id: &record.id, boot: &record.boot });
    let records = place.records()?;
    let mut told = Vec::new();
    for action in recovery(known, &records, &place.boot) {
        told.extend(act(place, hands, &action, pending.as_ref()).await?);
    }
    Ok(told)
}

async fn act(
    place: &Place,
    hands: &impl Hands,
    action: &Action,
    pending: Option<&Record>,
) -> Result<Option<String>, BootError> {
    match action {
        Action::TakeBack(scope) => {
            let Some(record) = pending else { return Ok(None) };
            let back = take_back(place, record, hands, *scope, &LONG).await?;
            if *scope == Scope::Booted {
                reread(place, &record.files).await?;
            }
            Ok(Some(format!("a change of the network was cut off; {back}")))
        }
        Action::MarkBooting(id) => {
            let booting = Stage::Booting { boot: place.boot.clone() };
            rename(place, id, &booting)?;
            Ok(Some(
                "first boot with the new network; it is kept when the management node answers".to_owned(),
            ))
        }
        Action::BackToBooted(id) => {
            back_to_booted(place, id).await?;
            Ok(Some(
                "the new network's first boot was not found good; the old network's files are back"
                    .to_owned(),
            ))
        }
        Action::Forget(id) => {
            path_of(place, id)?.map_or(Ok(()), |(path, _)| durable::remove(&path).map(drop))?;
            Ok(None)
        }
    }
}

fn path_of(place: &Place, id: &str) -> Result<Option<(std::path::PathBuf, Stage)>, PlaceError> {
    let records = place.records()?;
    let found = records.into_iter().find(|(known, stage)| known == id && *stage != Stage::Late);
    Ok(found.map(|(id, stage)| (place.record(&stage, &id), stage)))
}

fn rename(place: &Place, id: &str, stage: &Stage) -> Result<(), BootError> {
    if let Some((path, _)) = path_of(place, id)? {
        durable::rename(&path, &place.record(stage, id))?;
    }
    Ok(())
}

/// The files that booted before; what the switch has beyond them goes when it runs.
async fn back_to_booted(place: &Place, id: &str) -> Result<(), BootError> {
    let Some((path, _)) = path_of(place, id)? else { return Ok(()) };
    let Some(record) = Record::read(&path)? else { return Ok(()) };
    restore(&record.files)?;
    ending::execute(&ending::of_trial(place, path, &record))?;
    reread(place, &record.files).await
}

/// All of them, past errors.
fn restore(files: &[Kept]) -> Result<(), FileError> {
    let failed: Vec<FileError> = files.iter().filter_map(|file| file.restore().err()).collect();
    failed.into_iter().next().map_or(Ok(()), Err)
}

/// netplan and systemd have read their files before any unit runs (systemd.generator(7)); cloud-init has the same
/// to do, and does it so.
async fn reread(place: &Place, files: &[Kept]) -> Result<(), BootError> {
    let any = |directory: &str| files.iter().any(|file| file.path.starts_with(directory));
    let netplan = any("/etc/netplan") && Path::new("/usr/sbin/netplan").exists();
    if netplan {
        Command::new("netplan", COMMAND).args(["generate"]).execute().await?;
    }
    // netplan makes units too, for Open vSwitch
    if place.systemd && (netplan || any("/etc/systemd/system")) {
        Command::new("systemctl", COMMAND).args(["daemon-reload"]).execute().await?;
    }
    Ok(())
}

/// What came of the first boot of a confirmed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is none.
    NoTrial,
    /// Who must answer did: the change is for good.
    Good,
    /// Nobody did: the old files are back, and wait for a boot. Why.
    Back(String),
}

/// Asks whether the network of a first boot is good, and puts the old files back where it is not. The caller boots then.
///
/// A boot with files that booted well once changes nothing, whoever is silent.
///
/// # Errors
/// The records; then the next boot puts the old files back.
pub async fn confirm(place: &Place, hands: &impl Hands) -> Result<Verdict, BootError> {
    let pending = || Record::read(&place.change()).ok().flatten().map(|record| record.id);
    let trial = |place: &Place| -> Result<Option<String>, PlaceError> {
        Ok(on_trial(&place.records()?, pending().as_deref(), &place.boot).map(str::to_owned))
    };
    let Some(id) = trial(place)? else { return Ok(Verdict::NoTrial) };
    let Some(record) = path_of(place, &id)?.map(|(path, _)| Record::read(&path)).transpose()?.flatten()
    else {
        return Ok(Verdict::NoTrial);
    };
    let patience = Duration::from_secs(record.confirm) + place.from_nothing;
    let first = hands.probe(&record.probes, patience).await;
    let _lock = timeout(LOCKED, lock::take(&place.lock())).await.map_err(|_| BootError::Busy)??;
    // a run of xdockhost may have changed the network meanwhile: what is on trial then is another change
    if trial(place)?.as_ref() != Some(&id) {
        return Ok(Verdict::NoTrial);
    }
    let asked = if first.is_ok() { first } else { hands.probe(&record.probes, ONCE_MORE).await };
    match asked {
        Ok(()) => {
            path_of(place, &id)?.map_or(Ok(()), |(path, _)| durable::remove(&path).map(drop))?;
            record.files.iter().for_each(Kept::forget);
            Ok(Verdict::Good)
        }
        Err(trouble) => {
            back_to_booted(place, &id).await?;
            Ok(Verdict::Back(chain::chain(trouble.as_ref())))
        }
    }
}
