//! Allowed combinations of devices: those that the kernel and Open vSwitch support, and xCAT allows
//! (`confignetwork`): bonds over NICs; VLANs over NICs and bonds; bridges over NICs, bonds and VLANs.

use super::compile::HostTables;
use super::error::HostPlanError;
use super::{DeviceKind, DevicePlan, Port};
use crate::name::IfName;
use crate::nics::NicKind;

impl HostTables {
    /// Refuses invalid pairs of devices.
    pub(super) fn refuse_impossible(&self, devices: &[DevicePlan]) -> Result<(), HostPlanError> {
        for device in devices {
            for lower in device.below() {
                if let Some(rule) = self.broken_rule(device, lower) {
                    return Err(HostPlanError::Stacking {
                        host: self.host.clone(),
                        upper: device.name.clone(),
                        lower: lower.clone(),
                        rule,
                    });
                }
            }
        }
        for (at, second) in devices.iter().enumerate() {
            for first in devices.iter().take(at) {
                self.refuse_shared(first, second)?;
            }
        }
        Ok(())
    }

    fn broken_rule(&self, device: &DevicePlan, lower: &IfName) -> Option<String> {
        let kind = self.nics.get(lower.as_str()).and_then(|nic| nic.kind).unwrap_or(NicKind::Ethernet);
        if *lower == device.name {
            return Some("it cannot be below itself".to_owned());
        }
        match (&device.kind, kind) {
            (_, NicKind::Bmc | NicKind::Unused) => {
                Some(format!("nictypes.{lower}={kind} is not an interface of the operating system"))
            }
            (_, NicKind::Unknown) => Some(format!("nictypes.{lower} is an unknown type")),
            (_, NicKind::Infiniband | NicKind::Omnipath) => Some(format!(
                "{lower} is {kind}, which carries no Ethernet frames; only an Ethernet interface can be below {}",
                device.word()
            )),
            (DeviceKind::Bond { .. }, NicKind::Ethernet) => self.addressed(lower, device),
            (DeviceKind::Vlan { .. }, NicKind::Ethernet | NicKind::Bond)
            | (
                DeviceKind::Bridge { .. } | DeviceKind::OvsBridge { .. },
                NicKind::Ethernet | NicKind::Bond | NicKind::Vlan,
            ) => None,
            _ => Some(format!(
                "{} cannot be over a {kind}; bonds are over NICs, VLANs over NICs and bonds, bridges over NICs, bonds and VLANs",
                device.word()
            )),
        }
    }

    /// Refuses addresses of a bond's ports. A bridge takes over the addresses of its port, a bond does not.
    fn addressed(&self, port: &IfName, bond: &DevicePlan) -> Option<String> {
        let ips = &self.nics.get(port.as_str())?.ips;
        let ip = ips.first()?;
        Some(format!(
            "{port} has nicips {ip}, but a port of a bond has no address; move it to nicips.{}",
            bond.name
        ))
    }

    fn refuse_shared(&self, first: &DevicePlan, second: &DevicePlan) -> Result<(), HostPlanError> {
        let bridges = first.port().is_some() && second.port().is_some();
        let shared = if first.name == second.name {
            Some("their name".to_owned())
        } else if let Some(address) = first.addresses.iter().find(|one| second.has(one)) {
            Some(format!("address {}", address.addr()))
        } else {
            let network = first.networks.iter().find(|one| second.has_network(one));
            network
                .map(|one| format!("network {}", one.network.name))
                .or_else(|| self.shared_port(first, second))
        };
        match shared {
            None => Ok(()),
            Some(shared) => Err(HostPlanError::Shared {
                host: self.host.clone(),
                what: if bridges { "bridges" } else { "devices" },
                first: first.name.clone(),
                second: second.name.clone(),
                shared,
            }),
        }
    }

    /// VLANs can share a parent. A port belongs to one bond or bridge, and Open vSwitch receives its port's
    /// frames of all VLANs.
    fn shared_port(&self, first: &DevicePlan, second: &DevicePlan) -> Option<String> {
        let taken = |device: &DevicePlan| match &device.kind {
            DeviceKind::Vlan { .. } | DeviceKind::Ethernet => Vec::new(),
            _ => self.ports(device),
        };
        let under_ovs = |device: &DevicePlan| match &device.kind {
            DeviceKind::OvsBridge { .. } => self.ports(device),
            _ => Vec::new(),
        };
        let parent = |device: &DevicePlan| match &device.kind {
            DeviceKind::Vlan { parent, .. } => vec![parent.as_str().to_owned()],
            _ => Vec::new(),
        };
        let common = |one: Vec<String>, other: Vec<String>| one.into_iter().find(|name| other.contains(name));
        common(taken(first), taken(second))
            .or_else(|| common(under_ovs(first), parent(second)))
            .or_else(|| common(parent(first), under_ovs(second)))
            .map(|name| format!("port {name}"))
    }

    fn ports(&self, device: &DevicePlan) -> Vec<String> {
        match device.port() {
            Some(Port::Carrying(_)) => self.installnic.clone().into_iter().collect(),
            _ => device.below().iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }
}

impl DevicePlan {
    fn has(&self, address: &ipnet::IpNet) -> bool {
        self.addresses.iter().any(|own| own.addr() == address.addr())
    }

    fn has_network(&self, other: &super::BridgedNetwork) -> bool {
        self.networks.iter().any(|on| on.network.name == other.network.name)
    }

    /// Name of the kind with its article, for messages.
    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            DeviceKind::Ethernet => "an Ethernet interface",
            DeviceKind::Bond { .. } => "a bond",
            DeviceKind::Vlan { .. } => "a VLAN",
            DeviceKind::Bridge { .. } => "a bridge",
            DeviceKind::OvsBridge { .. } => "an Open vSwitch bridge",
        }
    }
}
