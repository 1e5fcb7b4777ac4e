//! Executes the plan, except for packages.

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

/// Records what a running engine must still do, so that the next run completes a killed one. After a reboot
/// it is not needed: the engine reads the file.
const UNFINISHED_MARK: &str = "/run/xdock/docker.untold";
/// Path of a new configuration while the engine validates it.
const CANDIDATE: &str = "/run/xdock/daemon.json";

/// What a killed run left for the running engine to do.
pub(super) fn unfinished() -> Result<Effect, FileError> {
    Ok(match durable::read_text(Path::new(UNFINISHED_MARK))?.as_deref() {
        None => Effect::None,
        Some("reload") => Effect::Reload,
        Some(_) => Effect::Restart,
    })
}

/// Executes actions, and can roll back the configuration.
pub(super) struct Executor<'a> {
    log: &'a Log,
    /// The configuration for a rollback.
    fallback: Option<DesiredFile>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self { log, fallback: None }
    }

    /// Executes an action; [`Action::Install`] is in `install.rs`.
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
                // a host without this limit still needs its engine
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

    /// All actions are done: removes the record.
    pub(super) fn finish(&self) -> Result<(), DockerError> {
        durable::remove(Path::new(UNFINISHED_MARK)).map(drop).map_err(DockerError::File)
    }

    /// The engine validates the new file before it replaces the current one.
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
            Effect::Reload => drop(durable::replace(Path::new(UNFINISHED_MARK), b"reload", 0o644)?),
            Effect::Restart => drop(durable::replace(Path::new(UNFINISHED_MARK), b"restart", 0o644)?),
        }
        self.fallback = Some(fallback.clone());
        file.write()?;
        Ok(())
    }

    /// Loads a module. An error is only reported, because most containers do not need the module.
    async fn load(&self, module: &str) {
        if let Err(error) = service::modprobe(module).await {
            warn(self.log, format!("cannot load the kernel module {module}: {}", chain::chain(&error)));
        }
    }

    /// Restarts the engine. If it does not start, its previous configuration is restored.
    async fn restart(&self) -> Result<(), DockerError> {
        service::wait_for_live_restore().await?;
        match (restart().await, &self.fallback) {
            (Ok(()), _) => Ok(()),
            (Err(source), None) => Err(not_started(Action::Restart.to_string(), source).await),
            (Err(source), Some(fallback)) => Err(roll_back(fallback, source).await?),
        }
    }
}

/// Debian's unit refuses the fourth start within a minute (StartLimitBurst), which is meant for an engine
/// that crashes.
async fn restart() -> Result<(), ExecuteError> {
    // fails if there is nothing to reset
    let _ = systemctl("reset-failed", ENGINE).await;
    systemctl("restart", ENGINE).await
}

async fn roll_back(fallback: &DesiredFile, source: ExecuteError) -> Result<DockerError, DockerError> {
    // before the next start writes other lines
    let journal = Journal::of_engine().await;
    fallback.write()?;
    if let Err(source) = restart().await {
        return Err(not_started(format!("start {ENGINE} with its previous configuration"), source).await);
    }
    durable::remove(Path::new(UNFINISHED_MARK))?;
    Ok(DockerError::RolledBack { journal, source })
}

async fn not_started(action: String, source: ExecuteError) -> DockerError {
    DockerError::NotStarted { action: action.into(), journal: Journal::of_engine().await, source }
}
