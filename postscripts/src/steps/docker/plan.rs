//! Plans the changes for the engine. Pure.

use std::fmt;

use hostnet::firewall;

use super::bridges::Bridges;
use super::configuration::Effect;
use super::kernel::{Module, ModuleState, Setting};
use super::packages::ENGINE;
use super::service::Unit;
use crate::files::DesiredFile;
use crate::steps::network::guard::state_dir::PROGRAM;

/// Its package, which has the same name on all distributions.
const IPTABLES: &str = "iptables";

/// Differences between the current and the desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    /// Missing packages.
    pub(super) missing: Vec<String>,
    /// Whether the host has its own copy of this program, which the engine's unit runs.
    pub(super) kept: bool,
    /// Whether the package manager starts the engine during the installation, as Debian's does.
    pub(super) starts_itself: bool,
    /// Whether an engine is installed.
    pub(super) engine: bool,
    /// Files that differ, without the engine's configuration.
    pub(super) files: Vec<DesiredFile>,
    /// Change of the engine's configuration, if it differs.
    pub(super) configuration: Option<Change>,
    /// What a killed run left for the running engine to do.
    pub(super) unfinished: Effect,
    /// Needed modules.
    pub(super) modules: Vec<Module>,
    /// Bridges of other programs.
    pub(super) bridges: Bridges,
    /// Kernel settings that are too small.
    pub(super) settings: Vec<Setting>,
    /// Units that must run.
    pub(super) units: Vec<(&'static str, Unit)>,
}

/// A change of the engine's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The file.
    pub(super) file: DesiredFile,
    /// The configuration to which a running engine is rolled back if it does not start.
    pub(super) fallback: DesiredFile,
    /// What a running engine must do.
    pub(super) effect: Effect,
    /// The changed keys.
    pub(super) keys: Vec<String>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Write a file of ours.
    Write(DesiredFile),
    /// Write a drop-in of ours.
    WriteUnit(DesiredFile),
    /// Install the host's own copy of this program.
    Keep,
    /// Add a rule for a bridge of another program.
    Pass(firewall::Step),
    /// Reload systemd's units. The rest is planned again afterwards.
    ReadUnits,
    /// Write the engine's configuration.
    Configure(Change),
    /// Load a module.
    Load(&'static str),
    /// Set a kernel setting.
    Set(Setting),
    /// Install packages. The rest is planned again afterwards.
    Install(Vec<String>),
    /// Reload the engine's configuration.
    Reload,
    /// Restart the engine. By then, live-restore keeps its containers running.
    Restart,
    /// Enable a unit.
    Enable(&'static str),
    /// Start a unit.
    Start(&'static str),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(file) | Self::WriteUnit(file) | Self::Configure(Change { file, .. }) => {
                write!(f, "write {}", file.path.display())
            }
            Self::Pass(step) => step.fmt(f),
            Self::Keep => write!(f, "install {PROGRAM}"),
            Self::ReadUnits => f.write_str("reload systemd's units"),
            Self::Load(module) => write!(f, "load the kernel module {module}"),
            Self::Set(setting) => write!(f, "set {} to {}", setting.name, setting.value),
            Self::Install(packages) => write!(f, "install {}", packages.join(" ")),
            Self::Reload => write!(f, "reload {ENGINE}"),
            Self::Restart => write!(f, "restart {ENGINE}; containers keep running"),
            Self::Enable(unit) => write!(f, "enable {unit}"),
            Self::Start(unit) => write!(f, "start {unit}"),
        }
    }
}

/// Plans the actions. The order matters: what the engine reads at its start comes before it.
pub(super) fn plan(observed: &Observed) -> Vec<Action> {
    let mut actions: Vec<Action> = if observed.kept { vec![] } else { vec![Action::Keep] };
    let (units, files): (Vec<&DesiredFile>, Vec<&DesiredFile>) =
        observed.files.iter().partition(|file| is_unit(file));
    actions.extend(files.into_iter().cloned().map(Action::Write));
    // systemd reads the units of new packages itself
    let is_new = observed.engine && !units.is_empty();
    actions.extend(units.into_iter().cloned().map(Action::WriteUnit));
    if is_new || observed.units.iter().any(|(_, unit)| unit.needs_reload) {
        actions.push(Action::ReadUnits);
    }
    let loadable = observed.modules.iter().filter(|module| module.state == ModuleState::Loadable);
    actions.extend(loadable.map(|module| Action::Load(module.name)));
    actions.extend(observed.settings.iter().copied().map(Action::Set));

    actions.extend(observed.bridges.rules.iter().cloned().map(Action::Pass));
    if observed.bridges.waits && !observed.engine && observed.missing.iter().any(|name| name == IPTABLES) {
        // the rules must exist before the engine starts; then everything is planned again
        actions.push(Action::Install(vec![IPTABLES.to_owned()]));
        return actions;
    }

    let install = (!observed.missing.is_empty()).then(|| Action::Install(observed.missing.clone()));
    let running = observed.units.iter().any(|(name, unit)| *name == ENGINE && unit.active);
    let configure = observed.configuration.clone().map(|change| {
        // a stopped engine reads it at its start
        Action::Configure(if running { change } else { Change { effect: Effect::None, ..change } })
    });
    // the package's command line is known after the installation (Fedora)
    if observed.starts_itself && !observed.engine {
        actions.extend(configure.into_iter().chain(install));
    } else {
        actions.extend(install.into_iter().chain(configure));
    }
    actions.extend(if running { engine_actions(observed) } else { vec![] });
    for (name, unit) in &observed.units {
        if unit.enabled == Some(false) {
            actions.push(Action::Enable(name));
        }
        if !unit.active {
            actions.push(Action::Start(name));
        }
    }
    actions
}

