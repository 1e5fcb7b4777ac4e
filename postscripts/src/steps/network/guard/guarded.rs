//! The side of who changes the network.

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

/// How long the guard of an earlier run may take to put the network back.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);
/// A guard starts within some milliseconds.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// systemd may be busy with a boot.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A change that was not begun: nothing was changed.
#[derive(Debug, Error)]
pub enum BeginError {
    /// The lock.
    #[error("cannot lock the network; nothing was changed")]
    Lock(#[source] LockError),
    /// A guard takes its change back still.
    #[error("the rollback of an earlier change has not finished after {} s; nothing was changed", LOCK_TIMEOUT.as_secs())]
    Busy,
    /// An earlier change is pending.
    #[error("{0} exists: an earlier change was interrupted and is not rolled back; nothing was changed")]
    Pending(String),
    /// Such as a full disk.
    #[error("cannot record the current network for a rollback; nothing was changed")]
    Record(#[source] RecordError),
    /// No guard.
    #[error("cannot start the guard, which rolls back a failed change; nothing was changed")]
    Start(#[source] ExecuteError),
    /// The guard says nothing.
    #[error("the guard was not ready within {} s; see /var/log/xcat/xcat.log; nothing was changed", READY_TIMEOUT.as_secs())]
    NotReady,
    /// Its socket.
    #[error("cannot listen for the guard at {path}; nothing was changed")]
    Socket {
        /// The socket.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A change that may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Interrupted {
    /// Nobody would take it back now.
    #[error("the guard process ended")]
    GuardDied,
    /// The guard is about to end this process.
    #[error("the change took longer than {0} s")]
    TimedOut(u64),
}

/// A change that is guarded. Dropped without [`Guarded::confirm`], it is taken back by the guard.
#[derive(Debug)]
pub struct Guarded {
    state_dir: StateDir,
    record: Record,
    end: Instant,
    guard: UnixStream,
    _lock: File,
}

/// Writes down what leads back and starts the guard. When this returns, the change may begin.
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

/// The old files' second names, the pending change, and what will be the trial when it is confirmed: all that needs space
/// is written before the change.
pub(super) fn write_records(state_dir: &StateDir, intent: &Intent) -> Result<Record, RecordError> {
    durable::create_directory(&state_dir.state)?;
    // anybody who can read a file can lock it
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

/// A change that never began leaves nothing; what can not be removed now is taken back later, to no effect.
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

/// Starts the guard of the change with that id.
///
/// As a unit of its own where systemd runs, which starts it again when it is killed: then it finds the change pending and
/// nobody behind it, and takes it back. Elsewhere in a session of its own; when that one is killed together with who
/// makes the change, the next run or boot takes it back.
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
        // killed, not failed: one that gave up has said so, and would again
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

/// `execute` reads what a program says to its end, so the guard must not have its pipes.
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

/// The connection of the guard that knows the change; others are sent away.
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
    /// Returns when the guard is gone.
    pub async fn guard_died(&mut self) {
        let mut byte = [0; 1];
        // the guard says nothing after its first line: whatever comes is its end
        let _ = self.guard.read(&mut byte).await;
    }

    /// Does a part of the change, as long as somebody watches, and until the limit.
    ///
    /// # Errors
    /// The work was given up in the middle; the change is to be taken back.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        let (end, limit) = (self.end, self.record.limit);
        tokio::select! {
            biased;
            () = self.guard_died() => Err(Interrupted::GuardDied),
            () = sleep_until(end) => Err(Interrupted::TimedOut(limit)),
            done = work => Ok(done),
        }
    }

    /// Writes the files of the change, in their order.
    ///
    /// # Errors
    /// Such as a full disk; the change is to be taken back.
    pub fn write(&self, files: &[DesiredFile]) -> Result<(), FileError> {
        self.mark_writing()?;
        files.iter().try_for_each(|file| file.write().map(drop))
    }

    /// To be called before files of the change are written in another way than by [`Guarded::write`].
    ///
    /// # Errors
    /// Such as a full disk; the change is to be taken back.
    pub fn mark_writing(&self) -> Result<(), FileError> {
        durable::replace(&self.state_dir.wrote(&self.record.id), b"", 0o600).map(drop)
    }

    /// Commits: nobody takes the change back any more. Needs no space on the disk.
    ///
    /// # Errors
    /// The record could not be removed; the change is to be taken back.
    pub fn confirm(&self) -> Result<(), FileError> {
        durable::remove(&self.state_dir.change())?;
        // what nobody needs any more; what stays here, the next boot or change ends
        let _ = cleanup::after_commit(&self.state_dir, &self.record).and_then(|ops| cleanup::execute(&ops));
        Ok(())
    }

    /// Takes the change back, and says what is there then.
    ///
    /// # Errors
    /// What could not be done; the guard goes on trying.
    pub async fn roll_back(self, backend: &impl RollbackBackend) -> Result<String, RollbackFailed> {
        roll_back(&self.state_dir, &self.record, backend, Scope::Running, &RUN_BACKOFF).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_has_a_unit_of_its_own() {
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
