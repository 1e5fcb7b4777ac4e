//! How a bridge is taken apart. The order is that in which a change of the network is taken back, so that the host is reached
//! throughout: the NIC has the addresses before the bridge loses it.

use hostnet::{HostIpFilter, Link};
use inventory::{Datapath, DeviceKind, IfName, Port};
use ipnet::IpNet;

use super::Replacement;
use crate::steps::network::observe::Observed;
use crate::steps::network::plan::{KernelStep, Step, SwitchStep, remove};
use crate::steps::network::resolved::Kind;

impl Replacement<'_> {
    /// The steps, and the machine afterwards.
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

    /// A switch in user space does not add the checksums that a container leaves to hardware.
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

    /// The NIC of a switch in user space hears again.
    fn end_isolation(&self, observed: &Observed, from: HostIpFilter) -> Option<Step> {
        observed.is_isolated(self.nic).then(|| {
            Step::Kernel(KernelStep::SetHostIpFilter {
                device: self.nic.clone(),
                from,
                to: HostIpFilter::KERNEL_DEFAULT,
            })
        })
    }

    /// On the way back the NIC gets the addresses first; a deaf one takes no IPv6 address. One that such a switch has again is
    /// made deaf by the plan.
    pub(super) fn rollback_isolation(&self, observed: &Observed) -> Option<Step> {
        let is_uplink = !matches!(self.new.port(), Some(Port::Named(port)) if port != self.nic);
        self.end_isolation(observed, HostIpFilter::KERNEL_DEFAULT)
            .filter(|_| !(self.is_to_userspace() && is_uplink))
    }

    fn is_to_userspace(&self) -> bool {
        matches!(self.new.kind, DeviceKind::OvsBridge { datapath: Datapath::Netdev, .. })
    }

    /// An Open vSwitch bridge that is removed lets its NIC go with it.
    fn release(&self, observed: &Observed) -> Option<Step> {
        let (port, bridge) = (self.nic.clone(), self.old.name.clone());
        match &self.old.kind {
            Kind::Bridge { .. } => observed
                .is_port(&port, &bridge)
                .then_some(Step::Kernel(KernelStep::DetachPort { port, bridge })),
            _ => (!self.same_name()).then_some(Step::Switch(SwitchStep::RemovePort { port, bridge })),
        }
    }

    /// The way back may find the bridge of the other kind under this name, and set that down: it has to set this one up.
    fn removed(&self, link: &Link, after: &Observed) -> Vec<Step> {
        let is_linux = matches!(self.old.kind, Kind::Bridge { .. });
        let down = (is_linux && link.up).then(|| Step::Kernel(KernelStep::SetDown(self.old.name.clone())));
        down.into_iter().chain(remove(self.old, link, after)).collect()
    }

    fn without_nic(&self, observed: &Observed) -> Observed {
        let (old, nic) = (&self.old.name, self.nic);
        let mut after = observed.clone();
        // the host is known by the bridge's Ethernet address
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
        let deaf = after.host_ip_filters.iter_mut().filter(|(name, is)| name == nic && is.is_blocked());
        deaf.for_each(|(_, is)| *is = HostIpFilter::KERNEL_DEFAULT);
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
