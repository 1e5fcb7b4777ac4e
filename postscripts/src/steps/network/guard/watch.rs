//! The guard, `xdockhost guard`: waits for the end of the run that changes the network and rolls back a
//! pending change.

use std::fs::File;
use std::io;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::decide::Scope;
use super::record::{Record, RecordError};
use super::roll_back::{GUARD_BACKOFF, RollbackBackend, RollbackFailed, roll_back};
use super::state_dir::StateDir;
use crate::lock::{self, LockError};

/// Timeout of the lock of a killed process. A process that is blocked in a driver keeps its lock, but does
/// not act any longer, so the guard continues without the lock.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// Extra time for a run that is late but alive: it rolls back itself and can report the cause.
const GRACE_PERIOD: Duration = Duration::from_secs(5);
/// Delay after which the state is checked again: a child of the killed run (`ifup`, `netplan`) may still be
/// working.
const ORPHAN_DELAY: Duration = Duration::from_secs(1);

/// The guard failed.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// All attempts failed.
    #[error(transparent)]
    RollbackFailed(#[from] RollbackFailed),
    /// The socket cannot be used.
    #[error("cannot connect to the run that changes the network at {path}")]
    Socket {
        /// The socket.
        path: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Why the guard rolls back.
enum RollbackCause {
    /// No run is connected to the change: this guard was restarted.
    Orphaned,
    /// The run ended.
    RunEnded,
    /// The run exceeds its limit; its process id.
    TimedOut(Option<i32>),
}

impl RollbackCause {
    fn reason(&self, record: &Record) -> String {
        match self {
            Self::Orphaned => "a change is pending, but no run is active".to_owned(),
            Self::RunEnded => "the run that changed the network ended before it confirmed".to_owned(),
            Self::TimedOut(_) => format!("the change was not confirmed within {} s", record.limit),
        }
    }
}

/// Supervises the pending change until it ends.
///
/// # Errors
/// The rollback failed. The change is still pending.
pub async fn run(state_dir: &StateDir, backend: &impl RollbackBackend) -> Result<(), WatchError> {
    // continue after a closed terminal or a shutdown signal: the network is rolled back first
    let _ignored = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let Some(record) = Record::read(&state_dir.change())? else { return Ok(()) };
    let cause = watch(state_dir, &record).await?;
    let _lock = lock_or_kill(state_dir, &cause).await?;
    if !is_pending(state_dir, &record) {
        return Ok(());
    }
    let log = state_dir.log();
    log.note("network", format!("{}; rolling back", cause.reason(&record)));
    let back = roll_back_and_recheck(state_dir, &record, backend).await?;
    log.note("network", back);
    Ok(())
}

/// Reports that the guard is ready, and waits.
async fn watch(state_dir: &StateDir, record: &Record) -> Result<RollbackCause, WatchError> {
    let path = state_dir.socket();
    let broken = |source| WatchError::Socket { path: path.display().to_string(), source };
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) if has_no_listener(&error) => return Ok(RollbackCause::Orphaned),
        Err(source) => return Err(broken(source)),
    };
    let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
    if stream.write_all(format!("{}\n", record.id).as_bytes()).await.is_err() {
        return Ok(RollbackCause::RunEnded);
    }
    let mut byte = [0; 1];
    match timeout(Duration::from_secs(record.limit) + GRACE_PERIOD, stream.read(&mut byte)).await {
        Ok(_) => Ok(RollbackCause::RunEnded),
        Err(_) => Ok(RollbackCause::TimedOut(process)),
    }
}

fn has_no_listener(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Takes the lock, so that no other process acts. Kills a run that exceeds its limit; `None` if that process
/// is blocked in the kernel.
async fn lock_or_kill(state_dir: &StateDir, cause: &RollbackCause) -> Result<Option<File>, WatchError> {
    let RollbackCause::TimedOut(process) = cause else {
        return Ok(Some(lock::take(&state_dir.lock()).await?));
    };
    if let Some(process) = process {
        // it may have ended by itself
        let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
    }
    match timeout(KILL_TIMEOUT, lock::take(&state_dir.lock())).await {
        Ok(lock) => Ok(Some(lock?)),
        Err(_) => Ok(None),
    }
}

/// Whether the record is still pending. A record that cannot be read counts as this one.
fn is_pending(state_dir: &StateDir, record: &Record) -> bool {
    match Record::read(&state_dir.change()) {
        Ok(Some(now)) => now.id == record.id,
        Ok(None) => false,
        Err(_) => true,
    }
}

async fn roll_back_and_recheck(
    state_dir: &StateDir,
    record: &Record,
    backend: &impl RollbackBackend,
) -> Result<String, RollbackFailed> {
    let back = roll_back(state_dir, record, backend, Scope::Running, &GUARD_BACKOFF).await?;
    sleep(ORPHAN_DELAY).await;
    let still = backend.facts().await.unwrap_or_default();
    if record.facts.iter().all(|fact| still.contains(fact)) {
        return Ok(back);
    }
    roll_back(state_dir, record, backend, Scope::Running, &GUARD_BACKOFF).await
}
