//! The steps that restore what is missing of the confirmed network. Pure.

use std::collections::BTreeSet;

use inventory::IfName;

use super::super::observe::Observed;
use super::super::plan::{KernelStep, Step, SwitchStep, plan as steps_to};
use super::super::resolved::{Device, Kind, ResolvedNetwork};
use super::{LastGood, Object};

/// What is missing, and the steps that restore it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    /// Objects that the steps restore.
    pub objects: Vec<Object>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Missing objects that are left alone, because of fights.
    pub left_alone: Vec<Object>,
    /// NICs that do not exist. Their devices wait for them.
    pub absent: Vec<IfName>,
    /// Open vSwitch does not run, and its bridges wait for it.
    pub lacks_switch: bool,
}

/// Compares the saved network with the observed one. Only what is missing is a reason for a repair: addresses, ports and
/// routes that others added stay. `paused` objects are left alone.
pub fn plan(saved: &ResolvedNetwork, observed: &Observed, last_good: &LastGood, paused: &[Object]) -> Repair {
    let complete = last_good.complete(saved.clone());
    let mut repair = Repair::default();
    for devices in complete.components() {
        let component = ResolvedNetwork { devices: devices.into_iter().cloned().collect() };
        if component.has_ovs() && observed.switch.is_none() {
            repair.lacks_switch = true;
            continue;
        }
        let absent = absent_nics(&component, observed);
        if !absent.is_empty() {
            repair.absent.extend(absent);
            continue;
        }
        let steps = steps_to(&component, observed).into_iter().map(|step| last_good.with_metric(step));
        repair.add(&component, steps.collect(), paused);
    }
    repair
}

/// NICs without which no device above can work. A bond works without one of its NICs.
fn absent_nics(component: &ResolvedNetwork, observed: &Observed) -> Vec<IfName> {
    let is_bonds = |nic: &Device| {
        component.master_of(&nic.name).is_some_and(|master| matches!(master.kind, Kind::Bond { .. }))
    };
    let nics = component.devices.iter().filter(|device| device.kind == Kind::Ethernet && !is_bonds(device));
    nics.map(|nic| nic.name.clone()).filter(|name| observed.link(name).is_none()).collect()
}

impl Repair {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.left_alone.is_empty()
    }

    fn add(&mut self, component: &ResolvedNetwork, steps: Vec<Step>, paused: &[Object]) {
        let steps: Vec<Step> = steps.into_iter().filter(|step| !removes_others(step, component)).collect();
        let missing = missing(&steps, component);
        let (left, objects): (Vec<Object>, Vec<Object>) =
            missing.into_iter().partition(|object| paused.contains(object));
        let whole = left.iter().any(|object| !object.is_optional());
        if whole || objects.is_empty() {
            // without a device, port or address, the other steps could take away what the host is reached by
            self.left_alone.extend(left.into_iter().chain(objects));
            return;
        }
        let is_left = |step: &Step| Object::of(step, component).is_some_and(|object| left.contains(&object));
        // addresses of others move with their NIC, and only then
        let moves = objects.iter().any(|object| matches!(object, Object::Device(_) | Object::Port { .. }));
        let stays = |step: &Step| !moves && is_address_of_others(step, component);
        self.steps.extend(steps.into_iter().filter(|step| !is_left(step) && !stays(step)));
        self.left_alone.extend(left);
        self.objects.extend(objects);
    }
}

/// Whether it takes a port out that is not in the saved network: an administrator may have added it.
fn removes_others(step: &Step, component: &ResolvedNetwork) -> bool {
    match step {
        Step::Kernel(KernelStep::DetachPort { port, .. })
        | Step::Switch(SwitchStep::RemovePort { port, .. }) => component.device(port).is_none(),
        _ => false,
    }
}

fn is_address_of_others(step: &Step, component: &ResolvedNetwork) -> bool {
    match step {
        Step::Kernel(KernelStep::AddAddress(_, address) | KernelStep::DelAddress(_, address)) => {
            !component.devices.iter().any(|device| device.has(address.addr()))
        }
        _ => false,
    }
}

/// What the steps restore. A missing device is one object: its addresses, routes and ports are missing with it.
fn missing(steps: &[Step], component: &ResolvedNetwork) -> Vec<Object> {
    let all: BTreeSet<Object> = steps.iter().filter_map(|step| Object::of(step, component)).collect();
    let devices: Vec<IfName> = all.iter().filter_map(new_device).cloned().collect();
    let with_device = |object: &Object| new_device(object).is_none() && devices.contains(object.device());
    let up_again = |object: &Object| match object {
        // a device that is set up gets back what it lost when it was set down
        Object::Address(device, _) | Object::Route(device, _) => all.contains(&Object::Up(device.clone())),
        _ => false,
    };
    all.iter().filter(|object| !with_device(object) && !up_again(object)).cloned().collect()
}

fn new_device(object: &Object) -> Option<&IfName> {
    match object {
        Object::Device(device) => Some(device),
        _ => None,
    }
}
