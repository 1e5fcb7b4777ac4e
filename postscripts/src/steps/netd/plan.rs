//! Plans the changes for netd and its snapshot. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use inventory::snapshot::Relation;
use inventory::{NetName, Snapshot, Stamp};

use super::service::Units;
use super::{LINK, PROGRAM, SERVICE, SOCKET};
use crate::files::DesiredFile;

/// The desired state.
pub(super) struct Desired {
    /// SHA-256 of the program in the manifest.
    pub(super) program_digest: String,
    pub(super) units: Vec<DesiredFile>,
    pub(super) snapshot: Option<Snapshot>,
}

/// The observed state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) program_digest: Option<String>,
    pub(super) linked: bool,
    /// Unit files that differ.
    pub(super) changed_units: Vec<PathBuf>,
    pub(super) units: Units,
    /// Digest of the running program.
    pub(super) running: Option<String>,
    /// A killed run wrote units, so netd may run with the previous ones.
    pub(super) unfinished: bool,
    /// The active snapshot.
    pub(super) snapshot: Option<Stamp>,
    /// The snapshot's file is damaged.
    pub(super) is_broken: bool,
    /// The engine's networks; `None` if there is no engine yet.
    pub(super) networks: Option<BTreeSet<String>>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    InstallProgram,
    Link,
    WriteUnit(PathBuf),
    Reload,
    Enable,
    /// Reopen the socket after its unit has changed. systemd does that only while the service is stopped.
    ReopenSocket,
    Start(&'static str),
    Restart,
    LoadSnapshot(u64),
    CreateNetwork(NetName),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstallProgram => write!(f, "install {PROGRAM}"),
            Self::Link => write!(f, "link {LINK} to {PROGRAM}"),
            Self::WriteUnit(path) => write!(f, "write {}", path.display()),
            Self::Reload => f.write_str("reload systemd's units"),
            Self::Enable => write!(f, "enable {SOCKET} and {SERVICE}"),
            Self::ReopenSocket => write!(f, "restart {SOCKET}"),
            Self::Start(unit) => write!(f, "start {unit}"),
            Self::Restart => write!(f, "restart {SERVICE}"),
            Self::CreateNetwork(name) => write!(f, "create Docker network {name}"),
            Self::LoadSnapshot(version) => write!(f, "load snapshot {version}"),
        }
    }
}

/// Plans the actions. As at boot, the socket comes before the service; then the snapshot, which a running
/// netd loads; then the networks, for which dockerd asks netd.
pub(super) fn plan(desired: &Desired, observed: &Observed) -> Vec<Action> {
    let mut actions = Vec::new();
    let is_installed = observed.program_digest.as_ref() == Some(&desired.program_digest);
    if !is_installed {
        actions.push(Action::InstallProgram);
    }
    if !observed.linked {
        actions.push(Action::Link);
    }
    actions.extend(observed.changed_units.iter().cloned().map(Action::WriteUnit));
    actions.extend(start(desired, observed));
    actions.extend(desired.snapshot.as_ref().and_then(|snapshot| load(snapshot, observed)));
    actions.extend(missing_networks(desired, observed));
    actions
}

/// Restarts what was started before its file was written, by any run.
fn start(desired: &Desired, observed: &Observed) -> Vec<Action> {
    let mut actions = Vec::new();
    let Units { socket, service } = observed.units;
    let needs_reload = !observed.changed_units.is_empty() || socket.needs_reload || service.needs_reload;
    if needs_reload {
        actions.push(Action::Reload);
    }
    if !(socket.enabled && service.enabled) {
        actions.push(Action::Enable);
    }
    let is_old_socket = observed.unfinished
        || socket.needs_reload
        || observed.changed_units.iter().any(|path| path.ends_with(SOCKET));
    match socket.active {
        true if is_old_socket => actions.push(Action::ReopenSocket),
        true => {}
        false => actions.push(Action::Start(SOCKET)),
    }
    let digest = Some(&desired.program_digest);
    let is_old_program = observed.program_digest.as_ref() != digest || observed.running.as_ref() != digest;
    match service.active {
        true if is_old_program || needs_reload || observed.unfinished => actions.push(Action::Restart),
        true => {}
        false => actions.push(Action::Start(SERVICE)),
    }
    actions
}

fn missing_networks(desired: &Desired, observed: &Observed) -> Vec<Action> {
    let (Some(snapshot), Some(there)) = (&desired.snapshot, &observed.networks) else { return Vec::new() };
    let names = snapshot.networks.iter().map(|on| &on.network.name);
    names.filter(|name| !there.contains(name.as_str())).cloned().map(Action::CreateNetwork).collect()
}

/// Loads the snapshot, unless the host has a newer one: netd would refuse an older one.
pub(super) fn load(snapshot: &Snapshot, observed: &Observed) -> Option<Action> {
    let due = match observed.snapshot.as_ref().map(|there| snapshot.stamp().relation(there)) {
        None | Some(Relation::Newer) => true,
        Some(Relation::Equal) => observed.is_broken,
        Some(Relation::Older | Relation::Conflict | Relation::Foreign) => false,
    };
    due.then_some(Action::LoadSnapshot(snapshot.version))
}

