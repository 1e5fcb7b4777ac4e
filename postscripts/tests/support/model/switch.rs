//! What the switch does with a step.

use hostnet::ovs::BridgeSpec;
use hostnet::{Kind, Link};
use inventory::IfName;
use postscripts::steps::network::plan::SwitchStep;
use postscripts::steps::network::switch::OvsBridge;

use super::Model;

impl Model {
    pub(super) fn act_in_switch(&mut self, step: &SwitchStep) -> Result<(), String> {
        match step {
            SwitchStep::AddBridge(spec) => {
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
            SwitchStep::DeleteBridge(name) | SwitchStep::RemoveBridge(BridgeSpec { name, .. })
                if self.now.ovs(name).is_some() =>
            {
                self.now.switch.as_mut().unwrap().retain(|bridge| bridge.name != *name);
                self.delete(name);
            }
            SwitchStep::AttachPort { port, bridge } => {
                let bridge = self.ovs(bridge)?;
                if !bridge.ports.contains(port) {
                    bridge.ports.push(port.clone());
                }
            }
            SwitchStep::RemovePort { port, bridge } => self.ovs(bridge)?.ports.retain(|known| known != port),
            SwitchStep::SetTag { port, to, .. } => self.ovs(port)?.tag = *to,
            SwitchStep::SetBridge(spec) => {
                let bridge = self.ovs(&spec.name)?;
                (bridge.stp, bridge.mtu) = (false, spec.mtu);
            }
            SwitchStep::DeleteBridge(_) | SwitchStep::RemoveBridge(_) => {}
        }
        Ok(())
    }

    fn ovs(&mut self, name: &IfName) -> Result<&mut OvsBridge, String> {
        let bridges = self.now.switch.as_mut().ok_or("no switch")?;
        bridges.iter_mut().find(|bridge| bridge.name == *name).ok_or(format!("no bridge {name}"))
    }
}
