//! Open vSwitch bridges.

use hostnet::ovs::BridgeSpec;
use inventory::{Datapath, IfName};

use super::{Component, KernelStep, Step, SwitchStep};
use crate::steps::network::resolved::{Device, Kind};

impl Component<'_> {
    pub(super) fn ovs(
        &self,
        device: &Device,
        uplink: &IfName,
        datapath: Datapath,
        tag: Option<u16>,
    ) -> Vec<Step> {
        let name = &device.name;
        let spec = BridgeSpec {
            name: name.clone(),
            datapath,
            mac: device.mac,
            uplink: Some(uplink.clone()),
            tag,
            mtu: device.mtu,
        };
        // a new bond or VLAN device is already up
        let is_nic = self.network.device(uplink).is_none_or(|device| device.kind == Kind::Ethernet);
        let mut steps: Vec<Step> = self.up(uplink).filter(|_| is_nic).into_iter().collect();
        match (self.observed.ovs(name), self.observed.link(name)) {
            // a new internal port is down
            (None, _) => steps.extend([
                Step::Switch(SwitchStep::AddBridge(spec)),
                Step::Kernel(KernelStep::SetUp(name.clone())),
            ]),
            // the bridge is in the database, but ovs-vswitchd has not created it: this step waits for it
            (Some(_), None) => steps.extend([
                Step::Switch(SwitchStep::SetBridge(spec)),
                Step::Kernel(KernelStep::SetUp(name.clone())),
            ]),
            (Some(_), Some(_)) => {
                steps.extend(self.repair(spec, uplink));
                steps.extend(self.up(name));
            }
        }
        steps
    }

    /// Repairs an existing bridge that another program or an older plan changed.
    fn repair(&self, spec: BridgeSpec, uplink: &IfName) -> Vec<Step> {
        let Some(now) = self.observed.ovs(&spec.name) else { return Vec::new() };
        let mut steps = Vec::new();
        let leads_out =
            |port: &&IfName| *port != uplink && **port != spec.name && self.network.device(port).is_some();
        let stale = now.ports.iter().filter(leads_out);
        steps.extend(stale.map(|port| {
            Step::Switch(SwitchStep::RemovePort { port: port.clone(), bridge: spec.name.clone() })
        }));
        if !now.ports.contains(uplink) {
            steps.push(Step::Switch(SwitchStep::AttachPort {
                port: uplink.clone(),
                bridge: spec.name.clone(),
            }));
        }
        if now.tag != spec.tag {
            steps.push(Step::Switch(SwitchStep::SetTag {
                port: spec.name.clone(),
                from: now.tag,
                to: spec.tag,
            }));
        }
        let wrong_mtu = spec.mtu.is_some() && now.mtu != spec.mtu;
        if now.stp || wrong_mtu {
            steps.push(Step::Switch(SwitchStep::SetBridge(spec)));
        }
        steps
    }
}
