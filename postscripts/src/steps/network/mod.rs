//! `xdockhost network`: the bridges of the tables over this host's NICs, in the running kernel and at every boot.
//!
//! The kernel first, the files only after the management node answered through the new network: a run that is killed,
//! or a power cut, in the middle of the change boots the old network.

pub mod execute;
pub mod manager;
pub mod observe;
pub mod plan;
pub mod resolve;
pub mod stack;

use std::net::SocketAddr;
use std::path::Path;
use std::time::SystemTime;

use durable::FileError;
use hostnet::{Kernel, NetError, Route};
use inventory::{HostPlan, HostPlanError};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use self::execute::{Done, ExecuteError, PATIENCE, answers, apply};
use self::manager::ifupdown::files::{ReadError, Tree, wanted};
use self::manager::ifupdown::ifstate::{StateError, hand_over};
use self::manager::{ManagerError, refuse_foreign};
use self::observe::{Observed, observe};
use self::plan::{Step, plan};
use self::resolve::{Bridge, ResolveError, bridges, resolve};
use super::{Outcome, Run, print_plan};
use crate::environment::EnvironmentError;
use crate::files::Wanted;
use crate::log::stamp;
use crate::render::RenderError;

const DIRECTORY: &str = "/etc/network";

/// A network step that failed. The old network runs, and is what boots.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The tables give no plan.
    #[error(transparent)]
    Plan(#[from] HostPlanError),
    /// The machine can not follow it.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The kernel does not say what is.
    #[error("cannot read this machine's network")]
    Observe(#[source] NetError),
    /// ifupdown's files can not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another network manager.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// A template is wrong.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The change would be blind.
    #[error("the management node does not answer at {0}; nothing was changed")]
    SilentBefore(SocketAddr),
    /// A change was taken back.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The files could not be written.
    #[error("the new network runs, but will not boot")]
    Write(#[source] FileError),
    /// ifupdown was not told.
    #[error("the new network runs and will boot, but ifupdown does not know of it until then")]
    State(#[source] StateError),
}

/// All that the step found and will do.
struct Work {
    bridges: Vec<Bridge>,
    steps: Vec<Step>,
    files: Vec<Wanted>,
    /// Those whose NIC has had a DHCP client until now.
    dhcp: Vec<Bridge>,
    /// Options of replaced stanzas that are not in ours.
    lost: Vec<String>,
}

/// Runs the step.
///
/// # Errors
/// See [`NetworkError`].
pub async fn run(run: &Run) -> Result<Outcome, NetworkError> {
    let host_plan = HostPlan::compile(&run.environment.tables()?)?;
    let node = run.environment.node()?;
    let master = SocketAddr::new(node.master, node.http_port);
    let tree = Tree::read(Path::new(DIRECTORY))?;
    let kernel = Kernel::open().map_err(NetworkError::Observe)?;
    let observed = observe(&kernel).await.map_err(NetworkError::Observe)?;
    let work = prepare(run, &host_plan, &tree, &observed)?;
    refuse_foreign(&tree, &work.bridges).await?;
    if run.work.dry_run {
        print_plan("network", &work.steps, &work.files);
        return Ok(Outcome::Planned);
    }
    work.execute(&kernel, master).await
}

/// Everything is decided, and every file rendered, before the first change.
fn prepare(run: &Run, host_plan: &HostPlan, tree: &Tree, observed: &Observed) -> Result<Work, NetworkError> {
    let resolved = bridges(host_plan)?
        .into_iter()
        .map(|bridge| resolve(&bridge, observed, tree.remembered(&bridge.name)));
    let bridges: Vec<Bridge> = resolved.collect::<Result<_, _>>()?;
    let with_routes: Vec<(Bridge, Vec<Route>)> = bridges
        .iter()
        .map(|bridge| (bridge.clone(), observed.routes(&bridge.port).cloned().collect()))
        .collect();
    let mut files = wanted(tree, &with_routes, &run.templates, &stamp(SystemTime::now()))?;
    files.retain(Wanted::differs);
    let steps = bridges.iter().flat_map(|bridge| plan(bridge, observed)).collect();
    let dhcp = bridges.iter().filter(|bridge| tree.is_dhcp(&bridge.port)).cloned().collect();
    let lost = bridges.iter().flat_map(|bridge| tree.lost_options(&bridge.port)).collect();
    Ok(Work { bridges, steps, files, dhcp, lost })
}

impl Work {
    async fn execute(&self, kernel: &Kernel, master: SocketAddr) -> Result<Outcome, NetworkError> {
        // ssh may go away with its terminal while the NIC moves; the change ends, one way or the other
        let _deaf = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        if !self.steps.is_empty() {
            if !answers(master, PATIENCE).await {
                return Err(NetworkError::SilentBefore(master));
            }
            let done = apply(kernel, &self.steps).await?;
            self.confirm(kernel, master, done).await?;
        }
        for file in &self.files {
            file.write().map_err(NetworkError::Write)?;
        }
        let told = hand_over(&self.bridges, &self.dhcp).await.map_err(NetworkError::State)?;
        if self.steps.is_empty() && self.files.is_empty() && !told {
            return Ok(Outcome::NothingToDo);
        }
        Ok(Outcome::Done(self.summary()))
    }

    fn summary(&self) -> String {
        let mut parts: Vec<String> = self.bridges.iter().map(described).collect();
        let backup = self.files.iter().find_map(|file| file.backup.as_ref());
        if let (false, Some(backup)) = (self.lost.is_empty(), backup) {
            parts.push(format!("not taken over from {}: {}", backup.display(), self.lost.join(", ")));
        }
        parts.join("; ")
    }

    /// Looks again, and asks the management node; else everything is taken back.
    async fn confirm(&self, kernel: &Kernel, master: SocketAddr, done: Done) -> Result<(), NetworkError> {
        if !answers(master, PATIENCE).await {
            return Err(done.take_back(kernel, ExecuteError::Silence { master }).await.into());
        }
        match self.rest(kernel).await {
            rest if rest.is_empty() => Ok(()),
            rest => Err(done.take_back(kernel, ExecuteError::Unfinished { rest }).await.into()),
        }
    }

    /// What a new plan would do; empty where the kernel is as it shall be.
    async fn rest(&self, kernel: &Kernel) -> String {
        let observed = match observe(kernel).await {
            Ok(observed) => observed,
            Err(error) => return chain::chain(&error),
        };
        let steps = self.bridges.iter().flat_map(|bridge| plan(bridge, &observed));
        steps.map(|step| step.to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn described(bridge: &Bridge) -> String {
    let addresses: Vec<String> = bridge.addresses.iter().map(ToString::to_string).collect();
    let with = if addresses.is_empty() {
        "without an address".to_owned()
    } else {
        format!("with {}", addresses.join(" "))
    };
    format!("bridge {} over {} {with}", bridge.name, bridge.port)
}
