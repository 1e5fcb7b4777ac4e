//! Addresses that are missing on a device, and those that are left below it.

use inventory::IfName;
use ipnet::IpNet;

use super::{Step, Tower};
use crate::steps::network::stack::{Device, Kind};

impl Tower<'_> {
    pub(super) fn missing_addresses(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices {
            // addresses that the tables do not have (IPv6 of router advertisements) move along
            let below = self.stack.below(&device.name).into_iter();
            let moved = below.flat_map(|lower| self.leaving(lower)).filter_map(|(home, address)| {
                (home.name == device.name && !home.has(address.addr())).then_some(address)
            });
            for address in device.addresses.iter().copied().chain(moved) {
                if !self.observed.addresses(&device.name).any(|on| on == address) {
                    steps.push(Step::AddAddress(device.name.clone(), address));
                }
            }
        }
        steps
    }

    /// What is on a lower device and goes up, with the device to which it goes.
    fn leaving<'b>(&'b self, lower: &'b IfName) -> impl Iterator<Item = (&'b Device, IpNet)> + 'b {
        self.observed
            .addresses(lower)
            .filter_map(move |address| Some((self.stack.home_of_address(lower, address.addr())?, address)))
    }

    /// Addresses of ours with another prefix, and what lower devices have no more.
    pub(super) fn stale_addresses(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices.iter().rev() {
            let wrong = |address: &IpNet| device.has(address.addr()) && !device.addresses.contains(address);
            let wrong = self.observed.addresses(&device.name).filter(wrong);
            steps.extend(wrong.map(|address| Step::DelAddress(device.name.clone(), address)));
        }
        for device in self.devices.iter().rev().filter(|device| !self.went_first(device)) {
            steps.extend(self.without_addresses(&device.name));
        }
        steps
    }

    /// A NIC that enters a bond has lost its addresses before.
    fn went_first(&self, device: &Device) -> bool {
        let master = self.stack.master_of(&device.name);
        master.is_some_and(|master| {
            matches!(master.kind, Kind::Bond { .. }) && !self.observed.is_port(&device.name, &master.name)
        })
    }

    /// The last first: when the first of a subnet goes, the kernel takes the others with it, and on the way back the first must
    /// be the first again, for it is the one that the host is known by.
    pub(super) fn without_addresses(&self, lower: &IfName) -> Vec<Step> {
        let all: Vec<IpNet> = self.leaving(lower).map(|(_, address)| address).collect();
        let (v4, v6): (Vec<IpNet>, Vec<IpNet>) =
            all.into_iter().rev().partition(|address| address.addr().is_ipv4());
        v4.into_iter().chain(v6).map(|address| Step::DelAddress(lower.clone(), address)).collect()
    }
}
