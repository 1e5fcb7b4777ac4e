//! The desired state of this host, and what differs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use durable::FileError;
use inventory::Nics;
use serde::Serialize;

use super::configuration::{self, Effect, Settings};
use super::error::DockerError;
use super::kernel::{self, Setting};
use super::manager::Manager;
use super::packages::Choice;
use super::plan::{Change, Observed};
use super::roots::{self, Running};
use super::service::Unit;
use super::{bridges, execute, installed, service};
use crate::files::{DesiredFile, changed};
use crate::log::stamp;
use crate::render::Templates;
use crate::steps::Run;
use crate::steps::network::guard::state_dir::PROGRAM;

const MODULES: &str = "etc/modules-load.d/xdock.conf";
const SETTINGS: &str = "etc/sysctl.d/60-xdock.conf";
/// Drop-in that stops containers with the host.
const SHUTDOWN: &str = "etc/systemd/system/docker.service.d/00-xdock-shutdown.conf";

/// The desired state.
pub(super) struct Desired {
    /// The host's package manager.
    pub(super) manager: Manager,
    /// Packages and units.
    pub(super) choice: Choice,
    /// The engine's configuration.
    pub(super) settings: Settings,
    /// The tables' NICs.
    pub(super) nics: Nics,
    /// Kernel modules.
    pub(super) modules: Vec<&'static str>,
    /// The registry's CA, with its path.
    pub(super) certificate: Option<DesiredFile>,
}

/// Compares the current with the desired state.
pub(super) async fn observe(desired: &Desired, run: &Run) -> Result<Observed, DockerError> {
    let engine = service::program().is_some();
    let units = service::observe(&desired.choice.services).await;
    let unfinished = execute::unfinished()?;
    let bridges = bridges::observe(&desired.nics, engine).await?;
    Ok(Observed {
        missing: missing(desired, engine, run).await?,
        kept: durable::exists(Path::new(PROGRAM))?,
        starts_itself: desired.manager == Manager::Apt,
        engine,
        files: files(desired, &run.templates)?.into_iter().chain(bridges.file.clone()).collect(),
        bridges,
        configuration: configuration(desired, run, units.first(), unfinished).await?,
        unfinished,
        modules: kernel::observe_modules(&desired.modules),
        settings: kernel::too_small(),
        units: desired.choice.services.iter().copied().zip(units).collect(),
    })
}

/// The missing packages. An engine from another source, such as Docker's own packages on Debian, is kept: the
/// distribution's package would remove it.
async fn missing(desired: &Desired, engine: bool, run: &Run) -> Result<Vec<String>, DockerError> {
    let wanted = desired.choice.all();
    let found = installed::installed(desired.manager, &wanted).await?;
    let of_engine = |name: &String| desired.choice.engine.contains(name);
    let another = engine && !desired.choice.engine.iter().any(|name| found.touched.contains(name));
    let keep = another && run.options.packages.is_none();
    if keep {
        run.log.note(
            "docker",
            format!("keeping the installed engine instead of {}", desired.choice.engine.join(" ")),
        );
    }
    let there = |name: &String| found.installed.contains(name) || keep && of_engine(name);
    Ok(wanted.into_iter().filter(|name| !there(name)).collect())
}

async fn configuration(
    desired: &Desired,
    run: &Run,
    engine: Option<&Unit>,
    unfinished: Effect,
) -> Result<Option<Change>, DockerError> {
    let found = File::read(Path::new(configuration::PATH))?;
    let flags = service::flags().await?;
    let overrides = &run.options.engine.overrides;
    let merged = configuration::merged(&found.text, &desired.settings, &run.templates, overrides, &flags)?;
    let starts = merged.effect.max(unfinished) == Effect::Restart || engine.is_some_and(|unit| !unit.active);
    if starts {
        configuration::refuse_duplicates(&merged.text, &flags)?;
    }
    if merged.effect.max(unfinished) == Effect::Restart {
        let running = match engine.is_some_and(|unit| unit.active) {
            true => Some(service::roots().await.map_err(DockerError::Silent)?),
            false => None,
        };
        if merged.changed.contains("live-restore") && in_swarm(&found.text, running.as_ref())? {
            return Err(DockerError::Swarm);
        }
        let gives_up = overrides.iter().any(|word| word == roots::ABANDON);
        if !gives_up {
            roots::refuse_move(&found.text, &merged.text, running.as_ref(), &flags)?;
        }
    }
    Ok((merged.effect != Effect::None).then(|| Change {
        file: DesiredFile { backup: found.backup(), ..found.with(merged.text) },
        fallback: found.with(merged.fallback),
        effect: merged.effect,
        keys: merged.changed.into_iter().collect(),
    }))
}

/// The current engine configuration, a file of the administrator.
struct File {
    path: PathBuf,
    text: String,
    mode: u32,
    is_there: bool,
}

impl File {
    fn read(path: &Path) -> Result<Self, FileError> {
        let Some(text) = durable::read_text(path)? else {
            return Ok(Self { path: path.to_owned(), text: String::new(), mode: 0o644, is_there: false });
        };
        // a link leads to the file that its owner maintains
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { mode: durable::mode(path)? & 0o777, path: target, text, is_there: true })
    }

    fn with(&self, text: String) -> DesiredFile {
        DesiredFile { mode: self.mode, ..DesiredFile::text(&self.path, text) }
    }

    /// Backup path, beside the file: dockerd reads no other file in the directory.
    fn backup(&self) -> Option<PathBuf> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{name}.xdock-{}", stamp(SystemTime::now()));
        self.is_there.then(|| self.path.with_file_name(name))
    }
}

/// Whether the engine is a member of a swarm (moby `daemon/cluster/cluster.go`, `stateFile`): then it refuses
/// to start with live-restore.
fn in_swarm(present: &str, running: Option<&Running>) -> Result<bool, DockerError> {
    let root = running.map_or_else(|| configuration::data_root(present), |running| running.root.clone());
    Ok(durable::read(&root.join("swarm/docker-state.json"))?.is_some())
}

fn files(desired: &Desired, templates: &Templates) -> Result<Vec<DesiredFile>, DockerError> {
    #[derive(Serialize)]
    struct Values<'a> {
        modules: &'a [&'static str],
        settings: Vec<Setting>,
    }
    let values = Values { modules: &desired.modules, settings: kernel::persisted() };
    let render = |name: &str| {
        Ok::<_, DockerError>(DesiredFile::text(Path::new("/").join(name), templates.render(name, &values)?))
    };
    let mut files = vec![render(MODULES)?, render(SETTINGS)?, render(SHUTDOWN)?];
    files.extend(desired.certificate.clone());
    Ok(changed(files)?)
}
