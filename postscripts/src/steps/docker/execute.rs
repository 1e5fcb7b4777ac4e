//! Does what was planned, but for packages.

use std::path::Path;

use durable::FileError;
use hostnet::firewall;
use process::ExecuteError;

use super::configuration::Effect;
use super::error::DockerError;
use super::journal::Journal;
use super::packages::ENGINE;
use super::plan::{Action, Change};
use super::service::{self, systemctl};
use super::{kernel, warn};
use crate::files::DesiredFile;
use crate::log::Log;
use crate::steps::network::guard::{self, state_dir::StateDir};

/// What a running engine must still be told of its file, so that a run that is killed in between is completed by the next.
/// A boot needs it no more: the engine then reads the file.
const UNTOLD: &str = "/run/xdock/docker.untold";
/// Where a new configuration lies while the engine judges it.
const CANDIDATE: &str = "/run/xdock/daemon.json";

/// What a killed run did not tell the running engine.
pub(super) fn untold() -> Result<Effect, FileError> {
    Ok(match durable::read_text(Path::new(UNTOLD))?.as_deref() {
        None => Effect::None,
        Some("reload") => Effect::Reload,
        Some(_) => Effect::Restart,
    })
}

/// Does one thing after the other, and knows how to take the configuration back.
pub(super) struct Executor<'a> {
    log: &'a Log,
    /// What the engine goes back to.
    fallback: Option<DesiredFile>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self { log, fallback: None }
    }

    /// Does it; [`Action::Install`] is `install.rs`'s.
    pub(super) async fn act(&mut self, action: &Action) -> Result<(), DockerError> {
        let failed = |source| DockerError::Action { action: action.to_string(), source };
        match action {
            Action::Write(file) | Action::WriteUnit(file) => drop(file.write()?),
            Action::Pass(step) => {
                firewall::apply(step).await.map_err(|error| DockerError::Firewall(Box::new(error)))?;
            }
            Action::Keep => drop(guard::install::keep(&StateDir::host())?),
            Action::ReadUnits => service::read_units().await.map_err(failed)?,
            Action::Configure(change) => self.configure(change).await?,
            Action::Load(module) => self.load(module).await,
            Action::Set(setting) => {
                // one limit of many: no reason to leave a host without its engine
                if let Err(error) = kernel::set(*setting) {
                    warn(self.log, format!("cannot {action}: {error}"));
                }
            }
            Action::Install(_) => {}
            Action::Reload => systemctl("reload", ENGINE).await.map_err(failed)?,
            Action::Restart => self.restart().await?,
            Action::Enable(unit) => systemctl("enable", unit).await.map_err(failed)?,
            Action::Start(ENGINE) => {
                if let Err(source) = systemctl("start", ENGINE).await {
                    return Err(not_started(action.to_string(), source).await);
                }
            }
            Action::Start(unit) => systemctl("start", unit).await.map_err(failed)?,
        }
        Ok(())
    }

    /// All was done: nothing is left to be told.
    pub(super) fn finish(&self) -> Result<(), DockerError> {
        durable::remove(Path::new(UNTOLD)).map(drop).map_err(DockerError::File)
    }

    /// Judged by the engine before it replaces the present one.
    async fn configure(&mut self, change: &Change) -> Result<(), DockerError> {
        let Change { file, fallback, effect, .. } = change;
        if let Some(program) = service::program() {
            let candidate = Path::new(CANDIDATE);
            durable::replace(candidate, &file.content, 0o600)?;
            let judged = service::validate(program, candidate).await;
            durable::remove(candidate)?;
            judged?;
        }
        match effect {
            Effect::None => {}
            Effect::Reload => drop(durable::replace(Path::new(UNTOLD), b"reload", 0o644)?),
            Effect::Restart => drop(durable::replace(Path::new(UNTOLD), b"restart", 0o644)?),
        }
        self.fallback = Some(fallback.clone());
        file.write()?;
        Ok(())
    }

    /// A module that does not load is one that most containers do without.
    async fn load(&self, module: &str) {
        if let Err(error) = service::modprobe(module).await {
            warn(self.log, format!("cannot load the kernel module {module}: {}", chain::chain(&error)));
        }
    }

    /// An engine that does not start with the new configuration gets its old one back.
    async fn restart(&self) -> Result<(), DockerError> {
        service::holds_containers().await?;
        match (restart().await, &self.fallback) {
            (Ok(()), _) => Ok(()),
            (Err(source), None) => Err(not_started(Action::Restart.to_string(), source).await),
            (Err(source), Some(fallback)) => Err(roll_back(fallback, source).await?),
        }
    }
}

/// Debian's unit refuses the fourth start within a minute (its StartLimitBurst): ours are not those of an engine that
/// crashes.
async fn restart() -> Result<(), ExecuteError> {
    // fails where there is nothing to reset
    let _ = systemctl("reset-failed", ENGINE).await;
    systemctl("restart", ENGINE).await
}

async fn roll_back(fallback: &DesiredFile, source: ExecuteError) -> Result<DockerError, DockerError> {
    // before it starts again, and says other things
    let journal = Journal::of_engine().await;
    fallback.write()?;
    if let Err(source) = restart().await {
        return Err(not_started(format!("start {ENGINE} with its old configuration"), source).await);
    }
    durable::remove(Path::new(UNTOLD))?;
    Ok(DockerError::RolledBack { journal, source })
}

async fn not_started(action: String, source: ExecuteError) -> DockerError {
    DockerError::NotStarted { action: action.into(), journal: Journal::of_engine().await, source }
}
