//! Ports of bonds and bridges.

use hostnet::{Kind as Is, Link};
use inventory::IfName;

use super::{Component, KernelStep, Step};
use crate::steps::network::observe::is_container_port;
use crate::steps::network::resolved::{Device, Kind};

impl Component<'_> {
    /// Attaches a new bond or VLAN device to its bridge at once, because it is unused. Not if the bridge
    /// still has another uplink: two would form a loop.
    pub(super) fn early_port(&self, bridge: &Device, port: &IfName) -> Option<Step> {
        let is_new = self.observed.link(port).is_none();
        let alone = self.stale_ports(bridge).is_empty();
        (is_new && alone)
            .then(|| Step::Kernel(KernelStep::AttachPort { port: port.clone(), bridge: bridge.name.clone() }))
    }

    /// Detaches ports that no longer belong to a bond, which sets them down. The bond's other ports stay in
    /// use.
    pub(super) fn leave_bonds(&self) -> Vec<Step> {
        let bonds = self.devices.iter().filter(|device| matches!(device.kind, Kind::Bond { .. }));
        bonds.flat_map(|bond| self.releases(bond)).collect()
    }

    /// Whether a port must be detached from a bond of ours.
    pub(super) fn leaves_bond(&self, port: &Link) -> bool {
        self.network.devices.iter().any(|device| {
            matches!(&device.kind, Kind::Bond { ports, .. } if !ports.contains(&port.name))
                && self.observed.is_port(&port.name, &device.name)
        })
    }

    fn releases(&self, device: &Device) -> Vec<Step> {
        let stale = self.stale_ports(device).into_iter();
        stale
            .map(|port| {
                Step::Kernel(KernelStep::DetachPort { port: port.name.clone(), bridge: device.name.clone() })
            })
            .collect()
    }

    /// Ports in use. First all are detached from their former bridge, then attached to the new one, lower
    /// devices first.
    pub(super) fn late_ports(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut settle: Vec<Step> = Vec::new();
        for bridge in self.devices.iter().filter(|device| matches!(device.kind, Kind::Bridge { .. })) {
            steps.extend(self.releases(bridge));
        }
        for device in self.devices {
            let entering = match &device.kind {
                Kind::Bond { ports, .. } => {
                    let busy = ports.iter().filter(|port| !self.is_idle(port));
                    busy.flat_map(|port| self.busy_enter_bond(device, port)).collect()
                }
                Kind::Bridge { port } => self.enter_bridge(device, port),
                Kind::Ethernet | Kind::Vlan { .. } | Kind::OvsBridge { .. } => Vec::new(),
            };
            for step in entering {
                let settled = match &step {
                    Step::Kernel(KernelStep::AttachPort { port, .. }) => self.wait_operational(port),
                    _ => None,
                };
                steps.push(step);
                settle.extend(settled.filter(|step| !settle.contains(step)));
            }
        }
        steps.extend(settle);
        steps
    }

    /// Removes the addresses first: an IPv6 address would be lost when the NIC is set down, and a port cannot
    /// get it back.
    fn busy_enter_bond(&self, bond: &Device, port: &IfName) -> Vec<Step> {
        if self.observed.is_port(port, &bond.name) {
            return self.up(port).into_iter().collect();
        }
        let mut steps = self.remove_addresses(port);
        steps.extend(self.enter_bond(&bond.name, port));
        steps
    }

    fn enter_bridge(&self, bridge: &Device, port: &IfName) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let is_nic = self.network.device(port).is_none_or(|device| device.kind == Kind::Ethernet);
        steps.extend(self.up(port).filter(|_| is_nic));
        let there = self.observed.is_port(port, &bridge.name) || self.early_port(bridge, port).is_some();
        if !there {
            steps.push(Step::Kernel(KernelStep::AttachPort {
                port: port.clone(),
                bridge: bridge.name.clone(),
            }));
        }
        steps
    }

    /// Only for a NIC that carries traffic: one that was down or has no cable may need seconds, and nothing
    /// is lost. The internal port of an Open vSwitch bridge never reports that it is operational.
    fn wait_operational(&self, port: &IfName) -> Option<Step> {
        let top = self.network.top_of(port);
        let live = self.observed.link(port).is_some_and(|link| link.up && link.running);
        let is_ovs = self.network.device(top).is_some_and(|top| matches!(top.kind, Kind::OvsBridge { .. }));
        (live && !is_ovs).then(|| Step::Kernel(KernelStep::WaitOperational(top.clone())))
    }

    /// Ports that a bond or bridge of ours must not have: all other ports of a bond; of a bridge the other
    /// uplinks, but not the ports of containers and virtual machines.
    pub(super) fn stale_ports(&self, device: &Device) -> Vec<&Link> {
        let Some(link) = self.observed.link(&device.name) else { return Vec::new() };
        let wanted = device.ports();
        let leads_out = |port: &Link| match &device.kind {
            Kind::Bond { .. } => true,
            Kind::Bridge { .. } => {
                let is_hardware = matches!(&port.kind, Is::Other(word) if word.is_empty());
                let stacks = matches!(port.kind, Is::Bond | Is::Vlan);
                let is_planned = self.network.device(&port.name).is_some();
                (is_hardware || stacks || is_planned) && !is_container_port(&port.name)
            }
            _ => false,
        };
        self.observed.ports(link).filter(|port| !wanted.contains(&&port.name) && leads_out(port)).collect()
    }
}
