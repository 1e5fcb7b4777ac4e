//! Bridges of earlier runs whose NIC is used by another bridge of the tables. The new bridge has the same
//! name and another type (Linux, Open vSwitch), or another name. Pure.
//!
//! ```text
//! dismantle.rs  steps that dismantle the bridge, and the network after them
//! check.rs      why a bridge cannot be replaced
//! ```
//!
//! The NIC takes over addresses and routes and is detached. From there the plan is that of a host with a bare
//! NIC, in the same guarded change. A bridge of the same name is removed first, because the new one needs the
//! name. A bridge of another name stays without its NIC: netd moves its containers to the new bridge, then
//! `removal.rs` removes it with all devices that are no longer in the tables.

mod check;
mod dismantle;

use inventory::{DeviceKind, DevicePlan, HostPlan, IfName, Port, Snapshot};

pub use self::check::ReplaceError;
use super::manager::Manager;
use super::observe::{Observed, is_container_port};
use super::plan::{DaemonStep, Step};
use super::resolved::{Device, Kind, ResolvedNetwork};

/// The state from which the plan starts, after replaced bridges were dismantled.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// The steps that dismantle them.
    pub steps: Vec<Step>,
    /// The last steps of the change, with which a rollback begins.
    pub last: Vec<Step>,
    /// The network after these steps.
    pub observed: Observed,
    /// Previous and new name of each.
    pub names: Vec<(IfName, IfName)>,
}

/// A bridge that is replaced.
struct Replacement<'a> {
    old: &'a Device,
    nic: &'a IfName,
    new: &'a DevicePlan,
}

/// Dismantles the bridges of `created` whose NIC or name is used by another bridge of the tables.
///
/// # Errors
/// A bridge has a user that would lose its network.
pub fn replaced(
    created: &ResolvedNetwork,
    plan: &HostPlan,
    observed: &Observed,
    snapshot: Option<&Snapshot>,
) -> Result<Replaced, ReplaceError> {
    let mut done =
        Replaced { steps: Vec::new(), last: Vec::new(), observed: observed.clone(), names: Vec::new() };
    for old in &created.devices {
        if let Some(replacement) = Replacement::of(old, plan, &done.observed) {
            replacement.check(&done.observed, plan, snapshot)?;
            let (steps, observed) = replacement.dismantle(&done.observed);
            done.steps.extend(steps);
            done.last.extend(replacement.rollback_isolation(&done.observed));
            done.observed = observed;
            done.names.push((old.name.clone(), replacement.new.name.clone()));
        }
    }
    Ok(done)
}

impl Replaced {
    /// The whole change; `plan` starts from the network after dismantling. The manager whose files still have
    /// the old bridge is stopped.
    pub fn change(self, plan: Vec<Step>, manager: Manager) -> Vec<Step> {
        let stop = (!self.names.is_empty() && manager.has_daemon())
            .then_some(Step::Daemon(DaemonStep::StopManager(manager)));
        stop.into_iter().chain(self.steps).chain(plan).chain(self.last).collect()
    }
}

impl<'a> Replacement<'a> {
    fn of(old: &'a Device, plan: &'a HostPlan, observed: &Observed) -> Option<Self> {
        let (Kind::Bridge { port: nic } | Kind::OvsBridge { port: nic, .. }) = &old.kind else { return None };
        if !exists(old, observed) {
            return None;
        }
        let new = match plan.device(&old.name) {
            Some(same) => Some(same).filter(|same| same.port().is_some() && !same_kind(old, same)),
            None if has_nic(old, nic, observed) => {
                plan.bridges().find(|new| takes(plan, new, nic, old, observed))
            }
            None => None,
        };
        new.map(|new| Self { old, nic, new })
    }

    fn same_name(&self) -> bool {
        self.old.name == self.new.name
    }

    /// The ports of containers on the old bridge.
    fn containers(&self, observed: &Observed) -> Vec<IfName> {
        ports(self.old, observed).into_iter().filter(is_container_port).collect()
    }
}

fn same_kind(old: &Device, new: &DevicePlan) -> bool {
    matches!(
        (&old.kind, &new.kind),
        (Kind::Bridge { .. }, DeviceKind::Bridge { .. })
            | (Kind::OvsBridge { .. }, DeviceKind::OvsBridge { .. })
    )
}

/// Whether it exists as an earlier run created it.
fn exists(old: &Device, observed: &Observed) -> bool {
    match (&old.kind, observed.link(&old.name)) {
        (Kind::Bridge { .. }, Some(link)) => link.kind == hostnet::Kind::Bridge,
        (Kind::OvsBridge { .. }, Some(_)) => observed.ovs(&old.name).is_some(),
        _ => false,
    }
}

fn has_nic(old: &Device, nic: &IfName, observed: &Observed) -> bool {
    ports(old, observed).contains(nic)
}

/// All ports of a bridge of either type, without its internal port.
fn ports(of: &Device, observed: &Observed) -> Vec<IfName> {
    let in_kernel = observed.link(&of.name).into_iter().flat_map(|link| observed.ports(link));
    let in_switch = observed.ovs(&of.name).into_iter().flat_map(|bridge| &bridge.ports);
    let all = in_kernel.map(|port| &port.name).chain(in_switch).filter(|port| **port != of.name);
    all.cloned().collect()
}

/// Whether the new bridge uses the NIC of the old one.
fn takes(plan: &HostPlan, new: &DevicePlan, nic: &IfName, old: &Device, observed: &Observed) -> bool {
    match new.port() {
        Some(Port::Carrying(address)) => {
            observed.link_with_address(*address).is_some_and(|link| link.name == old.name)
        }
        _ => stands_on(plan, new, nic),
    }
}

fn stands_on(plan: &HostPlan, upper: &DevicePlan, lower: &IfName) -> bool {
    // a VLAN device is not a master of its parent
    let takes = !matches!(upper.kind, DeviceKind::Vlan { .. });
    upper.below().into_iter().any(|below| {
        (takes && below == lower) || plan.device(below).is_some_and(|below| stands_on(plan, below, lower))
    })
}
