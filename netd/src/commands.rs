//! One function a command.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use inventory::{NodeName, Snapshot};
use tracing_subscriber::EnvFilter;

use crate::accept::{Loaded, judge};
use crate::args::{Cli, Command, Run, SnapshotCommand};
use crate::client;
use crate::daemon::Daemon;
use crate::serve::{self, LOAD, LoadSnapshot, RECONCILE, STATUS};
use crate::status::{Reconciled, Status};
use chain::chain;

/// Runs a command; an error is text for the person who typed it.
pub(crate) async fn run(cli: Cli) -> Result<(), String> {
    let Cli { socket, snapshot, command } = cli;
    match command.unwrap_or(Command::Run(Run::default())) {
        Command::Run(run) => serve(&socket, &snapshot, &run).await,
        Command::Status { json } => status(&socket, json).await,
        Command::Snapshot(SnapshotCommand::Load { file, host }) => {
            load(&socket, &snapshot, &file, host.as_ref()).await
        }
        Command::Snapshot(SnapshotCommand::Show) => show(&snapshot),
        Command::Reconcile => reconcile(&socket).await,
    }
}

async fn serve(socket: &Path, snapshot: &Path, run: &Run) -> Result<(), String> {
    log_to_stderr();
    // first the socket: from here on dockerd's calls wait instead of failing
    let listener = plugin::listener(socket).map_err(|error| chain(&error))?;
    let daemon = Daemon::new(run, snapshot).map_err(|error| chain(&error))?;
    let inbox = daemon.inbox();
    let owner = tokio::spawn(daemon.run());
    // no service manager, nobody to tell
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        served = serve::serve(listener, inbox) => served.map_err(|error| chain(&error)),
        // better a new netd than one that refuses everything
        ended = owner => Err(format!("a defect ended the owner of the state: {ended:?}")),
    }
}

/// journald adds the time.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("NETD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).without_time().with_target(false);
    log.with_ansi(false).with_writer(io::stderr).init();
}

async fn status(socket: &Path, json: bool) -> Result<(), String> {
    let told = client::call(socket, STATUS, String::new()).await.map_err(|error| chain(&error))?;
    if json {
        return print(&format!("{told}\n"));
    }
    let status: Status = serde_json::from_value(told).map_err(|error| error.to_string())?;
    print(&status.to_string())
}

async fn reconcile(socket: &Path) -> Result<(), String> {
    let told = client::call(socket, RECONCILE, String::new()).await.map_err(|error| chain(&error))?;
    let Reconciled { repairs, problems } = serde_json::from_value(told).map_err(|error| error.to_string())?;
    repairs.iter().try_for_each(|repair| print(&format!("repaired: {repair}\n")))?;
    match problems.as_slice() {
        [] if repairs.is_empty() => print("nothing to do\n"),
        [] => Ok(()),
        problems => Err(problems.join("\nnetd: ")),
    }
}

fn show(snapshot: &Path) -> Result<(), String> {
    let snapshot = Snapshot::read(snapshot).map_err(|error| chain(&error))?;
    print(&snapshot.to_text())
}

async fn load(socket: &Path, kept: &Path, file: &Path, host: Option<&NodeName>) -> Result<(), String> {
    let new = Snapshot::parse(&read(file)?).map_err(|error| chain(&error))?;
    if host.is_some() {
        judge(None, &new, host).map_err(|refusal| refusal.to_string())?;
    }
    let loaded = deliver(socket, kept, &new).await?;
    match loaded {
        Loaded::Delivered(version) => print(&format!("snapshot {version} delivered\n")),
        Loaded::Already(version) => print(&format!("snapshot {version} already\n")),
    }
}

/// To the daemon; on a host where none is installed yet, to the place where it will look.
async fn deliver(socket: &Path, kept: &Path, new: &Snapshot) -> Result<Loaded, String> {
    let incoming = Incoming::beside(kept, new)?;
    let request = serde_json::to_string(&LoadSnapshot { path: incoming.0.clone() }).unwrap_or_default();
    match client::call(socket, LOAD, request).await {
        Ok(loaded) => serde_json::from_value(loaded).map_err(|error| error.to_string()),
        Err(error) if error.is_absence() => keep(kept, new),
        Err(error) => Err(chain(&error)),
    }
}

fn keep(kept: &Path, new: &Snapshot) -> Result<Loaded, String> {
    // a broken one counts as none: this is how it is put right
    let current = Snapshot::read(kept).ok();
    let loaded = judge(current.as_ref(), new, None).map_err(|refusal| refusal.to_string())?;
    if matches!(loaded, Loaded::Delivered(_)) {
        durable::replace(kept, new.to_text().as_bytes(), 0o600).map_err(|error| chain(&error))?;
    }
    Ok(loaded)
}

/// A snapshot where the daemon can read it; gone when done.
struct Incoming(PathBuf);

impl Incoming {
    fn beside(kept: &Path, snapshot: &Snapshot) -> Result<Self, String> {
        let incoming = Self(kept.with_extension(format!("incoming.{}", std::process::id())));
        durable::replace(&incoming.0, snapshot.to_text().as_bytes(), 0o600).map_err(|error| chain(&error))?;
        Ok(incoming)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // what stays is overwritten by the next one of our number
        let _ = std::fs::remove_file(&self.0);
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let done = if file == Path::new("-") {
        io::stdin().read_to_end(&mut text)
    } else {
        File::open(file).and_then(|mut open| open.read_to_end(&mut text))
    };
    done.map(|_| text).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// A reader that went away, as `head` does, has what it wanted.
fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}
