//! No device sends larger packets than the one below carries: a larger MTU is set from below, a smaller one from above, so that
//! neither way nor way back is refused (kernel net/8021q/vlan_dev.c, `vlan_change_mtu`), and nothing is cut silently.

use super::{Step, Tower};
use crate::steps::network::stack::Device;

impl Tower<'_> {
    pub(super) fn larger_mtu(&self, device: &Device) -> Option<Step> {
        self.mtu(device).filter(|step| matches!(step, Step::SetMtu { from, to, .. } if to > from))
    }

    pub(super) fn smaller_mtus(&self) -> Vec<Step> {
        let changes = self.devices.iter().rev().filter_map(|device| self.mtu(device));
        changes.filter(|step| matches!(step, Step::SetMtu { from, to, .. } if to < from)).collect()
    }

    fn mtu(&self, device: &Device) -> Option<Step> {
        let from = self.observed.link(&device.name)?.mtu;
        let to = self.wanted_mtu(device).filter(|to| *to != from)?;
        // Open vSwitch sets that of its internal port back to what its database says
        let is_ovs = self.observed.ovs(&device.name).is_some();
        (!is_ovs).then(|| Step::SetMtu { device: device.name.clone(), from, to })
    }

    /// What the tables say, else what is, cut down to what is below.
    fn wanted_mtu(&self, device: &Device) -> Option<u32> {
        if device.mtu.is_some() {
            return device.mtu;
        }
        let below = self.stack.below(&device.name).into_iter();
        let least = below.filter_map(|lower| self.stack.device(lower)?.mtu).min()?;
        let now = self.observed.link(&device.name)?.mtu;
        (now > least).then_some(least)
    }
}
