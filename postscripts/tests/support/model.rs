//! What the kernel and the switch do with a step, as far as it matters for the way back. Refusals and side effects are the
//! kernel's own: a bond takes no port that is up, a VLAN is not larger than what carries it, an interface that goes down loses its
//! routes, the last IPv4 address takes the routes with it.

mod addresses;
mod switch;

use hostnet::{BondSpec, BridgeSettings, BridgeSpec, HostIpFilter, Kind, Link, Settings, VlanSpec};
use inventory::IfName;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::{KernelStep, LinkKind, Step};

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
        let other =
            self.now.host_ip_filters.iter().filter(|(_, hearing)| *hearing != HostIpFilter::KERNEL_DEFAULT);
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
            Step::Kernel(step) => self.act_in_kernel(step),
            Step::Switch(step) => self.act_in_switch(step),
            Step::Daemon(_) => Ok(()),
        }
    }

    fn act_in_kernel(&mut self, step: &KernelStep) -> Result<(), String> {
        match step {
            KernelStep::AddBridge(spec) => {
                let settings = Settings::Bridge(BridgeSettings::OURS);
                let made = self.new_link(&spec.name, spec.mac, spec.mtu);
                self.add(Link { kind: Kind::Bridge, settings, ..made })?;
            }
            KernelStep::AddBond(spec) => {
                let settings = Settings::Bond { options: spec.options.clone(), primary: None };
                let made = self.new_link(&spec.name, spec.mac, spec.mtu);
                self.add(Link { kind: Kind::Bond, settings, ..made })?;
            }
            KernelStep::AddVlan(spec) => {
                let parent = self.get(&spec.parent)?.clone();
                let mtu = spec.mtu.unwrap_or(parent.mtu);
                if !parent.up || mtu > parent.mtu {
                    return Err(format!("{} of {} up={}", spec.name, parent.name, parent.up));
                }
                let settings = Settings::Vlan { parent: parent.index, id: spec.id };
                let made = self.new_link(&spec.name, parent.mac, Some(mtu));
                self.add(Link { kind: Kind::Vlan, settings, ..made })?;
            }
            KernelStep::RemoveBridge(BridgeSpec { name, .. }) => self.delete_made(LinkKind::Bridge, name),
            KernelStep::RemoveBond(BondSpec { name, .. }) => self.delete_made(LinkKind::Bond, name),
            KernelStep::RemoveVlan(VlanSpec { name, .. }) => self.delete_made(LinkKind::Vlan, name),
            KernelStep::Delete { kind, device } => self.delete_made(*kind, device),
            KernelStep::SetBridge { device, to, .. } => self.get(device)?.settings = Settings::Bridge(*to),
            KernelStep::SetBond { device, to, .. } => {
                if let Settings::Bond { options, .. } = &mut self.get(device)?.settings {
                    for (name, value) in to {
                        let known = options.iter_mut().find(|(known, _)| known == name);
                        known.ok_or("no such option")?.1.clone_from(value);
                    }
                }
            }
            KernelStep::SetMtu { device, to, .. } => self.set_mtu(device, *to)?,
            KernelStep::SetHostIpFilter { device, to, .. } => self.set_hearing(device, *to),
            KernelStep::SetUp(device) => self.set_up(device)?,
            KernelStep::SetDown(device) => self.set_down(device),
            KernelStep::AddAddress(device, address) => self.add_address(device, *address)?,
            KernelStep::DelAddress(device, address) => self.del_address(device, *address),
            KernelStep::AttachPort { port, bridge } => self.enslave(port, bridge)?,
            KernelStep::DetachPort { port, bridge } => {
                if self.now.is_port(port, bridge) {
                    self.release(port);
                }
            }
            KernelStep::WaitOperational(_) | KernelStep::DisableTxChecksumOffload(_) => {}
            KernelStep::Route { device, route, .. } => self.route(device, route)?,
            KernelStep::DelRoute(device, route) => {
                self.now.routes.retain(|(on, known)| (on, known) != (device, route));
            }
        }
        Ok(())
    }

    fn new_link(&mut self, name: &IfName, mac: Option<inventory::MacAddr>, mtu: Option<u32>) -> Link {
        self.next += 1;
        let base = link(self.next, name.as_str());
        Link { mac: mac.or(base.mac), mtu: mtu.unwrap_or(1500), ..base }
    }

    /// Unless it exists; a name is unique.
    fn add(&mut self, link: Link) -> Result<(), String> {
        match self.now.link(&link.name) {
            None => self.now.links.push(link),
            Some(there) if there.kind == link.kind => {}
            Some(there) => {
                return Err(format!("there is an interface {} already, {:?}", link.name, there.kind));
            }
        }
        Ok(())
    }

    fn delete_made(&mut self, kind: LinkKind, name: &IfName) {
        let kind = match kind {
            LinkKind::Bridge => Kind::Bridge,
            LinkKind::Bond => Kind::Bond,
            LinkKind::Vlan => Kind::Vlan,
        };
        if self.now.link(name).is_some_and(|link| link.kind == kind) {
            self.delete(name);
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
        self.now.host_ip_filters.retain(|(on, _)| on != name);
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
            link.up = true;
            self.before.push(before);
            // by the driver's own call of dev_set_mtu (drivers/net/bonding/bond_main.c, bond_enslave)
            self.set_mtu(port, master.mtu)?;
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
}