/// Message for a host with the tables of another management node: only the administrator knows which are
/// right.
pub(super) fn foreign(desired: &Desired, observed: &Observed) -> Option<String> {
    let (ours, theirs) = (observed.snapshot.as_ref()?, desired.snapshot.as_ref()?);
    (theirs.stamp().relation(ours) == Relation::Foreign).then(|| {
        format!(
            "keeping the snapshot of management node {}; \"xdock sync {}\" replaces it",
            ours.maker(),
            theirs.host
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::service::Unit;
    use super::*;

    const RUNS: Unit = Unit { active: true, enabled: true, needs_reload: false, pid: None };

    fn snapshot(version: u64, host: &str) -> Snapshot {
        Snapshot::seal(host.parse().unwrap(), version, vec![], vec![])
    }

    fn desired(version: Option<u64>) -> Desired {
        Desired {
            program_digest: "ab".to_owned(),
            units: vec![],
            snapshot: version.map(|version| snapshot(version, "host1")),
        }
    }

    /// A host without differences.
    fn complete() -> Observed {
        Observed {
            program_digest: Some("ab".to_owned()),
            linked: true,
            changed_units: vec![],
            units: Units { socket: RUNS, service: Unit { pid: Some(7), ..RUNS } },
            running: Some("ab".to_owned()),
            unfinished: false,
            snapshot: Some(snapshot(7, "host1").stamp()),
            is_broken: false,
            networks: Some(BTreeSet::new()),
        }
    }

    fn texts(desired: &Desired, observed: &Observed) -> Vec<String> {
        plan(desired, observed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_bare_host_gets_everything_the_socket_before_the_service() {
        let units = [SOCKET, SERVICE].map(|unit| PathBuf::from("/etc/systemd/system").join(unit));
        let bare = Observed { changed_units: units.to_vec(), ..Observed::default() };
        let wanted = [
            "install /opt/xdock/bin/netd",
            "link /usr/local/bin/netd to /opt/xdock/bin/netd",
            "write /etc/systemd/system/netd.socket",
            "write /etc/systemd/system/netd.service",
            "reload systemd's units",
            "enable netd.socket and netd.service",
            "start netd.socket",
            "start netd.service",
            "load snapshot 7",
        ];
        assert_eq!(texts(&desired(Some(7)), &bare), wanted);
    }

    #[test]
    fn a_complete_host_gets_nothing() {
        assert_eq!(texts(&desired(Some(7)), &complete()), Vec::<String>::new());
        assert_eq!(texts(&desired(None), &complete()), Vec::<String>::new());
    }

    #[test]
    fn netd_restarts_only_for_a_new_program_or_unit() {
        let upgrade = Observed { program_digest: Some("cd".to_owned()), ..complete() };
        assert_eq!(
            texts(&desired(Some(7)), &upgrade),
            ["install /opt/xdock/bin/netd", "restart netd.service"]
        );
        let unit = PathBuf::from("/etc/systemd/system/netd.socket");
        let socket = Observed { changed_units: vec![unit], ..complete() };
        let wanted = [
            "write /etc/systemd/system/netd.socket",
            "reload systemd's units",
            "restart netd.socket",
            "restart netd.service",
        ];
        assert_eq!(texts(&desired(Some(7)), &socket), wanted);
    }

    #[test]
    fn what_a_killed_run_left_is_completed() {
        let texts = |observed| texts(&desired(Some(7)), &observed);
        // between the program and the restart
        let older = Observed { running: Some("cd".to_owned()), ..complete() };
        assert_eq!(texts(older), ["restart netd.service"]);
        // between a unit and the reload
        let units = |socket, service| Observed { units: Units { socket, service }, ..complete() };
        let needs_reload = Unit { needs_reload: true, ..RUNS };
        let reload = "reload systemd's units";
        assert_eq!(texts(units(RUNS, needs_reload)), [reload, "restart netd.service"]);
        let both = [reload, "restart netd.socket", "restart netd.service"];
        assert_eq!(texts(units(needs_reload, RUNS)), both);
        // after the reload
        let unfinished = Observed { unfinished: true, ..complete() };
        assert_eq!(texts(unfinished), ["restart netd.socket", "restart netd.service"]);
        // after netd was stopped for the socket
        let service = Unit { active: false, ..RUNS };
        let stopped = Observed { unfinished: true, running: None, ..units(RUNS, service) };
        assert_eq!(texts(stopped), ["restart netd.socket", "start netd.service"]);
    }

    #[test]
    fn an_older_snapshot_is_never_loaded() {
        let there = |stamp: &str| Observed { snapshot: stamp.parse().ok(), ..complete() };
        assert_eq!(texts(&desired(Some(7)), &there("6@sha256:other")), ["load snapshot 7"]);
        assert_eq!(texts(&desired(Some(7)), &there("8@sha256:other")), Vec::<String>::new());
    }

    #[test]
    fn the_snapshot_of_another_management_node_is_kept_and_reported() {
        let there = |stamp: &str| Observed { snapshot: stamp.parse().ok(), ..complete() };
        let theirs = there("6@sha256:other by mn2 77 0");
        assert_eq!(texts(&desired(Some(7)), &theirs), Vec::<String>::new());
        let kept = "keeping the snapshot of management node mn2; \"xdock sync host1\" replaces it";
        assert_eq!(foreign(&desired(Some(7)), &theirs).as_deref(), Some(kept));
        assert_eq!(foreign(&desired(Some(7)), &there("6@sha256:other")), None);
    }

    #[test]
    fn a_snapshot_whose_file_broke_is_loaded_again() {
        let broken = Observed { is_broken: true, ..complete() };
        assert_eq!(texts(&desired(Some(7)), &broken), ["load snapshot 7"]);
    }
}
