//! The run that changes the network, supervised by the guard.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep_until, timeout};

use super::Intent;
use super::backup::{FileBackup, remove_orphans};
use super::cleanup;
use super::decide::{Scope, unbooted};
use super::record::{Record, RecordError};
use super::roll_back::{RUN_BACKOFF, RollbackBackend, RollbackFailed, roll_back};
use super::state_dir::StateDir;
use crate::files::DesiredFile;
use crate::lock::{self, LockError};

/// Timeout of the lock: the guard of an earlier run may be rolling back.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);
/// Timeout of the guard's start. Usually it takes some milliseconds.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// Timeout of systemd-run: systemd may be busy with a boot.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The change did not begin. Nothing was changed.
#[derive(Debug, Error)]
pub enum BeginError {
    /// The lock cannot be taken.
    #[error("cannot lock the network; nothing was changed")]
    Lock(#[source] LockError),
    /// The guard of an earlier change is still rolling back.
    #[error("the rollback of an earlier change has not finished after {} s; nothing was changed", LOCK_TIMEOUT.as_secs())]
    Busy,
    /// An earlier change is pending.
    #[error("{0} exists: an earlier change was interrupted and is not rolled back; nothing was changed")]
    Pending(String),
    /// The record cannot be written, for example on a full disk.
    #[error("cannot record the current network for a rollback; nothing was changed")]
    Record(#[source] RecordError),
    /// The guard cannot be started.
    #[error("cannot start the guard, which rolls back a failed change; nothing was changed")]
    Start(#[source] ExecuteError),
    /// The guard does not connect.
    #[error("the guard was not ready within {} s; see /var/log/xcat/xcat.log; nothing was changed", READY_TIMEOUT.as_secs())]
    NotReady,
    /// The guard's socket cannot be created.
    #[error("cannot listen for the guard at {path}; nothing was changed")]
    Socket {
        /// The socket.
        path: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// The change must not continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Interrupted {
    /// The guard ended, so nothing would roll back.
    #[error("the guard process ended")]
    GuardDied,
    /// The guard is about to kill this process.
    #[error("the change took longer than {0} s")]
    TimedOut(u64),
}

/// A supervised change. If it is dropped without [`Guarded::confirm`], the guard rolls it back.
#[derive(Debug)]
pub struct Guarded {
    state_dir: StateDir,
    record: Record,
    end: Instant,
    guard: UnixStream,
    _lock: File,
}

/// Writes the record and starts the guard. After that, the change may begin.
///
/// # Errors
/// Nothing was changed.
pub async fn begin(state_dir: &StateDir, intent: &Intent) -> Result<Guarded, BeginError> {
    let locked = timeout(LOCK_TIMEOUT, lock::take(&state_dir.lock())).await;
    let lock = locked.map_err(|_| BeginError::Busy)?.map_err(BeginError::Lock)?;
    if state_dir.change().exists() {
        return Err(BeginError::Pending(state_dir.change().display().to_string()));
    }
    let written = write_records(state_dir, intent).map_err(BeginError::Record)?;
    let end = Instant::now() + Duration::from_secs(written.limit);
    match start_guard(state_dir, &written.id).await {
        Ok(guard) => Ok(Guarded { state_dir: state_dir.clone(), record: written, end, guard, _lock: lock }),
        Err(error) => {
            discard_change(state_dir, &written);
            Err(error)
        }
    }
}

/// Writes all that needs disk space before the change: the backups, the record of the pending change, and the
/// record of its trial.
pub(super) fn write_records(state_dir: &StateDir, intent: &Intent) -> Result<Record, RecordError> {
    durable::create_directory(&state_dir.state)?;
    // a user who can read the lock file could lock it
    let _ = std::fs::set_permissions(&state_dir.state, std::fs::Permissions::from_mode(0o700));
    let before = newest_unbooted(state_dir)?;
    let known: Vec<&FileBackup> = before.iter().flat_map(|record| &record.files).collect();
    remove_orphans(intent.files.iter().map(std::path::PathBuf::as_path), &known);
    let record = Record::new(state_dir, intent)?;
    let written = record.write(&state_dir.change()).and_then(|()| {
        let trial = record.with_unbooted(before);
        if trial.outlives_boot() { trial.write(&state_dir.trial(&record.id)) } else { Ok(()) }
    });
    match written {
        Ok(()) => Ok(record),
        Err(error) => {
            discard_change(state_dir, &record);
            Err(error)
        }
    }
}

fn newest_unbooted(state_dir: &StateDir) -> Result<Option<Record>, RecordError> {
    let records = state_dir.records()?;
    match unbooted(&records, None).next() {
        Some((id, stage)) => Record::read(&state_dir.record(stage, id)),
        None => Ok(None),
    }
}

/// Removes the records of a change that did not begin. A record that remains is rolled back later without
/// effect.
fn discard_change(state_dir: &StateDir, record: &Record) {
    let _ = durable::remove(&state_dir.trial(&record.id));
    let _ = durable::remove(&state_dir.change());
    record.files.iter().for_each(FileBackup::discard);
}

async fn start_guard(state_dir: &StateDir, id: &str) -> Result<UnixStream, BeginError> {
    let path = state_dir.socket();
    let broken = |source| BeginError::Socket { path: path.display().to_string(), source };
    let listener = listen(&path).map_err(broken)?;
    start(state_dir, id).await.map_err(BeginError::Start)?;
    timeout(READY_TIMEOUT, ready(&listener, id)).await.map_err(|_| BeginError::NotReady)?.map_err(broken)
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(path),
    }
}

/// Starts the guard of the change with this id.
///
/// With systemd it is a transient unit, so systemd restarts a killed guard, which then rolls back the
/// orphaned change. Otherwise it is a separate session; if it is killed together with the run, the next run
/// or boot rolls back.
///
/// # Errors
/// It could not be started.
async fn start(state_dir: &StateDir, id: &str) -> Result<(), ExecuteError> {
    if state_dir.systemd
        && Command::new("systemd-run", START_TIMEOUT).args(unit(state_dir, id)).execute().await.is_ok()
    {
        return Ok(());
    }
    Command::new("sh", START_TIMEOUT).args(session(state_dir)).execute().await.map(drop)
}

fn unit(state_dir: &StateDir, id: &str) -> Vec<String> {
    let mut args: Vec<String> = [
        "--quiet",
        "--collect",
        "--description=Rolls back a network change unless it is confirmed",
        // restart after a signal only: a guard that failed has logged the error, and would fail again
        "--property=Restart=on-abnormal",
        "--property=RestartSec=100ms",
        "--property=StartLimitIntervalSec=0",
        "--property=OOMScoreAdjust=-1000",
    ]
    .map(str::to_owned)
    .into();
    args.push(format!("--unit=xdock-guard-{id}"));
    args.push("--".to_owned());
    args.extend(program(state_dir));
    args
}

/// Redirects the guard's output, because `execute` reads the pipes of a program until they are closed.
fn session(state_dir: &StateDir) -> Vec<String> {
    let mut args =
        vec!["-c".to_owned(), "exec setsid -f \"$@\" </dev/null >/dev/null 2>&1".to_owned(), "sh".to_owned()];
    args.extend(program(state_dir));
    args
}

fn program(state_dir: &StateDir) -> [String; 3] {
    let state = format!("state={}", state_dir.state.display());
    [state_dir.program.display().to_string(), "guard".to_owned(), state]
}

/// Accepts the connection of the guard of this change and closes others.
async fn ready(listener: &UnixListener, id: &str) -> io::Result<UnixStream> {
    let own = nix::unistd::geteuid().as_raw();
    loop {
        let (mut stream, _) = listener.accept().await?;
        if stream.peer_cred()?.uid() != own {
            continue;
        }
        let mut line = String::new();
        let read = BufReader::new(&mut stream).read_line(&mut line).await;
        if read.is_ok() && line.trim_end() == id {
            return Ok(stream);
        }
    }
}

impl Guarded {
    /// Returns when the guard ends.
    pub async fn guard_died(&mut self) {
        let mut byte = [0; 1];
        // the guard sends nothing after its first line: any result means that it ended
        let _ = self.guard.read(&mut byte).await;
    }

    /// Executes a part of the change while the guard is connected, until the limit.
    ///
    /// # Errors
    /// The part was aborted. Roll back the change.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        let (end, limit) = (self.end, self.record.limit);
        tokio::select! {
            biased;
            () = self.guard_died() => Err(Interrupted::GuardDied),
            () = sleep_until(end) => Err(Interrupted::TimedOut(limit)),
            done = work => Ok(done),
        }
    }

    /// Writes the files of the change in order.
    ///
    /// # Errors
    /// A file cannot be written, for example on a full disk. Roll back the change.
    pub fn write(&self, files: &[DesiredFile]) -> Result<(), FileError> {
        self.mark_writing()?;
        files.iter().try_for_each(|file| file.write().map(drop))
    }

    /// Records that files of the change are about to be written. Call it before writing files without
    /// [`Guarded::write`].
    ///
    /// # Errors
    /// The mark cannot be written, for example on a full disk. Roll back the change.
    pub fn mark_writing(&self) -> Result<(), FileError> {
        durable::replace(&self.state_dir.wrote(&self.record.id), b"", 0o600).map(drop)
    }

    /// Commits the change: from now on nothing rolls it back. Needs no disk space.
    ///
    /// # Errors
    /// The record could not be removed. Roll back the change.
    pub fn confirm(&self) -> Result<(), FileError> {
        durable::remove(&self.state_dir.change())?;
        // the next boot or change removes what remains here
        let _ = cleanup::after_commit(&self.state_dir, &self.record).and_then(|ops| cleanup::execute(&ops));
        Ok(())
    }

    /// Rolls back the change and returns the result as text.
    ///
    /// # Errors
    /// The steps that failed. The guard tries again.
    pub async fn roll_back(self, backend: &impl RollbackBackend) -> Result<String, RollbackFailed> {
        roll_back(&self.state_dir, &self.record, backend, Scope::Running, &RUN_BACKOFF).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_is_a_separate_unit() {
        let args = unit(&StateDir::host(), "000001-a").join(" ");
        assert_eq!(
            args,
            "--quiet --collect --description=Rolls back a network change unless it is confirmed \
             --property=Restart=on-abnormal --property=RestartSec=100ms --property=StartLimitIntervalSec=0 \
             --property=OOMScoreAdjust=-1000 --unit=xdock-guard-000001-a -- /opt/xdock/bin/xdockhost guard \
             state=/var/lib/xdock/network"
        );
    }
}
