//! Bonds. A new bond gets the MAC of the NIC that has the host's address, and the unused NICs as its first
//! ports.

use hostnet::{BondSpec, Link, Settings, bond};
use inventory::{BondOptions, IfName};

use super::{Component, KernelStep, Step};
use crate::steps::network::resolved::Device;

/// The options as the driver takes them.
pub(super) fn option_list(options: &BondOptions) -> Vec<(String, String)> {
    options.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Component<'_> {
    pub(super) fn bond(&self, device: &Device, ports: &[IfName], options: &BondOptions) -> Vec<Step> {
        let name = &device.name;
        let mut steps = Vec::new();
        match self.observed.link(name) {
            None => steps.push(Step::Kernel(KernelStep::AddBond(BondSpec {
                name: name.clone(),
                mac: device.mac,
                mtu: self.mtu_of_new(device, ports),
                options: option_list(options),
            }))),
            Some(link) => {
                steps.extend(self.options(link, options));
                steps.extend(self.up(name));
                steps.extend(self.larger_mtu(device));
            }
        }
        for port in ports.iter().filter(|port| self.is_idle(port)) {
            steps.extend(self.enter_bond(name, port));
        }
        steps
    }

    fn mtu_of_new(&self, bond: &Device, ports: &[IfName]) -> Option<u32> {
        self.new_mtu(bond).or_else(|| self.mtu_of_port(ports))
    }

    /// MTU of a bond, which each NIC gets when it is attached.
    fn mtu_at_entry(&self, bond: &IfName) -> Option<u32> {
        let device = self.network.device(bond)?;
        match self.observed.link(bond) {
            Some(link) => self.wanted_mtu(device).max(Some(link.mtu)),
            None => self.mtu_of_new(device, &device.ports().into_iter().cloned().collect::<Vec<_>>()),
        }
    }

    /// A bond sets its own MTU on its ports. So a new bond gets the MTU of the NIC that is in use.
    fn mtu_of_port(&self, ports: &[IfName]) -> Option<u32> {
        let busy = ports.iter().find(|port| !self.is_idle(port));
        Some(self.observed.link(busy.or(ports.first())?)?.mtu)
    }

    /// Attaches a NIC to a bond; empty if it is attached.
    pub(super) fn enter_bond(&self, bond: &IfName, port: &IfName) -> Vec<Step> {
        let Some(link) = self.observed.link(port) else { return Vec::new() };
        if self.observed.is_port(port, bond) {
            // set up again: the bond set it down
            return self.up(port).into_iter().collect();
        }
        let down =
            (link.up && !self.leaves_bond(link)).then(|| Step::Kernel(KernelStep::SetDown(port.clone())));
        let mut steps = self.cut_by_bond(bond, port);
        steps.extend(down);
        steps.push(Step::Kernel(KernelStep::AttachPort { port: port.clone(), bridge: bond.clone() }));
        steps
    }

    /// VLAN devices whose MTU the bond's smaller MTU reduces, unless the NIC's own MTU did so before.
    fn cut_by_bond(&self, bond: &IfName, port: &IfName) -> Vec<Step> {
        let own = self.network.device(port).and_then(|device| self.mtu(device));
        match (own, self.mtu_at_entry(bond)) {
            (None, Some(mtu)) => self.others_vlans(port, mtu),
            _ => Vec::new(),
        }
    }

    /// The options that differ. Options that cannot be changed on a bond in use were refused before.
    fn options(&self, link: &Link, wanted: &BondOptions) -> Option<Step> {
        let Settings::Bond { options: now, primary } = &link.settings else { return None };
        let primary = primary.map(|index| self.observed.name_of(index)).unwrap_or_default();
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for (name, value) in wanted.iter().filter(|(name, _)| !bond::is_fixed(name)) {
            let Some(value) = bond::canonical(name, value) else { continue };
            let known = now.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            let is = if name == "primary" { Some(primary.clone()) } else { known };
            if let Some(is) = is.filter(|is| *is != value) {
                from.push((name.to_owned(), is));
                to.push((name.to_owned(), value));
            }
        }
        // an option without a value cannot be restored
        from.retain(|(_, value)| !value.is_empty());
        (!to.is_empty()).then(|| Step::Kernel(KernelStep::SetBond { device: link.name.clone(), from, to }))
    }

    /// Whether a NIC is unused: no address, route, master or VLAN device.
    pub(super) fn is_idle(&self, port: &IfName) -> bool {
        let Some(link) = self.observed.link(port) else { return true };
        let carries = self
            .observed
            .links
            .iter()
            .any(|upper| matches!(upper.settings, Settings::Vlan { parent, .. } if parent == link.index));
        link.master.is_none()
            && !carries
            && self.observed.addresses(port).next().is_none()
            && self.observed.routes(port).next().is_none()
    }
}
