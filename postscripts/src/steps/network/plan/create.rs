//! Devices that are created, or repaired if they exist.

use hostnet::{BridgeSettings, BridgeSpec, Settings, VlanSpec};
use inventory::IfName;

use super::{Component, KernelStep, Step};
use crate::steps::network::resolved::{Device, Kind};

impl Component<'_> {
    pub(super) fn create(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices {
            match &device.kind {
                Kind::Ethernet => {
                    steps.extend(self.larger_mtu(device));
                    // a NIC without a master works by itself or has VLAN devices, which are down without it
                    if self.network.master_of(&device.name).is_none() {
                        steps.extend(self.up(&device.name));
                    }
                }
                Kind::Bond { ports, options } => steps.extend(self.bond(device, ports, options)),
                Kind::Vlan { parent, id } => steps.extend(self.vlan(device, parent, *id)),
                Kind::Bridge { port } => steps.extend(self.bridge(device, port)),
                Kind::OvsBridge { port, datapath, tag } => {
                    steps.extend(self.ovs(device, port, *datapath, *tag));
                }
            }
        }
        steps
    }

    fn vlan(&self, device: &Device, parent: &IfName, id: u16) -> Vec<Step> {
        if self.observed.link(&device.name).is_some() {
            return self.larger_mtu(device).into_iter().chain(self.up(&device.name)).collect();
        }
        vec![Step::Kernel(KernelStep::AddVlan(VlanSpec {
            name: device.name.clone(),
            parent: parent.clone(),
            id,
            mtu: self.new_mtu(device),
        }))]
    }

    fn bridge(&self, device: &Device, port: &IfName) -> Vec<Step> {
        let name = &device.name;
        let mut steps = Vec::new();
        match self.observed.link(name) {
            None => steps.push(Step::Kernel(KernelStep::AddBridge(BridgeSpec {
                name: name.clone(),
                mac: device.mac,
                mtu: self.new_mtu(device),
            }))),
            Some(link) => {
                // without spanning tree a port forwards at once, whatever the delay is (net/bridge/br_stp.c,
                // br_make_forwarding), and NetworkManager then keeps the kernel's delay
                if let Settings::Bridge(from) = link.settings
                    && from.stp
                {
                    steps.push(Step::Kernel(KernelStep::SetBridge {
                        device: name.clone(),
                        from,
                        to: BridgeSettings::OURS,
                    }));
                }
                steps.extend(self.up(name));
                steps.extend(self.larger_mtu(device));
            }
        }
        steps.extend(self.early_port(device, port));
        steps
    }

    /// Sets the device up if it is down, or will be.
    pub(super) fn up(&self, name: &IfName) -> Option<Step> {
        let link = self.observed.link(name)?;
        (!link.up || self.leaves_bond(link)).then(|| Step::Kernel(KernelStep::SetUp(name.clone())))
    }
}
