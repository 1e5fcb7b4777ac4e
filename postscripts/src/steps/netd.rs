//! `xdockhost netd`: installs the daemon, its units, and this host's snapshot.
//!
//! Running containers are not affected: their ports stay while netd is replaced, and systemd keeps the
//! socket.

mod execute;
mod networks;
mod plan;
mod release;
mod service;

use std::path::Path;
use std::time::Duration;

use durable::FileError;
use inventory::Snapshot;
use inventory::snapshot::StoredSnapshot;
use process::ExecuteError;
use thiserror::Error;

use self::execute::act;
use self::plan::{Action, Desired, Observed, plan};
use super::{Outcome, Plan, Run};
use crate::environment::EnvironmentError;
use crate::fetch::{FetchError, Server, digest};
use crate::files::{DesiredFile, changed};
use crate::render::{RenderError, Templates};

const PROGRAM: &str = "/opt/xdock/bin/netd";
/// Link in the PATH, for people and for the management node over ssh.
const LINK: &str = "/usr/local/bin/netd";
const SOCKET: &str = "netd.socket";
const SERVICE: &str = "netd.service";
const UNITS: [&str; 2] = [SOCKET, SERVICE];
const UNIT_DIRECTORY: &str = "etc/systemd/system";

const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// Larger than every program of xdock, in bytes.
const PROGRAM_LIMIT: u64 = 512 * 1024 * 1024;

/// The netd step failed.
#[derive(Debug, Error)]
pub enum NetdError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The management node does not have the program or the snapshot.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A template cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The management node's snapshot is invalid.
    #[error("{url} is not a snapshot; create it again with \"xdock sync\"")]
    Snapshot {
        /// Its URL.
        url: String,
        /// Cause.
        #[source]
        source: inventory::snapshot::SnapshotError,
    },
    /// The offered netd is older.
    #[error(transparent)]
    Downgrade(#[from] release::Downgrade),
    /// A command failed.
    #[error("cannot {action}")]
    Action {
        /// The failed action.
        action: String,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
}

/// Runs the step.
///
/// # Errors
/// See [`NetdError`].
pub async fn run(run: &Run) -> Result<Outcome, NetdError> {
    let node = run.environment.node()?;
    let server = Server::new(node.master, node.http_port);
    let directory = format!("/install/xdock/{}", std::env::consts::ARCH);
    let desired = Desired {
        program_digest: server.manifest(&directory)?.digest("netd")?.to_owned(),
        units: units(&run.templates)?,
        snapshot: snapshot(&server, node.name.as_str())?,
    };
    let observed = observe(&desired).await?;
    let actions = plan(&desired, &observed);
    if run.options.dry_run {
        let changed = changed(desired.units.clone())?;
        // the plan shows the files itself
        let others: Vec<&Action> =
            actions.iter().filter(|action| !matches!(action, Action::WriteUnit(_))).collect();
        return Ok(Outcome::Planned(Plan::new(&others, changed)));
    }
    if actions.contains(&Action::InstallProgram) {
        let bytes = server.verified(&directory, "netd", &desired.program_digest)?;
        install(&bytes).await?;
    }
    for action in &actions {
        act(action, &desired).await?;
    }
    execute::finish()?;
    Ok(outcome(&actions, &desired, &observed, node.name.as_str()))
}

/// Checks the release of the new program where it will run, before anything is changed.
async fn install(bytes: &[u8]) -> Result<(), NetdError> {
    let new = Path::new(PROGRAM).with_extension("new");
    durable::replace(&new, bytes, 0o755)?;
    let refused = release::refuse_downgrade(release::of(Path::new(PROGRAM)).await, release::of(&new).await);
    durable::remove(&new)?;
    refused?;
    durable::replace(Path::new(PROGRAM), bytes, 0o755)?;
    Ok(())
}

fn outcome(actions: &[Action], desired: &Desired, observed: &Observed, node: &str) -> Outcome {
    let missing = match &desired.snapshot {
        Some(_) => plan::foreign(desired, observed),
        None => Some(format!("no snapshot of {node} on the management node yet")),
    };
    if actions.is_empty() {
        return missing
            .map_or(Outcome::NothingToDo, |missing| Outcome::Done(format!("nothing to do; {missing}")));
    }
    let loaded = || desired.snapshot.as_ref().map(|snapshot| format!("snapshot {}", snapshot.version));
    let snapshot = missing.or_else(loaded).unwrap_or_default();
    let installed = actions.contains(&Action::InstallProgram);
    Outcome::Done(format!("{} netd; {snapshot}", if installed { "installed" } else { "repaired" }))
}

/// The rendered units. Administrators may override their templates.
fn units(templates: &Templates) -> Result<Vec<DesiredFile>, RenderError> {
    let render = |unit: &str| {
        let name = format!("{UNIT_DIRECTORY}/{unit}");
        let empty = std::collections::BTreeMap::<String, String>::new();
        Ok(DesiredFile::text(Path::new("/").join(&name), templates.render(&name, &empty)?))
    };
    UNITS.into_iter().map(render).collect()
}

fn snapshot(server: &Server, node: &str) -> Result<Option<Snapshot>, NetdError> {
    let path = format!("/install/xdock/snapshots/{node}.json");
    let Some(text) = server.find(&path)? else { return Ok(None) };
    let parsed = Snapshot::parse(&text);
    parsed.map(Some).map_err(|source| NetdError::Snapshot { url: server.url(&path), source })
}

async fn observe(desired: &Desired) -> Result<Observed, NetdError> {
    let program = Path::new(PROGRAM);
    let program_digest = durable::read_up_to(program, PROGRAM_LIMIT)?.map(|bytes| digest(&bytes));
    let units = service::observe().await;
    let running = units.service.pid.and_then(|pid| service::running(pid, program, program_digest.as_deref()));
    let changed = changed(desired.units.clone())?;
    let kept = StoredSnapshot::read(Path::new(inventory::snapshot::PATH));
    Ok(Observed {
        program_digest,
        linked: std::fs::read_link(LINK).is_ok_and(|target| target == program),
        changed_units: changed.into_iter().map(|unit| unit.path).collect(),
        units,
        running,
        unfinished: execute::is_unfinished()?,
        networks: networks::names().await,
        snapshot: kept.snapshot.map(|kept| kept.stamp()),
        is_broken: kept.problem.is_some(),
    })
}
