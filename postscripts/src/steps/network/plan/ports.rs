//! NICs, bonds and VLANs into their bonds and bridges.

use hostnet::{Kind as Is, Link};
use inventory::IfName;

use super::{Component, KernelStep, Step};
use crate::steps::network::observe::is_container_port;
use crate::steps::network::resolved::{Device, Kind};

impl Component<'_> {
    /// A bond or VLAN that is being made goes into its bridge at once: nobody uses it. Not where the bridge has another way
    /// out still: the two would be a loop.
    pub(super) fn early_port(&self, bridge: &Device, port: &IfName) -> Option<Step> {
        let is_new = self.observed.link(port).is_none();
        let alone = self.stale_ports(bridge).is_empty();
        (is_new && alone)
            .then(|| Step::Kernel(KernelStep::AttachPort { port: port.clone(), bridge: bridge.name.clone() }))
    }

    /// What shall not be in a bond any more; the others of the bond carry on. The bond sets it down.
    pub(super) fn leave_bonds(&self) -> Vec<Step> {
        let bonds = self.devices.iter().filter(|device| matches!(device.kind, Kind::Bond { .. }));
        bonds.flat_map(|bond| self.releases(bond)).collect()
    }

    /// Whether it is in a bond of ours and shall not be.
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

    /// The ports that are in use. First everything leaves the bridge that it is in, then each enters what it shall be in, lower
    /// ones first.
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

    /// The address goes first: an IPv6 one would be lost when the NIC is set down, and could not be put back while it is a port.
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

    /// A NIC that was down, or has no cable, may take seconds; nothing goes through it that could be lost. The host's device on
    /// an Open vSwitch bridge never says that it is operational.
    fn wait_operational(&self, port: &IfName) -> Option<Step> {
        let top = self.network.top_of(port);
        let live = self.observed.link(port).is_some_and(|link| link.up && link.running);
        let is_ovs = self.network.device(top).is_some_and(|top| matches!(top.kind, Kind::OvsBridge { .. }));
        (live && !is_ovs).then(|| Step::Kernel(KernelStep::WaitOperational(top.clone())))
    }

    /// What is a port of a bond or bridge of ours and shall not be: all of a bond's; of a bridge's, what leads out: containers
    /// and virtual machines are not ours to take out.
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
