//! The commands, one function each.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use inventory::snapshot::{self, StoredSnapshot};
use inventory::{NodeName, Snapshot, Stamp};
use tracing_subscriber::EnvFilter;

use crate::accept::{LoadResult, check_snapshot};
use crate::args::{Cli, Command, Inspect, Run, SnapshotCommand};
use crate::client;
use crate::daemon::Daemon;
use crate::inspect;
use crate::message::LoadSnapshot;
use crate::names::{self, Names};
use crate::refusal::Refusal;
use crate::serve::{self, LOAD, RECONCILE, STATUS};
use crate::status::{Reconciled, Status};
use chain::chain;

/// Runs a command. The error is a message for the user.
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
        Command::Inspect(asked) => inspect(&socket, &snapshot, asked).await,
    }
}

async fn serve(socket: &Path, snapshot: &Path, run: &Run) -> Result<(), String> {
    log_to_stderr();
    // before any other thread starts: threads inherit the capabilities of the one that starts them
    let opener = names::Opener::start().map_err(|error| format!("cannot start a thread: {error}"))?;
    hostnet::privilege::drop_sys_admin().map_err(|error| format!("cannot drop CAP_SYS_ADMIN: {error}"))?;
    // the socket first: from now on dockerd's calls wait instead of failing
    let (listener, kept) = plugin::listener(socket).map_err(|error| chain(&error))?;
    let names = Names::start(opener, kept).map_err(|error| format!("cannot start a thread: {error}"))?;
    let daemon = Daemon::new(run, snapshot, names.clone()).map_err(|error| chain(&error))?;
    let inbox = daemon.inbox();
    let main_loop = tokio::spawn(daemon.run());
    // fails without a service manager
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let ended = tokio::select! {
        served = serve::serve(listener, inbox) => served.map_err(|error| chain(&error)),
        // end the process, so that systemd starts a new netd
        ended = main_loop => Err(format!("internal error: the main loop ended: {ended:?}")),
    };
    names.drain().await;
    ended
}

/// Without timestamps: journald adds them.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("NETD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).without_time().with_target(false);
    log.with_ansi(false).with_writer(io::stderr).init();
}

async fn status(socket: &Path, json: bool) -> Result<(), String> {
    let answer = client::call(socket, STATUS, String::new()).await.map_err(|error| chain(&error))?;
    if json {
        return print(&format!("{answer}\n"));
    }
    let status: Status = serde_json::from_value(answer).map_err(|error| error.to_string())?;
    print(&status.to_string())
}

async fn reconcile(socket: &Path) -> Result<(), String> {
    let answer = client::call(socket, RECONCILE, String::new()).await.map_err(|error| chain(&error))?;
    let Reconciled { repairs, problems } =
        serde_json::from_value(answer).map_err(|error| error.to_string())?;
    repairs.iter().try_for_each(|repair| print(&format!("repaired: {repair}\n")))?;
    match problems.as_slice() {
        [] if repairs.is_empty() => print("nothing to do\n"),
        [] => Ok(()),
        problems => Err(problems.join("\nnetd: ")),
    }
}

async fn inspect(socket: &Path, snapshot: &Path, asked: Inspect) -> Result<(), String> {
    let json = asked.json;
    let facts = inspect::inspect(socket, snapshot, asked).await;
    let text = if json { serde_json::to_string(&facts) } else { serde_json::to_string_pretty(&facts) };
    print(&format!("{}\n", text.map_err(|error| error.to_string())?))
}

fn show(snapshot: &Path) -> Result<(), String> {
    let StoredSnapshot { snapshot, problem } = StoredSnapshot::read(snapshot);
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
        check_snapshot(None, &new, host, None).map_err(|refusal| refusal.to_string())?;
    }
    // xdock parses these lines: the stamp is that of the loaded snapshot
    match deliver(socket, kept, &new, replaces).await? {
        LoadResult::Delivered(version) => print(&format!("snapshot {version} delivered\n")),
        LoadResult::Already(stamp) => print(&format!("snapshot {} already {stamp}\n", stamp.version)),
        LoadResult::Kept(stamp, reason) => {
            print(&format!("snapshot {} kept {stamp}\n", stamp.version))?;
            Err(reason)
        }
    }
}

/// Loads a snapshot into the daemon. If no daemon is running, writes it to the path where the daemon will read it.
async fn deliver(
    socket: &Path,
    kept: &Path,
    new: &Snapshot,
    replaces: Option<Stamp>,
) -> Result<LoadResult, String> {
    let incoming = Incoming::beside(kept, new)?;
    let request = LoadSnapshot { path: incoming.0.clone(), replaces };
    let body = serde_json::to_string(&request).unwrap_or_default();
    match client::call(socket, LOAD, body).await {
        Ok(loaded) => serde_json::from_value(loaded).map_err(|error| error.to_string()),
        Err(error) if error.is_not_running() => write_snapshot(kept, new, request.replaces.as_ref()),
        Err(error) => Err(chain(&error)),
    }
}

/// Writes a snapshot to disk without a daemon. A new snapshot also replaces a damaged file and copy.
fn write_snapshot(kept: &Path, new: &Snapshot, replaces: Option<&Stamp>) -> Result<LoadResult, String> {
    let StoredSnapshot { snapshot: current, problem } = StoredSnapshot::read(kept);
    let loaded = LoadResult::of(check_snapshot(current.as_ref(), new, None, replaces))?;
    let written = match (&loaded, &current) {
        (LoadResult::Delivered(_), current) => {
            snapshot::store(kept, &new.clone().succeeding(current.as_ref()))
        }
        (LoadResult::Already(_), Some(current)) if problem.is_some() => snapshot::store(kept, current),
        _ => Ok(()),
    };
    written.map_err(|error| chain(&error))?;
    Ok(loaded)
}

/// A snapshot file that the daemon can read. Removed on drop.
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
        // a file that stays is overwritten by the next process with this ID
        let _ = std::fs::remove_file(&self.0);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a file that the user names, which may be a pipe: one that is missing is an error too"
)]
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let done = if file == Path::new("-") {
        io::stdin().read_to_end(&mut text)
    } else {
        File::open(file).and_then(|mut open| open.read_to_end(&mut text))
    };
    done.map(|_| text).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// Prints to stdout. A closed pipe, as with `head`, is no error.
fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}
