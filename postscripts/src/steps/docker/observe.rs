//! What shall be on this host, and what of it is not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::configuration::{self, Effect, Wishes};
use super::error::DockerError;
use super::kernel::{self, Setting};
use super::manager::Manager;
use super::packages::Choice;
use super::plan::{Change, Observed};
use super::{execute, installed, service};
use crate::files::Wanted;
use crate::render::{RenderError, Templates};
use crate::steps::Run;

const MODULES: &str = "etc/modules-load.d/xdock.conf";
const SETTINGS: &str = "etc/sysctl.d/60-xdock.conf";
/// Files of distributions whose words the engine's unit puts on its command line.
pub(super) const FLAGS: [&str; 2] = ["/etc/sysconfig/docker", "/etc/default/docker"];

/// What shall be.
pub(super) struct Desired {
    /// The host's package manager.
    pub(super) manager: Manager,
    /// Packages and units.
    pub(super) choice: Choice,
    /// The engine's configuration.
    pub(super) wishes: Wishes,
    /// Kernel modules.
    pub(super) modules: Vec<&'static str>,
    /// The registry's CA and where it lies.
    pub(super) certificate: Option<Wanted>,
}

/// What is, held against it.
pub(super) async fn observe(desired: &Desired, run: &Run) -> Result<Observed, DockerError> {
    let engine = service::program().is_some();
    let units = service::observe(&desired.choice.services).await;
    let pid = units.first().and_then(|unit| unit.pid);
    Ok(Observed {
        missing: missing(desired, engine, run).await,
        starts_itself: desired.manager == Manager::Apt,
        engine,
        files: files(desired, &run.templates)?,
        configuration: configuration(desired, run, pid)?,
        untold: execute::untold(),
        modules: kernel::observe_modules(&desired.modules),
        settings: kernel::too_small(),
        units: desired.choice.services.iter().copied().zip(units).collect(),
    })
}

/// An engine that another installed, such as Docker's own packages on Debian, stays: the distribution's would take it
/// away.
async fn missing(desired: &Desired, engine: bool, run: &Run) -> Vec<String> {
    let wanted = desired.choice.all();
    let found = installed::installed(desired.manager, &wanted).await;
    let of_engine = |name: &String| desired.choice.engine.contains(name);
    let another = engine && !desired.choice.engine.iter().any(|name| found.touched.contains(name));
    let keep = another && run.work.packages.is_none();
    if keep {
        run.log.note(
            "docker",
            format!("keeps the engine that is there, instead of {}", desired.choice.engine.join(" ")),
        );
    }
    let there = |name: &String| found.installed.contains(name) || keep && of_engine(name);
    wanted.into_iter().filter(|name| !there(name)).collect()
}

fn configuration(desired: &Desired, run: &Run, pid: Option<u32>) -> Result<Option<Change>, DockerError> {
    // a link leads to the file that its owner keeps
    let path = fs::canonicalize(configuration::PATH).unwrap_or_else(|_| PathBuf::from(configuration::PATH));
    let present = fs::read_to_string(&path).unwrap_or_default();
    let mode = fs::metadata(&path).map_or(0o644, |meta| meta.permissions().mode() & 0o777);
    let texts: Vec<String> = FLAGS
        .into_iter()
        .map(PathBuf::from)
        .chain(pid.map(|pid| PathBuf::from(format!("/proc/{pid}/cmdline"))))
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    let flags = configuration::given(texts.iter().map(String::as_str));
    let overrides = &run.work.engine.overrides;
    let merged = configuration::merged(&present, &desired.wishes, &run.templates, overrides, &flags)?;
    if merged.changed.contains("live-restore") && in_swarm(&present) {
        return Err(DockerError::Swarm);
    }
    if merged.changed.contains("data-root") {
        inhabited(&present, &merged.text)?;
    }
    let file = |text| Wanted { mode, ..Wanted::text(&path, text) };
    Ok((merged.effect != Effect::None).then(|| Change {
        file: file(merged.text),
        fallback: file(merged.fallback),
        effect: merged.effect,
        keys: merged.changed.into_iter().collect(),
    }))
}

/// dockerd's own mark of a member of a swarm (moby `daemon/cluster/cluster.go`, `stateFile`): it then refuses to start with
/// live-restore.
fn in_swarm(present: &str) -> bool {
    Path::new(&configuration::data_root(present)).join("swarm/docker-state.json").exists()
}

/// An engine whose data-root moves away knows nothing of its containers, which go on under nobody.
fn inhabited(present: &str, text: &str) -> Result<(), DockerError> {
    let (old, new) = (configuration::data_root(present), configuration::data_root(text));
    let containers = fs::read_dir(Path::new(&old).join("containers"));
    let has_some = containers.is_ok_and(|mut entries| entries.next().is_some());
    if old != new && has_some { Err(DockerError::Inhabited { old, new }) } else { Ok(()) }
}

fn files(desired: &Desired, templates: &Templates) -> Result<Vec<Wanted>, RenderError> {
    #[derive(Serialize)]
    struct Values<'a> {
        modules: &'a [&'static str],
        settings: Vec<Setting>,
    }
    let values = Values { modules: &desired.modules, settings: kernel::persisted() };
    let render = |name: &str| Ok(Wanted::text(Path::new("/").join(name), templates.render(name, &values)?));
    let mut files = vec![render(MODULES)?, render(SETTINGS)?];
    files.extend(desired.certificate.clone());
    files.retain(Wanted::differs);
    Ok(files)
}
