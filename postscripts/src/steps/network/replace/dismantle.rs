//! Dismantles a bridge. The order is that of a rollback, so that the host stays reachable: the NIC has the
//! addresses before the bridge loses it.

use hostnet::{HostIpFilter, Link};
use inventory::{Datapath, DeviceKind, IfName, Port};
use ipnet::IpNet;

use super::Replacement;
use crate::steps::network::observe::Observed;
use crate::steps::network::plan::{KernelStep, Step, SwitchStep, remove};
use crate::steps::network::resolved::Kind;

impl Replacement<'_> {
    /// The steps, and the network after them.
    pub(super) fn dismantle(&self, observed: &Observed) -> (Vec<Step>, Observed) {
        let mut steps = self.checksum_steps(observed);
        steps.extend(self.nic_takes_over(observed));
        let mut after = self.without_nic(observed);
        if self.same_name() {
            let link = after.link(&self.old.name).cloned();
            steps.extend(link.iter().flat_map(|link| self.removed(link, &after)));
            after = self.without_bridge(after);
        }
        (steps, after)
    }

    /// Disables TX checksum offload in containers: a userspace datapath does not compute the checksums that
    /// they leave to the hardware.
    fn checksum_steps(&self, observed: &Observed) -> Vec<Step> {
        let is_linux = matches!(self.old.kind, Kind::Bridge { .. });
        if !(is_linux && self.is_to_userspace()) {
            return Vec::new();
        }
        self.containers(observed)
            .into_iter()
            .map(|port| Step::Kernel(KernelStep::DisableTxChecksumOffload(port)))
            .collect()
    }

    fn nic_takes_over(&self, observed: &Observed) -> Vec<Step> {
        let (old, nic) = (&self.old.name, self.nic);
        let addresses: Vec<_> = observed.addresses(old).collect();
        let mut steps = Vec::new();
        steps.extend(self.end_isolation(observed, HostIpFilter::BLOCKED));
        let has = |address: &IpNet| observed.addresses(nic).any(|on| on == *address);
        let missing = addresses.iter().filter(|address| !has(address));
        steps.extend(missing.map(|address| Step::Kernel(KernelStep::AddAddress(nic.clone(), *address))));
        steps.extend(self.release(observed));
        steps.extend(observed.routes(old).map(|route| {
            Step::Kernel(KernelStep::Route {
                device: nic.clone(),
                route: route.clone(),
                instead: Some((old.clone(), route.clone())),
            })
        }));
        steps.extend(
            addresses.iter().rev().map(|address| Step::Kernel(KernelStep::DelAddress(old.clone(), *address))),
        );
        steps
    }

    /// Ends the isolation of a NIC that a userspace datapath used.
    fn end_isolation(&self, observed: &Observed, from: HostIpFilter) -> Option<Step> {
        observed.is_isolated(self.nic).then(|| {
            Step::Kernel(KernelStep::SetHostIpFilter {
                device: self.nic.clone(),
                from,
                to: HostIpFilter::KERNEL_DEFAULT,
            })
        })
    }

    /// On rollback the NIC gets its addresses first, and an isolated NIC accepts no IPv6 address. If the new
    /// bridge isolates the NIC again, the plan has that step.
    pub(super) fn rollback_isolation(&self, observed: &Observed) -> Option<Step> {
        let is_uplink = !matches!(self.new.port(), Some(Port::Named(port)) if port != self.nic);
        self.end_isolation(observed, HostIpFilter::KERNEL_DEFAULT)
            .filter(|_| !(self.is_to_userspace() && is_uplink))
    }

    fn is_to_userspace(&self) -> bool {
        matches!(self.new.kind, DeviceKind::OvsBridge { datapath: Datapath::Netdev, .. })
    }

    /// Detaches the NIC, unless removing an Open vSwitch bridge does so.
    fn release(&self, observed: &Observed) -> Option<Step> {
        let (port, bridge) = (self.nic.clone(), self.old.name.clone());
        match &self.old.kind {
            Kind::Bridge { .. } => observed
                .is_port(&port, &bridge)
                .then_some(Step::Kernel(KernelStep::DetachPort { port, bridge })),
            _ => (!self.same_name()).then_some(Step::Switch(SwitchStep::RemovePort { port, bridge })),
        }
    }

    /// The rollback may find the new bridge under this name, and set it down. So it must also set the old one
    /// up.
    fn removed(&self, link: &Link, after: &Observed) -> Vec<Step> {
        let is_linux = matches!(self.old.kind, Kind::Bridge { .. });
        let down = (is_linux && link.up).then(|| Step::Kernel(KernelStep::SetDown(self.old.name.clone())));
        down.into_iter().chain(remove(self.old, link, after)).collect()
    }

    fn without_nic(&self, observed: &Observed) -> Observed {
        let (old, nic) = (&self.old.name, self.nic);
        let mut after = observed.clone();
        // neighbours know the host by the bridge's MAC
        let mac = observed.link(old).and_then(|link| link.mac);
        let moved = |name: &mut IfName| {
            if name == old {
                name.clone_from(nic);
            }
        };
        let known = observed.addresses.iter().filter(|(name, _)| name == nic);
        let known: Vec<IpNet> = known.map(|(_, address)| *address).collect();
        after.addresses.retain(|(name, address)| name != old || !known.contains(address));
        after.addresses.iter_mut().for_each(|(name, _)| moved(name));
        after.routes.iter_mut().for_each(|(name, _)| moved(name));
        for link in after.links.iter_mut().filter(|link| link.name == *nic) {
            (link.master, link.mac) = (None, mac.or(link.mac));
        }
        let lost = |name: &IfName| name == old && !self.same_name();
        for bridge in after.switch.iter_mut().flatten().filter(|bridge| lost(&bridge.name)) {
            bridge.ports.retain(|port| port != nic);
        }
        let isolated = after.host_ip_filters.iter_mut().filter(|(name, is)| name == nic && is.is_blocked());
        isolated.for_each(|(_, is)| *is = HostIpFilter::KERNEL_DEFAULT);
        after
    }

    fn without_bridge(&self, mut after: Observed) -> Observed {
        let name = &self.old.name;
        let index = after.link(name).map(|link| link.index);
        after.links.retain(|link| link.name != *name);
        let ports = after.links.iter_mut().filter(|link| link.master.is_some() && link.master == index);
        ports.for_each(|link| link.master = None);
        after.host_ip_filters.retain(|(on, _)| on != name);
        if let Some(bridges) = &mut after.switch {
            bridges.retain(|bridge| bridge.name != *name);
        }
        after
    }
}
