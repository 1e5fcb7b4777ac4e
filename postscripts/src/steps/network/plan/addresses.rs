//! Addresses that are missing on a device, and addresses that remain below it.

use inventory::IfName;
use ipnet::IpNet;

use super::{Component, KernelStep, Step};
use crate::steps::network::resolved::{Device, Kind};

impl Component<'_> {
    pub(super) fn missing_addresses(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices {
            // addresses that are not in the tables (IPv6 of router advertisements) move too
            let below = self.network.below(&device.name).into_iter();
            let moved = below.flat_map(|lower| self.moving_up(lower)).filter_map(|(home, address)| {
                (home.name == device.name && !home.has(address.addr())).then_some(address)
            });
            for address in device.addresses.iter().copied().chain(moved) {
                if !self.observed.addresses(&device.name).any(|on| on == address) {
                    steps.push(Step::Kernel(KernelStep::AddAddress(device.name.clone(), address)));
                }
            }
        }
        steps
    }

    /// Addresses of a lower device that move up, each with its new device.
    fn moving_up<'b>(&'b self, lower: &'b IfName) -> impl Iterator<Item = (&'b Device, IpNet)> + 'b {
        self.observed.addresses(lower).filter_map(move |address| {
            Some((self.network.device_for_address(lower, address.addr())?, address))
        })
    }

    /// Addresses of the tables with another prefix, and addresses that lower devices must lose.
    pub(super) fn stale_addresses(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices.iter().rev() {
            let wrong = |address: &IpNet| device.has(address.addr()) && !device.addresses.contains(address);
            let wrong = self.observed.addresses(&device.name).filter(wrong);
            steps.extend(
                wrong.map(|address| Step::Kernel(KernelStep::DelAddress(device.name.clone(), address))),
            );
        }
        for device in self.devices.iter().rev().filter(|device| !self.is_moved_earlier(device)) {
            steps.extend(self.remove_addresses(&device.name));
        }
        steps
    }

    /// A NIC loses its addresses before it is attached to a bond.
    fn is_moved_earlier(&self, device: &Device) -> bool {
        let master = self.network.master_of(&device.name);
        master.is_some_and(|master| {
            matches!(master.kind, Kind::Bond { .. }) && !self.observed.is_port(&device.name, &master.name)
        })
    }

    /// In reverse order. If the first address of a subnet is removed, the kernel removes the others with it.
    /// On rollback the first must become the first again, because it is the host's source address.
    pub(super) fn remove_addresses(&self, lower: &IfName) -> Vec<Step> {
        let all: Vec<IpNet> = self.moving_up(lower).map(|(_, address)| address).collect();
        let (v4, v6): (Vec<IpNet>, Vec<IpNet>) =
            all.into_iter().rev().partition(|address| address.addr().is_ipv4());
        v4.into_iter()
            .chain(v6)
            .map(|address| Step::Kernel(KernelStep::DelAddress(lower.clone(), address)))
            .collect()
    }
}
