//! Bridges of earlier runs whose NIC goes to another bridge of the tables: the same name as a bridge of the other kind (Linux,
//! Open vSwitch), or another name. Pure.
//!
//! ```text
//! apart.rs    the steps that take such a bridge apart, and the machine afterwards
//! refuse.rs   why it can not be taken apart
//! ```
//!
//! Its NIC takes over the addresses and routes and leaves it. What follows is the plan of a host with a bare NIC, in the
//! same guarded change. A bridge of the same name is removed first, because the new one needs the name. One of another name stays
//! without its NIC: netd moves its containers to the new bridge, then it is removed with all that left the tables (`left.rs`).

mod check;
mod dismantle;

use inventory::{DeviceKind, DevicePlan, HostPlan, IfName, Port, Snapshot};

pub use self::check::ReplaceError;
use super::manager::Manager;
use super::observe::{Observed, is_container_port};
use super::plan::{DaemonStep, Step};
use super::resolved::{Device, Kind, ResolvedNetwork};

/// What the machine is planned from: bridges that are replaced are taken apart.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// What takes them apart.
    pub steps: Vec<Step>,
    /// What comes last in the change: the way back begins with it.
    pub last: Vec<Step>,
    /// The machine after these steps.
    pub observed: Observed,
    /// Old and new name of each.
    pub names: Vec<(IfName, IfName)>,
}

/// A bridge that is replaced.
struct Replacement<'a> {
    old: &'a Device,
    nic: &'a IfName,
    new: &'a DevicePlan,
}

/// Takes the bridges of `made` apart whose NIC or name another bridge of the tables gets.
///
/// # Errors
/// Somebody would lose his network.
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
    /// The whole change; `plan`: that of the machine afterwards. The manager whose files still have the old bridge stands still
    /// meanwhile.
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

/// Whether it is there as an earlier run made it.
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

/// All ports of a bridge of either kind but its own.
fn ports(of: &Device, observed: &Observed) -> Vec<IfName> {
    let in_kernel = observed.link(&of.name).into_iter().flat_map(|link| observed.ports(link));
    let in_switch = observed.ovs(&of.name).into_iter().flat_map(|bridge| &bridge.ports);
    let all = in_kernel.map(|port| &port.name).chain(in_switch).filter(|port| **port != of.name);
    all.cloned().collect()
}

/// Whether the NIC of the old bridge is what the new one stands on.
fn takes(plan: &HostPlan, new: &DevicePlan, nic: &IfName, old: &Device, observed: &Observed) -> bool {
    match new.port() {
        Some(Port::Carrying(address)) => {
            observed.link_with_address(*address).is_some_and(|link| link.name == old.name)
        }
        _ => stands_on(plan, new, nic),
    }
}

fn stands_on(plan: &HostPlan, upper: &DevicePlan, lower: &IfName) -> bool {
    // a VLAN leaves its parent where it is
    let takes = !matches!(upper.kind, DeviceKind::Vlan { .. });
    upper.below().into_iter().any(|below| {
        (takes && below == lower) || plan.device(below).is_some_and(|below| stands_on(plan, below, lower))
    })
}
