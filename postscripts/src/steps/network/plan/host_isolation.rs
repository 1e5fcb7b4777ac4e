//! Isolation of NICs from the host's IP stack. A userspace datapath reads copies of the frames. The kernel's
//! IP stack would answer each frame a second time, and forward what the switch keeps in its VLAN.

use hostnet::HostIpFilter;
use inventory::{Datapath, IfName};

use super::{Component, KernelStep, Step};
use crate::steps::network::resolved::{Device, Kind};

impl Component<'_> {
    /// Last in the change: until the bridge has the address, the host is reached through its NIC.
    pub(super) fn isolate_uplinks(&self) -> Vec<Step> {
        let uplinks = self.devices.iter().filter_map(|device| uplink(device));
        let not_isolated = uplinks.filter(|port| !self.observed.is_isolated(port));
        let isolate = |port: &IfName| {
            Step::Kernel(KernelStep::SetHostIpFilter {
                device: port.clone(),
                // a device created in this run vanishes on rollback
                from: self.observed.host_ip_filter(port).unwrap_or(HostIpFilter::KERNEL_DEFAULT),
                to: HostIpFilter::BLOCKED,
            })
        };
        not_isolated.map(isolate).collect()
    }

    /// Ends the isolation that a former userspace datapath has left, before the NIC is used.
    pub(super) fn end_isolation(&self) -> Vec<Step> {
        let is_isolated = |device: &&&Device| {
            let is_uplink = self.network.devices.iter().any(|above| uplink(above) == Some(&device.name));
            !is_uplink && self.observed.is_isolated(&device.name)
        };
        let (from, to) = (HostIpFilter::BLOCKED, HostIpFilter::KERNEL_DEFAULT);
        let restore = |device: &&Device| {
            Step::Kernel(KernelStep::SetHostIpFilter { device: device.name.clone(), from, to })
        };
        self.devices.iter().filter(is_isolated).map(restore).collect()
    }
}

/// The uplink of a bridge with a userspace datapath.
fn uplink(device: &Device) -> Option<&IfName> {
    match &device.kind {
        Kind::OvsBridge { port, datapath: Datapath::Netdev, .. } => Some(port),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::network::observe::Observed;
    use crate::steps::network::plan::plan;
    use crate::steps::network::resolved::ResolvedNetwork;

    fn isolation_steps(kind: Kind, filter: HostIpFilter) -> Vec<String> {
        let network = ResolvedNetwork {
            devices: vec![
                Device::bare("eth0".parse().unwrap(), Kind::Ethernet),
                Device::bare("br0".parse().unwrap(), kind),
            ],
        };
        let host_ip_filters = vec![("eth0".parse().unwrap(), filter)];
        let steps = plan(&network, &Observed { host_ip_filters, ..Observed::default() });
        let isolation =
            steps.iter().filter(|step| matches!(step, Step::Kernel(KernelStep::SetHostIpFilter { .. })));
        isolation.map(ToString::to_string).collect()
    }

    fn ovs(datapath: Datapath) -> Kind {
        Kind::OvsBridge { port: "eth0".parse().unwrap(), datapath, tag: None }
    }

    #[test]
    fn only_a_switch_in_user_space_has_its_nic_alone() {
        let linux = || Kind::Bridge { port: "eth0".parse().unwrap() };
        let isolate = ["isolate eth0 from the host's IP stack"];
        assert_eq!(isolation_steps(ovs(Datapath::Netdev), HostIpFilter::KERNEL_DEFAULT), isolate);
        // one of the values was reset
        for back in [
            HostIpFilter { arp_ignore: 0, ..HostIpFilter::BLOCKED },
            HostIpFilter { rp_filter: 0, ..HostIpFilter::BLOCKED },
            HostIpFilter { disable_ipv6: false, ..HostIpFilter::BLOCKED },
        ] {
            assert_eq!(isolation_steps(ovs(Datapath::Netdev), back), isolate);
        }
        // systemd-sysctl's value for new interfaces drops the same packets
        let loose = HostIpFilter { rp_filter: 2, ..HostIpFilter::BLOCKED };
        assert_eq!(isolation_steps(ovs(Datapath::Netdev), loose), Vec::<String>::new());
        for kind in [ovs(Datapath::System), linux()] {
            assert_eq!(isolation_steps(kind, HostIpFilter::KERNEL_DEFAULT), Vec::<String>::new());
        }
    }

    #[test]
    fn the_former_uplink_of_a_userspace_datapath_is_no_longer_isolated() {
        assert_eq!(isolation_steps(ovs(Datapath::Netdev), HostIpFilter::BLOCKED), Vec::<String>::new());
        let again = ["end the isolation of eth0 from the host's IP stack"];
        assert_eq!(isolation_steps(ovs(Datapath::System), HostIpFilter::BLOCKED), again);
        assert_eq!(
            isolation_steps(Kind::Bridge { port: "eth0".parse().unwrap() }, HostIpFilter::BLOCKED),
            again
        );
    }
}
