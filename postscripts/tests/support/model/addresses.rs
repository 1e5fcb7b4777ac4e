//! What the kernel does with addresses and routes, and what it hears.

use hostnet::{HostIpFilter, Route};
use inventory::IfName;
use ipnet::IpNet;

use super::Model;

impl Model {
    pub(super) fn set_hearing(&mut self, name: &IfName, hearing: HostIpFilter) {
        self.now.host_ip_filters.retain(|(known, _)| known != name);
        if self.now.link(name).is_some() {
            self.now.host_ip_filters.push((name.clone(), hearing));
        }
        if hearing.disable_ipv6 {
            self.now.addresses.retain(|(on, address)| on != name || address.addr().is_ipv4());
        }
    }

    pub(super) fn add_address(&mut self, name: &IfName, address: IpNet) -> Result<(), String> {
        self.get(name)?;
        let hearing = self.now.host_ip_filter(name);
        if address.addr().is_ipv6() && hearing.is_some_and(|hearing| hearing.disable_ipv6) {
            return Err(format!("{name} has no IPv6"));
        }
        if !self.now.addresses(name).any(|on| on == address) {
            self.now.addresses.push((name.clone(), address));
        }
        Ok(())
    }

    pub(super) fn del_address(&mut self, name: &IfName, address: IpNet) {
        if !self.now.addresses(name).any(|on| on == address) {
            return;
        }
        let same = |on: &IpNet| on.trunc() == address.trunc();
        let is_primary = self.now.addresses(name).find(same) == Some(address) && address.addr().is_ipv4();
        self.now
            .addresses
            .retain(|(on, known)| on != name || !(*known == address || is_primary && same(known)));
        if !self.now.addresses(name).any(|on| on.addr().is_ipv4()) {
            self.now.routes.retain(|(on, route)| on != name || !route.destination.addr().is_ipv4());
        }
    }

    pub(super) fn route(&mut self, device: &IfName, route: &Route) -> Result<(), String> {
        if !self.get(device)?.up {
            return Err(format!("{device} is down"));
        }
        let near = |on: IpNet| route.gateway.is_none_or(|gateway| on.contains(&gateway));
        if !self.now.addresses(device).any(near) {
            return Err(format!("{route:?} leads nowhere on {device}"));
        }
        let same = |known: &Route| known.destination == route.destination && known.metric == route.metric;
        self.now.routes.retain(|(_, known)| !same(known));
        self.now.routes.push((device.clone(), route.clone()));
        Ok(())
    }
}
