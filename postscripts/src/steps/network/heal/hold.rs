//! Why nothing is restored now, although something is missing.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use durable::FileError;
use inventory::IfName;
use process::Command;
use thiserror::Error;

use super::super::guard::StateDir;
use super::super::guard::state_dir::{Stage, StateDirError};
use super::super::host_state::HostPaths;
use super::super::manager::{Difference, Manager, Nics, ReadError, Tree};
use super::super::observe::Observed;
use super::super::resolved::ResolvedNetwork;
use super::super::saved::{self, SavedError};
use super::Object;

const DEADLINE: Duration = Duration::from_secs(5);
/// Interfaces that ifupdown considers up, `NAME=NAME`.
const IFSTATE: &str = "/run/network/ifstate";

/// A reason to restore nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hold {
    /// A change is in progress or is rolled back.
    Change,
    /// The first boot after a change; the network is on trial.
    FirstBoot,
    /// The host boots or shuts down.
    Booting,
    /// The manager's unit is in transition.
    Manager(&'static str),
    /// An administrator took the device down with `ifdown`.
    TakenDown(IfName),
    /// The files are not as they were when the network was confirmed.
    Files(Difference),
    /// No digests of the files: an earlier release confirmed the network.
    Unconfirmed,
}

impl Hold {
    /// Whether it ends without an administrator.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Change | Self::FirstBoot | Self::Booting | Self::Manager(_))
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const RUN: &str =
            "run the step network (updatenode HOST -P \"xdock network\") to confirm a network again";
        match self {
            Self::Change => f.write_str("a change of the network is in progress"),
            Self::FirstBoot => f.write_str("the network is on trial in its first boot"),
            Self::Booting => f.write_str("the host boots or shuts down"),
            Self::Manager(unit) => write!(f, "{unit} is being started or stopped"),
            Self::TakenDown(device) => {
                write!(f, "{device} was taken down with ifdown; \"ifup {device}\" brings it up")
            }
            Self::Files(difference) => write!(f, "{difference} since the network was confirmed; {RUN}"),
            Self::Unconfirmed => write!(f, "an earlier release confirmed the network; {RUN}"),
        }
    }
}

/// The reason cannot be determined.
#[derive(Debug, Error)]
pub(super) enum HoldError {
    #[error(transparent)]
    Place(#[from] StateDirError),
    #[error(transparent)]
    Saved(#[from] SavedError),
    #[error(transparent)]
    Files(#[from] ReadError),
    #[error(transparent)]
    State(#[from] FileError),
}

/// The change that is in progress, or on trial.
pub(super) fn by_change(state_dir: &StateDir) -> Result<Option<Hold>, HoldError> {
    if state_dir.change().exists() {
        return Ok(Some(Hold::Change));
    }
    let on_trial = state_dir.records()?.iter().any(|(_, stage)| matches!(stage, Stage::Booting { .. }));
    Ok(on_trial.then_some(Hold::FirstBoot))
}

/// The manager's files, or the difference from the confirmed ones.
pub(super) fn by_files(
    host: &HostPaths,
    network: &ResolvedNetwork,
    observed: &Observed,
) -> Result<Result<Tree, Hold>, HoldError> {
    let Some(confirmed) = saved::confirmed_files(&host.state)? else { return Ok(Err(Hold::Unconfirmed)) };
    let nics = Nics::observe(&host.root, &observed.links);
    let tree = Tree::read(&host.root, confirmed.manager(), &nics)?;
    let difference = confirmed.difference(&tree, network)?;
    Ok(difference.map_or(Ok(tree), |difference| Err(Hold::Files(difference))))
}

/// systemd or the manager works on the network.
pub(super) async fn by_services(manager: Manager, missing: &[Object]) -> Result<Option<Hold>, HoldError> {
    if matches!(show(None, "SystemState").await.as_deref(), Some("starting" | "initializing" | "stopping")) {
        return Ok(Some(Hold::Booting));
    }
    for unit in units(manager) {
        let state = show(Some(unit), "ActiveState").await;
        if matches!(state.as_deref(), Some("activating" | "deactivating" | "reloading")) {
            return Ok(Some(Hold::Manager(unit)));
        }
    }
    if manager == Manager::Ifupdown {
        let text = durable::read_text(Path::new(IFSTATE))?;
        return Ok(text.and_then(|text| taken_down(&text, missing)).map(Hold::TakenDown));
    }
    Ok(None)
}

/// The first device of a missing object that ifupdown took down.
fn taken_down(ifstate: &str, missing: &[Object]) -> Option<IfName> {
    let is_up = |device: &IfName| {
        let mut names = ifstate.lines().filter_map(|line| line.split('=').next());
        names.any(|name| name.trim() == device.as_str())
    };
    let devices = missing.iter().filter(|object| matches!(object, Object::Device(_) | Object::Up(_)));
    devices.map(Object::device).find(|device| !is_up(device)).cloned()
}

fn units(manager: Manager) -> &'static [&'static str] {
    match manager {
        Manager::Ifupdown => &["networking.service"],
        Manager::Networkd => &["systemd-networkd.service"],
        Manager::NetworkManager => &["NetworkManager.service"],
        Manager::Netplan => &["systemd-networkd.service", "NetworkManager.service"],
        Manager::Ifcfg => &["network.service"],
        Manager::Wicked => &["wicked.service"],
    }
}

/// A property of a unit, or of systemd itself. `None`: systemd does not answer.
async fn show(unit: Option<&str>, property: &str) -> Option<String> {
    let words = ["show", "--value", "--property", property];
    let shown = Command::new("systemctl", DEADLINE).args(words.into_iter().chain(unit)).execute().await;
    shown.ok().map(|output| output.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_device_that_ifupdown_took_down_is_its_own() {
        let device: IfName = "mynet0".parse().unwrap();
        let missing = [Object::Device(device.clone())];
        assert_eq!(taken_down("lo=lo\nmynet0=mynet0\n", &missing), None);
        assert_eq!(taken_down("lo=lo\n", &missing), Some(device.clone()));
        let address = [Object::Address(device, "10.99.0.11/16".parse().unwrap())];
        assert_eq!(taken_down("lo=lo\n", &address), None);
    }
}
