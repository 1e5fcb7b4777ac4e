//! The plan as `xdock plan` prints it.

use std::fmt;

use super::{BridgedNetwork, Datapath, DeviceKind, DevicePlan, HostPlan, Port};

impl fmt::Display for HostPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        // a NIC that is only a port appears at its upper device
        let shown = self
            .devices
            .iter()
            .filter(|device| !matches!(device.kind, DeviceKind::Ethernet) || !device.addresses.is_empty());
        shown.into_iter().try_for_each(|device| write!(f, "\n{device}"))?;
        self.ignored.iter().try_for_each(|why| write!(f, "\n  ignored: {why}"))
    }
}

impl fmt::Display for DevicePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DeviceKind::Ethernet => write!(f, "  ethernet {}", self.name)?,
            DeviceKind::Bond { ports, .. } => write!(f, "  bond {} over {}", self.name, joined(ports))?,
            DeviceKind::Vlan { parent, id } => write!(f, "  vlan {} over {parent}, VLAN {id}", self.name)?,
            DeviceKind::Bridge { port } => write!(f, "  bridge {} over {port}", self.name)?,
            DeviceKind::OvsBridge { port, datapath } => {
                write!(f, "  Open vSwitch bridge {} over {port}", self.name)?;
                if *datapath == Datapath::Netdev {
                    f.write_str(", userspace datapath")?;
                }
            }
        }
        line(f, "address", &joined(&self.addresses))?;
        line(f, "vlan", &joined(self.tag.as_slice()))?;
        line(f, "gateway", &joined(&self.gateways))?;
        line(f, "mtu", &joined(self.mtu.as_slice()))?;
        if let DeviceKind::Bond { options, .. } = &self.kind {
            let options: Vec<String> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
            line(f, "options", &options.join(" "))?;
        }
        self.networks.iter().try_for_each(|on| line(f, "network", &described(on)))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{name}"),
            Self::Carrying(ip) => write!(f, "the interface that has {ip}"),
        }
    }
}

/// Writes a line, or nothing if the text is empty.
fn line(f: &mut fmt::Formatter<'_>, what: &str, text: &str) -> fmt::Result {
    if text.is_empty() { Ok(()) } else { write!(f, "\n    {what:<8} {text}") }
}

fn joined<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

fn described(on: &BridgedNetwork) -> String {
    let vlan = on.network.vlan.map(|vlan| format!(" vlan {vlan}")).unwrap_or_default();
    format!("{} {}{vlan}", on.network.name, joined(&on.network.subnets))
}
