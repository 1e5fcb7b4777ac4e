//! What the kernel and the switch do with a step, as far as it matters for the way back. Refusals and side effects are the
//! kernel's own: a bond takes no port that is up, a VLAN is not larger than what carries it, an interface that goes down loses its
//! routes, the last IPv4 address takes the routes with it.

use hostnet::{BridgeSettings, Hearing, Kind, Link, Route, Settings};
use inventory::IfName;
use ipnet::IpNet;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::Step;
use postscripts::steps::network::switch::OvsBridge;

use super::link;

/// A machine.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) now: Observed,
    /// The MTU of bonds' ports before they were ports.
    before: Vec<(IfName, u32)>,
    next: u32,
}

impl Model {
    pub(crate) fn new(now: Observed) -> Self {
        Self { now, before: Vec::new(), next: 100 }
    }

    /// Names, masters, addresses in their order, routes: without numbers.
    pub(crate) fn described(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for link in &self.now.links {
            let master = link.master.map(|master| self.now.name_of(master));
            let addresses: Vec<String> =
                self.now.addresses(&link.name).map(|address| address.to_string()).collect();
            let (v4, mut v6): (Vec<String>, Vec<String>) =
                addresses.into_iter().partition(|address| !address.contains(':'));
            v6.sort();
            lines.push(format!(
                "{} {:?} {} up={} mac={:?} {master:?} {v4:?} {v6:?} {:?}",
                link.name,
                link.kind,
                link.mtu,
                link.up,
                link.mac,
                match &link.settings {
                    Settings::Vlan { id, .. } => format!("{id}"),
                    other => format!("{other:?}"),
                }
            ));
        }
        lines.extend(self.now.routes.iter().map(|(name, route)| format!("{name} {route:?}")));
        let other = self.now.hearing.iter().filter(|(_, hearing)| *hearing != Hearing::ALL);
        lines.extend(other.map(|(name, hearing)| format!("{name} {hearing:?}")));
        for bridge in self.now.switch.iter().flatten() {
            let mut bridge = bridge.clone();
            bridge.ports.sort();
            lines.push(format!("{bridge:?}"));
        }
        lines.sort();
        lines.join("\n")
    }

