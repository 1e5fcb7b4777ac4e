//! The plan as `xdock plan` prints it.

use std::fmt;

use super::{BridgePlan, HostPlan, Port};
use crate::container::Network;

impl fmt::Display for HostPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        self.bridges.iter().try_for_each(|bridge| write!(f, "\n{bridge}"))
    }
}

impl fmt::Display for BridgePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  bridge {} over {}", self.name, self.port)?;
        line(f, "address", &words(&self.addresses))?;
        line(f, "gateway", &words(&self.gateways))?;
        line(f, "mtu", &words(self.mtu.as_slice()))?;
        self.networks.iter().try_for_each(|network| line(f, "network", &described(network)))
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

/// A line for what is there; nothing for what the tables do not say.
fn line(f: &mut fmt::Formatter<'_>, what: &str, text: &str) -> fmt::Result {
    if text.is_empty() { Ok(()) } else { write!(f, "\n    {what:<8} {text}") }
}

fn words<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

fn described(network: &Network) -> String {
    let vlan = network.vlan.map(|vlan| format!(" vlan {vlan}")).unwrap_or_default();
    format!("{} {}{vlan}", network.name, words(&network.subnets))
}
