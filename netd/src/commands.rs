//! One function a command.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use inventory::snapshot::{self, Kept};
use inventory::{NodeName, Snapshot, Stamp};
use tracing_subscriber::EnvFilter;

use crate::accept::{Loaded, judge};
use crate::args::{Cli, Command, Run, SnapshotCommand};
use crate::client;
use crate::daemon::Daemon;
use crate::refusal::Refusal;
use crate::serve::{self, LOAD, LoadSnapshot, RECONCILE, STATUS};
use crate::status::{Reconciled, Status};
use chain::chain;

/// Runs a command; an error is text for the person who typed it.
pub(crate) async fn run(cli: Cli) -> Result<(), String> {
    let Cli { socket, snapshot, command } = cli;
    match command.unwrap_or(Command::Run(Run::default())) {
        Command::Run(run) => serve(&socket, &snapshot, &run).await,
        Command::Status { json } => status(&socket, json).await,
        Command::Snapshot(SnapshotCommand::Load { file, host, replaces }) => {
            load(&socket, &snapshot, &file, host.as_ref(), replaces).await
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
    let Kept { snapshot, problem } = Kept::read(snapshot);
    let none = || problem.as_ref().map_or(Refusal::NoSnapshot.to_string(), |problem| chain(problem));
    print(&snapshot.ok_or_else(none)?.to_text())?;
    problem.map_or(Ok(()), |problem| Err(chain(&problem)))
}

async fn load(
    socket: &Path,
    kept: &Path,
    file: &Path,
    host: Option<&NodeName>,
    replaces: Option<Stamp>,
) -> Result<(), String> {
    let new = Snapshot::parse(&read(file)?).map_err(|error| chain(&error))?;
    if host.is_some() {
        judge(None, &new, host, None).map_err(|refusal| refusal.to_string())?;
    }
    // xdock reads these lines: the stamp tells it what the host has
    match deliver(socket, kept, &new, replaces).await? {
        Loaded::Delivered(version) => print(&format!("snapshot {version} delivered\n")),
        Loaded::Already(stamp) => print(&format!("snapshot {} already {stamp}\n", stamp.version)),
        Loaded::Kept(stamp, why) => {
            print(&format!("snapshot {} kept {stamp}\n", stamp.version))?;
            Err(why)
        }
    }
}

/// To the daemon; on a host where none is installed yet, to the place where it will look.
async fn deliver(
    socket: &Path,
    kept: &Path,
    new: &Snapshot,
    replaces: Option<Stamp>,
) -> Result<Loaded, String> {
    let incoming = Incoming::beside(kept, new)?;
    let request = LoadSnapshot { path: incoming.0.clone(), replaces };
    let body = serde_json::to_string(&request).unwrap_or_default();
    match client::call(socket, LOAD, body).await {
        Ok(loaded) => serde_json::from_value(loaded).map_err(|error| error.to_string()),
        Err(error) if error.is_absence() => keep(kept, new, request.replaces.as_ref()),
        Err(error) => Err(chain(&error)),
    }
}

/// Where both copies are broken there is none to compare with: a new one puts that right.
fn keep(kept: &Path, new: &Snapshot, replaces: Option<&Stamp>) -> Result<Loaded, String> {
    let Kept { snapshot: current, problem } = Kept::read(kept);
    let loaded = Loaded::of(judge(current.as_ref(), new, None, replaces))?;
    let written = match (&loaded, &current) {
        (Loaded::Delivered(_), _) => snapshot::keep(kept, new),
        (Loaded::Already(_), Some(current)) if problem.is_some() => snapshot::keep(kept, current),
        _ => Ok(()),
    };
    written.map_err(|error| chain(&error))?;
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