    pub(crate) fn act(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::AddBridge(spec) => {
                let settings = Settings::Bridge(BridgeSettings::OURS);
                let made = self.new_link(&spec.name, spec.mac, spec.mtu);
                self.add(Link { kind: Kind::Bridge, settings, ..made });
            }
            Step::AddBond(spec) => {
                let settings = Settings::Bond { options: spec.options.clone(), primary: None };
                let made = self.new_link(&spec.name, spec.mac, spec.mtu);
                self.add(Link { kind: Kind::Bond, settings, ..made });
            }
            Step::AddVlan(spec) => {
                let parent = self.get(&spec.parent)?.clone();
                let mtu = spec.mtu.unwrap_or(parent.mtu);
                if !parent.up || mtu > parent.mtu {
                    return Err(format!("{} of {} up={}", spec.name, parent.name, parent.up));
                }
                let settings = Settings::Vlan { parent: parent.index, id: spec.id };
                let made = self.new_link(&spec.name, parent.mac, Some(mtu));
                self.add(Link { kind: Kind::Vlan, settings, ..made });
            }
            Step::Delete { device, .. } => self.delete(device),
            Step::SetBridge { device, to, .. } => self.get(device)?.settings = Settings::Bridge(*to),
            Step::SetBond { device, to, .. } => {
                if let Settings::Bond { options, .. } = &mut self.get(device)?.settings {
                    for (name, value) in to {
                        let known = options.iter_mut().find(|(known, _)| known == name);
                        known.ok_or("no such option")?.1.clone_from(value);
                    }
                }
            }
            Step::SetMtu { device, to, .. } => self.set_mtu(device, *to)?,
            Step::SetHearing { device, to, .. } => self.set_hearing(device, *to),
            Step::SetUp(device) => self.set_up(device)?,
            Step::SetDown(device) => self.set_down(device),
            Step::AddAddress(device, address) => {
                self.get(device)?;
                if address.addr().is_ipv6()
                    && self.now.hearing(device).is_some_and(|hearing| hearing.disable_ipv6)
                {
                    return Err(format!("{device} has no IPv6"));
                }
                if !self.now.addresses(device).any(|on| on == *address) {
                    self.now.addresses.push((device.clone(), *address));
                }
            }
            Step::DelAddress(device, address) => self.del_address(device, *address),
            Step::Enslave { port, bridge } => self.enslave(port, bridge)?,
            Step::Release { port, bridge } => {
                if self.now.is_port(port, bridge) {
                    self.release(port);
                }
            }
            Step::Settle(_) => {}
            Step::Route { device, route, .. } => self.route(device, route)?,
            Step::DelRoute(device, route) => {
                self.now.routes.retain(|(on, known)| (on, known) != (device, route));
            }
            _ => self.act_in_switch(step)?,
        }
        Ok(())
    }

    fn act_in_switch(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::AddOvs(spec) => {
                let bridge = OvsBridge {
                    name: spec.name.clone(),
                    ports: vec![spec.name.clone(), spec.uplink.clone()],
                    tag: spec.tag,
                    stp: false,
                    mac: spec.mac,
                    mtu: spec.mtu,
                };
                if self.now.ovs(&spec.name).is_none() {
                    self.now.switch.as_mut().ok_or("no switch")?.push(bridge);
                    let tap = Kind::Other("tun".to_owned());
                    let made = self.new_link(&spec.name, spec.mac, spec.mtu);
                    self.add(Link { kind: tap, up: false, ..made });
                }
            }
            Step::DelOvs(name) if self.now.ovs(name).is_some() => {
                self.now.switch.as_mut().unwrap().retain(|bridge| bridge.name != *name);
                self.delete(name);
            }
            Step::Plug { port, bridge } => {
                let bridge = self.ovs(bridge)?;
                if !bridge.ports.contains(port) {
                    bridge.ports.push(port.clone());
                }
            }
            Step::Unplug { port, bridge } => self.ovs(bridge)?.ports.retain(|known| known != port),
            Step::SetTag { port, to, .. } => self.ovs(port)?.tag = *to,
            Step::SetOvs(spec) => {
                let bridge = self.ovs(&spec.name)?;
                (bridge.stp, bridge.mtu) = (false, spec.mtu);
            }
            _ => {}
        }
        Ok(())
    }

    fn ovs(&mut self, name: &IfName) -> Result<&mut OvsBridge, String> {
        let bridges = self.now.switch.as_mut().ok_or("no switch")?;
        bridges.iter_mut().find(|bridge| bridge.name == *name).ok_or(format!("no bridge {name}"))
    }

    fn new_link(&mut self, name: &IfName, mac: Option<inventory::MacAddr>, mtu: Option<u32>) -> Link {
        self.next += 1;
        let base = link(self.next, name.as_str());
        Link { mac: mac.or(base.mac), mtu: mtu.unwrap_or(1500), ..base }
    }

    fn add(&mut self, link: Link) {
        if self.now.link(&link.name).is_none() {
            self.now.links.push(link);
        }
    }

    fn get(&mut self, name: &IfName) -> Result<&mut Link, String> {
        self.now.links.iter_mut().find(|link| link.name == *name).ok_or(format!("no interface {name}"))
    }

    fn vlans_on(&self, index: u32) -> Vec<IfName> {
        let on = |link: &&Link| matches!(link.settings, Settings::Vlan { parent, .. } if parent == index);
        self.now.links.iter().filter(on).map(|link| link.name.clone()).collect()
    }

    fn ports_of(&self, name: &IfName) -> Vec<IfName> {
        let Some(link) = self.now.link(name) else { return Vec::new() };
        self.now.ports(link).map(|port| port.name.clone()).collect()
    }

    fn delete(&mut self, name: &IfName) {
        let Some(index) = self.now.link(name).map(|link| link.index) else { return };
        for vlan in self.vlans_on(index) {
            self.delete(&vlan);
        }
        for port in self.ports_of(name) {
            self.release(&port);
        }
        self.now.links.retain(|link| link.name != *name);
        self.now.addresses.retain(|(on, _)| on != name);
        self.now.routes.retain(|(on, _)| on != name);
        self.now.hearing.retain(|(on, _)| on != name);
    }

    fn set_mtu(&mut self, name: &IfName, mtu: u32) -> Result<(), String> {
        let link = self.get(name)?.clone();
        if let Settings::Vlan { parent, .. } = link.settings {
            let most = self.now.links.iter().find(|link| link.index == parent).unwrap().mtu;
            if mtu > most {
                return Err(format!("{mtu} of {name} is more than {most}"));
            }
        }
        if link.kind == Kind::Bond {
            for port in self.ports_of(name) {
                self.get(&port)?.mtu = mtu;
            }
        }
        self.get(name)?.mtu = mtu;
        for vlan in self.vlans_on(link.index) {
            let vlan = self.get(&vlan)?;
            vlan.mtu = vlan.mtu.min(mtu);
        }
        Ok(())
    }

    fn set_up(&mut self, name: &IfName) -> Result<(), String> {
        let link = self.get(name)?.clone();
        if let Settings::Vlan { parent, .. } = link.settings
            && !self.now.links.iter().any(|link| link.index == parent && link.up)
        {
            return Err(format!("what carries {name} is down"));
        }
        self.get(name)?.up = true;
        for vlan in self.vlans_on(link.index) {
            self.set_up(&vlan)?;
        }
        Ok(())
    }

    fn set_down(&mut self, name: &IfName) {
        let Some(link) = self.now.link(name).cloned() else { return };
        self.get(name).unwrap().up = false;
        self.now.routes.retain(|(on, _)| on != name);
        self.now.addresses.retain(|(on, address)| on != name || address.addr().is_ipv4());
        for vlan in self.vlans_on(link.index) {
            self.set_down(&vlan);
        }
    }

    fn set_hearing(&mut self, name: &IfName, hearing: Hearing) {
        self.now.hearing.retain(|(known, _)| known != name);
        if self.now.link(name).is_some() {
            self.now.hearing.push((name.clone(), hearing));
        }
        if hearing.disable_ipv6 {
            self.now.addresses.retain(|(on, address)| on != name || address.addr().is_ipv4());
        }
    }

    fn del_address(&mut self, name: &IfName, address: IpNet) {
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

    fn enslave(&mut self, port: &IfName, master: &IfName) -> Result<(), String> {
        if self.now.is_port(port, master) {
            if self.get(master)?.kind == Kind::Bond {
                self.get(port)?.up = true;
            }
            return Ok(());
        }
        self.get(port)?;
        let master = self.get(master)?.clone();
        self.release(port);
        let link = self.get(port)?;
        if master.kind == Kind::Bond {
            if link.up {
                return Err(format!("{port} is up"));
            }
            let before = (port.clone(), link.mtu);
            (link.mtu, link.up) = (master.mtu, true);
            self.before.push(before);
        }
        self.get(port)?.master = Some(master.index);
        Ok(())
    }

    fn release(&mut self, port: &IfName) {
        let Some(index) = self.now.link(port).and_then(|link| link.master) else { return };
        let is_bond = self.now.links.iter().any(|link| link.index == index && link.kind == Kind::Bond);
        self.get(port).unwrap().master = None;
        if is_bond {
            self.set_down(port);
            if let Some(at) = self.before.iter().position(|(name, _)| name == port) {
                let (_, mtu) = self.before.remove(at);
                self.get(port).unwrap().mtu = mtu;
            }
        }
    }

    fn route(&mut self, device: &IfName, route: &Route) -> Result<(), String> {
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
