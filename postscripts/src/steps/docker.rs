//! `xdockhost docker`: installs the engine from the distribution's packages and configures it for the
//! cluster.
//!
//! ```text
//! release.rs        the distribution
//! packages.rs       its packages
//! installed.rs      installed packages
//! source.rs         sources of the missing ones; flat.rs: a directory without an index
//! manager.rs        command lines of apt, dnf, yum and zypper
//! install.rs        runs them
//! configuration.rs  merges /etc/docker/daemon.json
//! roots.rs          the engine's data directory, which is never moved while it has containers
//! kernel.rs         modules and settings
//! bridges.rs        bridges of other programs, which Docker would disconnect
//! service.rs        units; command.rs: the engine's command line; journal.rs: why it did not start
//! shutdown.rs       containers stop with the host
//! observe.rs, plan.rs, execute.rs
//! secure.rs         mutual TLS, when the management node enrolls this host
//! ```

mod bridges;
mod command;
mod configuration;
mod error;
mod execute;
mod flat;
mod install;
mod installed;
mod journal;
mod kernel;
mod manager;
mod observe;
pub mod packages;
mod plan;
pub mod release;
mod roots;
pub mod secure;
mod service;
pub mod shutdown;
mod source;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

use inventory::NicKind;

pub use self::configuration::Conflict;
pub use self::error::{DockerError, InstallError, Lacking};
pub use self::manager::Manager;

use self::execute::Executor;
use self::install::Hint;
use self::kernel::ModuleState;
use self::observe::{Desired, observe};
use self::packages::{Choice, Needs, choose, chosen};
use self::plan::{Action, Change, Observed, plan, summary};
use self::release::Release;
use super::{Outcome, Plan, Run};
use crate::environment::Node;
use crate::fetch::Server;
use crate::files::DesiredFile;
use crate::log::{Log, say};

const NAME: &str = "docker";
const OS_RELEASE: &str = "/etc/os-release";
/// Where `xdock` puts the CA of the registry that it installs.
const REGISTRY_CA: &str = "/install/xdock/registry/ca.crt";

/// Runs the step.
///
/// # Errors
/// See [`DockerError`].
pub async fn run(run: &Run) -> Result<Outcome, DockerError> {
    let node = run.environment.node()?;
    let server = Server::new(node.master, node.http_port);
    let desired = desired(run, &server)?;
    let observed = observe(&desired, run).await?;
    warn_of_missing(&observed, &run.log);
    let actions = plan(&observed);
    if run.options.dry_run {
        return Ok(Outcome::Planned(planned(&actions).with_notes(observed.bridges.notes)));
    }
    observed.bridges.notes.iter().for_each(|note| warn(&run.log, note));
    if actions.is_empty() {
        return Ok(Outcome::NothingToDo);
    }
    let (done, from) = execute(actions, &desired, run, &node, &server).await?;
    let version = service::engine_version().await.map_err(DockerError::Silent)?;
    Ok(Outcome::Done(summary(&done, &version, !observed.engine, from.as_deref())))
}

/// The desired state.
fn desired(run: &Run, server: &Server) -> Result<Desired, DockerError> {
    let tables = run.environment.tables()?;
    let ovs = tables.nics.iter().any(|nic| nic.kind == Some(NicKind::BridgeOvs));
    let needs = Needs { ovs, apparmor: kernel::has_apparmor() };
    let release: Result<Release, _> = durable::read_text(Path::new(OS_RELEASE))?.unwrap_or_default().parse();
    let family = release.as_ref().ok().map(|release| release.family);
    let choice: Choice = match (&run.options.packages, &release) {
        (Some(packages), _) => chosen(packages),
        (None, Ok(release)) => choose(release, needs),
        (None, Err(unknown)) => return Err(unknown.clone().into()),
    };
    let name = || release.map_or_else(|unknown| unknown.0, |release| release.to_string());
    Ok(Desired {
        manager: Manager::find(family, Path::exists).ok_or_else(|| DockerError::NoManager(name()))?,
        choice,
        settings: configuration::settings(&tables, &run.options.engine)?,
        modules: kernel::modules(&tables.nics),
        nics: tables.nics,
        certificate: certificate(run, server)?,
    })
}

