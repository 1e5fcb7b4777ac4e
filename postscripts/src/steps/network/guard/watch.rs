//! The guard: `xdockhost guard`. It waits for the end of who changes the network, and takes back what is pending then.

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

/// A process that was killed lets its lock go at once, unless a driver holds it in the kernel. It will never act again, so the
/// guard does not wait for it.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// Who is late and alive takes the change back itself, and can say why; it has this time for it.
const GRACE_PERIOD: Duration = Duration::from_secs(5);
/// A command that who was killed had started (`ifup`, `netplan`) may still be at work: look again after that time.
const ORPHAN_DELAY: Duration = Duration::from_secs(1);

/// The guard can not do its work.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It tried long.
    #[error(transparent)]
    RollbackFailed(#[from] RollbackFailed),
    /// Its socket.
    #[error("cannot connect to the run that changes the network at {path}")]
    Socket {
        /// The socket.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why there is something to take back.
enum RollbackCause {
    /// Nobody is behind the change: this guard was started again.
    Orphaned,
    /// Who made it ended.
    RunEnded,
    /// It hangs; its process.
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

/// Guards the pending change to its end.
///
/// # Errors
/// It could not be taken back; it is pending still.
pub async fn run(state_dir: &StateDir, backend: &impl RollbackBackend) -> Result<(), WatchError> {
    // a closing terminal, or a shutdown: the network is put right first
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

/// Says ready, and waits.
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

/// The lock: then nobody else acts. `None`: its holder is killed, and stuck in the kernel.
async fn lock_or_kill(state_dir: &StateDir, cause: &RollbackCause) -> Result<Option<File>, WatchError> {
    let RollbackCause::TimedOut(process) = cause else {
        return Ok(Some(lock::take(&state_dir.lock()).await?));
    };
    if let Some(process) = process {
        // gone meanwhile is as good
        let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
    }
    match timeout(KILL_TIMEOUT, lock::take(&state_dir.lock())).await {
        Ok(lock) => Ok(Some(lock?)),
        Err(_) => Ok(None),
    }
}

/// A record that can not be read is the one that is remembered here.
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
