//! No device may send larger packets than the device below it can carry. So a larger MTU is set from below
//! and a smaller one from above. Then the kernel refuses neither change nor rollback (net/8021q/vlan_dev.c,
//! `vlan_change_mtu`), and does not reduce an MTU silently.

use hostnet::{Link, Settings};
use inventory::IfName;

use super::{Component, KernelStep, Step};
use crate::steps::network::resolved::Device;

impl Component<'_> {
    pub(super) fn larger_mtu(&self, device: &Device) -> Option<Step> {
        self.mtu(device)
            .filter(|step| matches!(step, Step::Kernel(KernelStep::SetMtu { from, to, .. }) if to > from))
    }

    pub(super) fn smaller_mtus(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices.iter().rev() {
            if let Some(Step::Kernel(KernelStep::SetMtu { device, from, to })) = self.mtu(device)
                && to < from
            {
                steps.extend(self.others_vlans(&device, to));
                steps.push(Step::Kernel(KernelStep::SetMtu { device, from, to }));
            }
        }
        steps
    }

    /// VLAN devices that are not in the tables: the kernel reduces their MTU with the parent's, and does not
    /// restore it.
    pub(super) fn others_vlans(&self, parent: &IfName, to: u32) -> Vec<Step> {
        let index = self.observed.link(parent).map(|link| link.index);
        let on_it = |link: &&Link| {
            matches!(link.settings, Settings::Vlan { parent, .. } if Some(parent) == index)
                && self.network.device(&link.name).is_none()
                && link.mtu > to
        };
        let vlans = self.observed.links.iter().filter(on_it);
        vlans
            .map(|link| Step::Kernel(KernelStep::SetMtu { device: link.name.clone(), from: link.mtu, to }))
            .collect()
    }

    /// MTU of a new device: that of the tables, else the smallest below it.
    pub(super) fn new_mtu(&self, device: &Device) -> Option<u32> {
        device.mtu.or_else(|| self.least_below(device))
    }

    fn least_below(&self, device: &Device) -> Option<u32> {
        let below = self.network.below(&device.name).into_iter();
        below.filter_map(|lower| self.network.device(lower)?.mtu).min()
    }

    pub(super) fn mtu(&self, device: &Device) -> Option<Step> {
        let from = self.observed.link(&device.name)?.mtu;
        let to = self.wanted_mtu(device).filter(|to| *to != from)?;
        // Open vSwitch resets the MTU of its internal port to that in its database
        let is_ovs = self.observed.ovs(&device.name).is_some();
        (!is_ovs).then(|| Step::Kernel(KernelStep::SetMtu { device: device.name.clone(), from, to }))
    }

    /// The MTU of the tables, else the current one, limited by the devices below.
    pub(super) fn wanted_mtu(&self, device: &Device) -> Option<u32> {
        if device.mtu.is_some() {
            return device.mtu;
        }
        let least = self.least_below(device)?;
        let now = self.observed.link(&device.name)?.mtu;
        (now > least).then_some(least)
    }
}