/// The registry's CA, if the management node has one; otherwise the host must trust the registry's
/// certificate already. It comes over plain HTTP like this program: an attacker who can change one can change the
/// other.
fn certificate(run: &Run, server: &Server) -> Result<Option<DesiredFile>, DockerError> {
    let Some(registry) = &run.options.engine.registry else { return Ok(None) };
    let Some(bytes) = server.find(REGISTRY_CA).map_err(DockerError::Look)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(DockerError::NoCertificate(server.url(REGISTRY_CA)));
    }
    // dockerd reads it at every pull (moby `registry/registry.go`, ReadCertsDirectory)
    Ok(Some(DesiredFile::text(format!("/etc/docker/certs.d/{registry}/ca.crt"), text)))
}

/// Executes the plan and returns the summary and the source of packages. After packages were installed or
/// systemd was reloaded, everything is observed and planned again.
async fn execute(
    mut actions: Vec<Action>,
    desired: &Desired,
    run: &Run,
    node: &Node,
    server: &Server,
) -> Result<(Vec<Action>, Option<String>), DockerError> {
    let (mut done, mut from, mut tried) = (Vec::new(), None, BTreeSet::new());
    let mut executor = Executor::new(&run.log);
    loop {
        let mut rest = actions.into_iter();
        let plan_again = loop {
            match rest.next() {
                None => break false,
                // a package that another one provides is never installed itself
                Some(Action::Install(packages)) if packages.iter().all(|name| tried.contains(name)) => {}
                Some(Action::Install(packages)) => {
                    tried.extend(packages.iter().cloned());
                    from = Some(install(&packages, desired, run, node, server).await?);
                    done.push(Action::Install(packages));
                    break true;
                }
                Some(Action::ReadUnits) => {
                    // the engine's command line may have changed
                    executor.act(&Action::ReadUnits).await?;
                    done.push(Action::ReadUnits);
                    break true;
                }
                Some(action) => {
                    executor.act(&action).await?;
                    done.push(action);
                }
            }
        };
        if !plan_again {
            executor.finish()?;
            return Ok((done, from));
        }
        actions = plan(&observe(desired, run).await?);
    }
}

async fn install(
    packages: &[String],
    desired: &Desired,
    run: &Run,
    node: &Node,
    server: &Server,
) -> Result<String, DockerError> {
    let path = source::path(&run.environment, node);
    let scopes = source::scopes(desired.manager, server, &path, packages, run.options.unsigned).await?;
    let hint = Hint { url: server.url(&path) };
    let installed = install::install(desired.manager, &scopes, packages, hint).await;
    flat::clean();
    let scope = installed?;
    Ok(scope.map(ToString::to_string).unwrap_or_default())
}

/// The steps as text, the files as their difference.
fn planned(actions: &[Action]) -> Plan {
    let (mut others, mut files) = (Vec::new(), Vec::new());
    for action in actions {
        match action {
            Action::Write(file) | Action::WriteUnit(file) | Action::Configure(Change { file, .. }) => {
                files.push(file.clone());
            }
            action => others.push(action),
        }
    }
    Plan::new(&others, files)
}

fn warn_of_missing(observed: &Observed, log: &Log) {
    for module in observed.modules.iter().filter(|module| module.state == ModuleState::Missing) {
        warn(log, format!("this kernel has no module {}; features that need it will not work", module.name));
    }
}

/// A warning.
fn warn(log: &Log, text: impl Display) {
    let text = format!("warning: {text}");
    say(&format!("xdock: {NAME}: {text}"));
    log.note(NAME, text);
}
