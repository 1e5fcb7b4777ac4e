//! What the switch does with a step.

use hostnet::{Kind, Link};
use inventory::IfName;
use postscripts::steps::network::plan::{OvsSpec, Step};
use postscripts::steps::network::switch::OvsBridge;

use super::Model;

impl Model {
    pub(super) fn act_in_switch(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::AddOvs(spec) => {
                let bridge = OvsBridge {
                    name: spec.name.clone(),
                    ports: [&spec.name].into_iter().chain(&spec.uplink).cloned().collect(),
                    tag: spec.tag,
                    stp: false,
                    mac: spec.mac,
                    mtu: spec.mtu,
                };
                if self.now.ovs(&spec.name).is_none() {
                    let tap = Kind::Other("tun".to_owned());
                    let made = self.new_link(&spec.name, spec.mac, spec.mtu);
                    self.add(Link { kind: tap, up: false, ..made })?;
                    // an uplink that is a port of another bridge is moved
                    let bridges = self.now.switch.as_mut().ok_or("no switch")?;
                    bridges
                        .iter_mut()
                        .for_each(|other| other.ports.retain(|port| Some(port) != spec.uplink.as_ref()));
                    bridges.push(bridge);
                }
            }
            Step::DelOvs(name) | Step::RemoveOvs(OvsSpec { name, .. }) if self.now.ovs(name).is_some() => {
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
}