fn is_unit(file: &DesiredFile) -> bool {
    file.path.starts_with("/etc/systemd/system")
}

/// What a running engine must do. It reloads before it restarts, so that live-restore is in effect.
fn engine_actions(observed: &Observed) -> Vec<Action> {
    let effect = observed.configuration.as_ref().map_or(Effect::None, |change| change.effect);
    match effect.max(observed.unfinished) {
        Effect::None => vec![],
        Effect::Reload => vec![Action::Reload],
        Effect::Restart => vec![Action::Reload, Action::Restart],
    }
}

/// Summary of the actions; `version` of the engine, `fresh`: it was not installed before; `from`: source of
/// the packages.
pub(super) fn summary(done: &[Action], version: &str, fresh: bool, from: Option<&str>) -> String {
    let has = |wanted: &Action| done.contains(wanted);
    let packages = done.iter().find_map(|action| match action {
        Action::Install(packages) => Some(packages),
        _ => None,
    });
    let keys = done.iter().find_map(|action| match action {
        Action::Configure(change) => Some(format!(" ({})", change.keys.join(", "))),
        _ => None,
    });
    let (keys, from) = (keys.unwrap_or_default(), from.unwrap_or_default());
    let mut texts = Vec::new();
    match packages {
        Some(_) if fresh => return format!("installed docker {version} ({from})"),
        Some(packages) => texts.push(format!("installed {} ({from})", packages.join(" "))),
        None => {}
    }
    if has(&Action::Restart) {
        texts.push(format!(
            "restarted docker {version} with its new configuration{keys}; containers kept running"
        ));
    } else if has(&Action::Reload) {
        texts.push(format!("docker {version} reloaded its new configuration{keys}"));
    } else if has(&Action::Start(ENGINE)) {
        texts.push(format!("started docker {version}"));
    }
    if texts.is_empty() {
        let all: Vec<String> = done.iter().map(ToString::to_string).collect();
        return format!("repaired: {}", all.join(", "));
    }
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(observed: &Observed) -> Vec<String> {
        plan(observed).iter().map(ToString::to_string).collect()
    }

    fn change(effect: Effect) -> Change {
        let file = DesiredFile::text("/etc/docker/daemon.json", "{}");
        Change { fallback: file.clone(), file, effect, keys: vec!["bip".to_owned()] }
    }

    fn bare() -> Observed {
        Observed {
            missing: vec!["docker.io".to_owned(), "iptables".to_owned()],
            starts_itself: true,
            kept: true,
            engine: false,
            files: vec![DesiredFile::text("/etc/modules-load.d/xdock.conf", "")],
            configuration: Some(change(Effect::Restart)),
            unfinished: Effect::None,
            modules: vec![
                Module { name: "overlay", state: ModuleState::Here },
                Module { name: "8021q", state: ModuleState::Loadable },
                Module { name: "bonding", state: ModuleState::Missing },
            ],
            bridges: Bridges::default(),
            settings: vec![Setting { name: "net.x", value: 7 }],
            units: vec![(ENGINE, Unit::default())],
        }
    }

    /// The state afterwards.
    fn whole() -> Observed {
        let unit = Unit { active: true, enabled: Some(true), needs_reload: false };
        let units = vec![(ENGINE, unit)];
        let (missing, files, settings) = (vec![], vec![], vec![]);
        let modules = vec![];
        Observed { missing, files, settings, modules, units, engine: true, configuration: None, ..bare() }
    }

    #[test]
    fn the_first_start_has_its_configuration() {
        let wanted = [
            "write /etc/modules-load.d/xdock.conf",
            "load the kernel module 8021q",
            "set net.x to 7",
            "write /etc/docker/daemon.json",
            "install docker.io iptables",
            "start docker.service",
        ];
        assert_eq!(texts(&bare()), wanted);
        let disabled = (ENGINE, Unit { enabled: Some(false), ..Unit::default() });
        let rpm = Observed { starts_itself: false, units: vec![disabled], ..bare() };
        let end = [
            "install docker.io iptables",
            "write /etc/docker/daemon.json",
            "enable docker.service",
            "start docker.service",
        ];
        assert_eq!(texts(&rpm)[3..], end);
    }

    #[test]
    fn a_running_engine_reloads_only_after_a_change() {
        assert_eq!(texts(&whole()), Vec::<String>::new());
        let changed = |effect| texts(&Observed { configuration: Some(change(effect)), ..whole() });
        let write = "write /etc/docker/daemon.json";
        assert_eq!(changed(Effect::Reload), [write, "reload docker.service"]);
        let restart = "restart docker.service; containers keep running";
        assert_eq!(changed(Effect::Restart), [write, "reload docker.service", restart]);
        let killed = Observed { unfinished: Effect::Restart, ..whole() };
        assert_eq!(texts(&killed), ["reload docker.service", restart]);
        let stopped =
            Observed { unfinished: Effect::Restart, units: vec![(ENGINE, Unit::default())], ..whole() };
        assert_eq!(texts(&stopped), ["start docker.service"]);
    }

    #[test]
    fn foreign_bridges_have_their_rule_before_the_engine_starts() {
        let waits = Bridges { waits: true, ..Bridges::default() };
        let last = |observed: &Observed| texts(observed).pop().unwrap();
        assert_eq!(last(&Observed { bridges: waits.clone(), ..bare() }), "install iptables");
        let rule = firewall::Rule {
            family: firewall::Family::V4,
            bridge: "br7".parse().unwrap(),
            tag: "xdock".to_owned(),
        };
        let rules = vec![firewall::Step::Insert(rule)];
        let known = Observed { bridges: Bridges { rules, ..Bridges::default() }, ..bare() };
        let texts = texts(&known);
        let at = |text: &str| texts.iter().position(|known| known == text).unwrap();
        let pass = at("insert the iptables rule \"xdock\" that lets bridge br7 forward");
        assert!(pass < at("install docker.io iptables"), "{texts:?}");
        // without a package for iptables, it comes with the engine
        let none = Observed { bridges: waits, missing: vec!["docker".to_owned()], ..bare() };
        assert_eq!(last(&none), "start docker.service");
    }

    #[test]
    fn a_drop_in_is_read_before_the_engine_is_changed() {
        let drop_in = DesiredFile::text("/etc/systemd/system/docker.service.d/x.conf", "");
        let file = DesiredFile::text("/etc/modules-load.d/xdock.conf", "");
        let new = Observed {
            files: vec![drop_in, file],
            kept: false,
            configuration: Some(change(Effect::Reload)),
            ..whole()
        };
        let wanted = [
            "install /opt/xdock/bin/xdockhost",
            "write /etc/modules-load.d/xdock.conf",
            "write /etc/systemd/system/docker.service.d/x.conf",
            "reload systemd's units",
            "write /etc/docker/daemon.json",
            "reload docker.service",
        ];
        assert_eq!(texts(&new), wanted);
        // a killed run, or an administrator who forgot daemon-reload
        let needs_reload = Unit { active: true, enabled: Some(true), needs_reload: true };
        let forgotten = Observed { units: vec![(ENGINE, needs_reload)], ..whole() };
        assert_eq!(texts(&forgotten), ["reload systemd's units"]);
    }

    #[test]
    fn the_summary_names_what_an_administrator_looks_for() {
        let from = Some("packages of http://10.99.0.1:80/x");
        let install = Action::Install(vec!["docker.io".to_owned(), "tini".to_owned()]);
        let first = [install.clone(), Action::Start(ENGINE)];
        let installed = "installed docker 27.5.1 (packages of http://10.99.0.1:80/x)";
        assert_eq!(super::summary(&first, "27.5.1", true, from), installed);
        let summary = |done: &[Action]| super::summary(done, "27.5.1", false, from);
        let configure = Action::Configure(change(Effect::Restart));
        let restarted = "restarted docker 27.5.1 with its new configuration (bip); containers kept running";
        assert_eq!(summary(&[configure.clone(), Action::Reload, Action::Restart]), restarted);
        let both = format!("installed docker.io tini (packages of http://10.99.0.1:80/x); {restarted}");
        assert_eq!(summary(&[install, configure.clone(), Action::Reload, Action::Restart]), both);
        assert_eq!(
            summary(&[configure, Action::Reload]),
            "docker 27.5.1 reloaded its new configuration (bip)"
        );
        assert_eq!(summary(&[Action::Start(ENGINE)]), "started docker 27.5.1");
        assert_eq!(summary(&[Action::Load("veth")]), "repaired: load the kernel module veth");
    }
}
