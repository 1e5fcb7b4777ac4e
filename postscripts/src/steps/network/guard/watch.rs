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
use super::hands::Hands;
use super::place::Place;
use super::record::{Record, RecordError};
use super::take_back::{LONG, Stuck, take_back};
use crate::lock::{self, LockError};

/// A process that was killed lets its lock go at once, unless a driver holds it in the kernel. It will never act again, so the
/// guard does not wait for it.
const KILLED: Duration = Duration::from_secs(5);
/// Who is late and alive takes the change back itself, and can say why; it has this time for it.
const GRACE: Duration = Duration::from_secs(5);
/// A command that who was killed had started (`ifup`, `netplan`) may still be at work: look again after that time.
const ORPHANS: Duration = Duration::from_secs(1);

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
    Stuck(#[from] Stuck),
    /// Its socket.
    #[error("cannot speak with who changes the network at {path}")]
    Socket {
        /// The socket.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why there is something to take back.
enum Ending {
    /// Nobody is behind the change: this guard was started again.
    Nobody,
    /// Who made it ended.
    Gone,
    /// It hangs; its process.
    Late(Option<i32>),
}

impl Ending {
    fn reason(&self, record: &Record) -> String {
        match self {
            Self::Nobody => "a change is pending and nobody makes it".to_owned(),
            Self::Gone => "the run that changed the network ended before it confirmed".to_owned(),
            Self::Late(_) => format!("the change was not confirmed within {} s", record.limit),
        }
    }
}

/// Guards the pending change to its end.
///
/// # Errors
/// It could not be taken back; it is pending still.
pub async fn run(place: &Place, hands: &impl Hands) -> Result<(), WatchError> {
    // a closing terminal, or a shutdown: the network is put right first
    let _deaf = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let Some(record) = Record::read(&place.change())? else { return Ok(()) };
    let ending = attend(place, &record).await?;
    let _lock = locked(place, &ending).await?;
    if !is_pending(place, &record) {
        return Ok(());
    }
    let log = place.log();
    log.note("network", format!("{}; taking it back", ending.reason(&record)));
    let back = take_back_and_look_again(place, &record, hands).await?;
    log.note("network", back);
    Ok(())
}

/// Says ready, and waits.
async fn attend(place: &Place, record: &Record) -> Result<Ending, WatchError> {
    let path = place.socket();
    let broken = |source| WatchError::Socket { path: path.display().to_string(), source };
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(Ending::Nobody),
        Err(source) => return Err(broken(source)),
    };
    let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
    if stream.write_all(format!("{}\n", record.id).as_bytes()).await.is_err() {
        return Ok(Ending::Gone);
    }
    let mut byte = [0; 1];
    match timeout(Duration::from_secs(record.limit) + GRACE, stream.read(&mut byte)).await {
        Ok(_) => Ok(Ending::Gone),
        Err(_) => Ok(Ending::Late(process)),
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// The lock: then nobody else acts. `None`: its holder is killed, and stuck in the kernel.
async fn locked(place: &Place, ending: &Ending) -> Result<Option<File>, WatchError> {
    let Ending::Late(process) = ending else { return Ok(Some(lock::take(&place.lock()).await?)) };
    if let Some(process) = process {
        // gone meanwhile is as good
        let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
    }
    match timeout(KILLED, lock::take(&place.lock())).await {
        Ok(lock) => Ok(Some(lock?)),
        Err(_) => Ok(None),
    }
}

/// A record that can not be read is the one that is remembered here.
fn is_pending(place: &Place, record: &Record) -> bool {
    match Record::read(&place.change()) {
        Ok(Some(now)) => now.id == record.id,
        Ok(None) => false,
        Err(_) => true,
    }
}

async fn take_back_and_look_again(
    place: &Place,
    record: &Record,
    hands: &impl Hands,
) -> Result<String, Stuck> {
    let back = take_back(place, record, hands, Scope::Running, &LONG).await?;
    sleep(ORPHANS).await;
    let still = hands.facts().await.unwrap_or_default();
    if record.facts.iter().all(|fact| still.contains(fact)) {
        return Ok(back);
    }
    take_back(place, record, hands, Scope::Running, &LONG).await
}
