//! Which NIC each bridge of the plan is over on this machine, and whether that can be. Pure.

use std::net::IpAddr;

use hostnet::{Kind, Link};
use inventory::{DeviceKind, DevicePlan, IfName, NetName, Port};
use ipnet::IpNet;
use thiserror::Error;

use super::observe::{Observed, is_containers};

/// A Linux bridge of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgePlan {
    /// Its name.
    pub name: IfName,
    /// The NIC that becomes its port.
    pub port: Port,
    /// The host's own addresses on it.
    pub addresses: Vec<IpNet>,
    /// Default gateways through it.
    pub gateways: Vec<IpAddr>,
    /// MTU in bytes, of bridge and port; `None`: leave what is.
    pub mtu: Option<u32>,
    /// The networks whose containers are plugged into it.
    pub networks: Vec<NetName>,
}

/// The Linux bridges of a plan that has nothing but them and NICs below them.
///
/// # Errors
/// Another device.
pub fn bridges(plan: &inventory::HostPlan) -> Result<Vec<BridgePlan>, ResolveError> {
    let mut bridges = Vec::new();
    for device in &plan.devices {
        match &device.kind {
            DeviceKind::Bridge { port } => bridges.push(bridge_plan(device, port)),
            DeviceKind::Ethernet if device.addresses.is_empty() => {}
            _ => return Err(ResolveError::Unsupported { device: device.name.clone() }),
        }
    }
    Ok(bridges)
}

fn bridge_plan(device: &DevicePlan, port: &Port) -> BridgePlan {
    BridgePlan {
        name: device.name.clone(),
        port: port.clone(),
        addresses: device.addresses.clone(),
        gateways: device.gateways.clone(),
        mtu: device.mtu,
        networks: device.networks.iter().map(|on| on.network.name.clone()).collect(),
    }
}

/// A bridge as it shall be on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Its name.
    pub name: IfName,
    /// The NIC that is its port.
    pub port: IfName,
    /// The host's own addresses on it.
    pub addresses: Vec<IpNet>,
    /// Default gateways through it.
    pub gateways: Vec<IpAddr>,
    /// MTU of bridge and port; `None`: as it is.
    pub mtu: Option<u32>,
    /// The networks on it.
    pub networks: Vec<NetName>,
}

/// A plan that this machine can not follow. Nothing was changed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Not built.
    #[error(
        "{device} is not supported yet; bridges over Ethernet are (nictypes.{device}=bridge nicdevices.{device}=NIC)"
    )]
    Unsupported {
        /// The device.
        device: IfName,
    },
    /// The port is not there.
    #[error(
        "there is no interface {port} for bridge {bridge}; this host has {present}: correct nicdevices.{bridge}"
    )]
    NoPort {
        /// The bridge.
        bridge: IfName,
        /// What the tables name.
        port: IfName,
        /// What is there.
        present: String,
    },
    /// No interface has the address.
    #[error(
        "no interface has {address}, so the NIC of bridge {bridge} is not known; this host has {present}: name one (nictypes.{bridge}=bridge nicdevices.{bridge}=NIC nicnetworks.{bridge}=NETWORK)"
    )]
    NoCarrier {
        /// The bridge.
        bridge: IfName,
        /// The address of the tables.
        address: IpAddr,
        /// What is there.
        present: String,
    },
    /// Another bridge has the address.
    #[error(
        "{address} is on bridge {other}, not on a NIC; to use {other}, name it in the tables (nictypes.{other}=bridge nicdevices.{other}=NIC nicnetworks.{other}=NETWORK)"
    )]
    OnBridge {
        /// The address of the tables.
        address: IpAddr,
        /// The bridge that has it.
        other: IfName,
    },
    /// Several NICs are in the bridge.
    #[error("bridge {bridge} has the ports {ports}; name its NIC (nicdevices.{bridge}=NIC)")]
    Ports {
        /// The bridge.
        bridge: IfName,
        /// Its ports.
        ports: String,
    },
    /// The NIC is in use.
    #[error(
        "{port} is a port of {other}, so bridge {bridge} can not have it; take it out of {other}, or correct nicdevices.{bridge}"
    )]
    Enslaved {
        /// The bridge.
        bridge: IfName,
        /// The NIC.
        port: IfName,
        /// Where it is.
        other: String,
    },
    /// A bridge carries Ethernet frames only.
    #[error("{port} is no Ethernet interface, so bridge {bridge} can not be over it")]
    NotEthernet {
        /// The bridge.
        bridge: IfName,
        /// The interface.
        port: IfName,
    },
    /// The name is taken.
    #[error("there is an interface {bridge} that is no bridge; rename it, or the bridge")]
    NameTaken {
        /// The bridge.
        bridge: IfName,
    },
    /// An address that would be lost.
    #[error(
        "{port} has {address}, which the tables do not give it; add it to nicips.{bridge} (bridge {bridge} takes the place of {port}), or remove it"
    )]
    Foreign {
        /// The bridge.
        bridge: IfName,
        /// The NIC.
        port: IfName,
        /// The address.
        address: IpNet,
    },
}

/// The bridge of the plan on this machine. `remembered` is the port in the file that an earlier run wrote.
///
/// # Errors
/// The machine can not follow the plan; the message says what to do.
pub fn resolve(
    plan: &BridgePlan,
    observed: &Observed,
    remembered: Option<IfName>,
) -> Result<Bridge, ResolveError> {
    let port = match &plan.port {
        Port::Named(port) => port.clone(),
        Port::Carrying(address) => carrying(plan, *address, observed, remembered)?,
    };
    let bridge = Bridge {
        name: plan.name.clone(),
        addresses: plan.addresses.clone(),
        gateways: gateways(plan, &port, observed),
        port,
        mtu: plan.mtu,
        networks: plan.networks.clone(),
    };
    bridge.refuse_impossible(observed)?;
    Ok(bridge)
}

/// The default gateways through the bridge: what the tables say, else what the NIC has, so that a host which got its
/// gateway elsewhere keeps it. A family whose default route goes another way keeps that: two would take turns.
fn gateways(plan: &BridgePlan, port: &IfName, observed: &Observed) -> Vec<IpAddr> {
    let defaults: Vec<(&IfName, IpAddr)> = observed.defaults().collect();
    let here = |device: &IfName| *device == *port || *device == plan.name;
    let mut gateways = Vec::new();
    for of_family in [IpAddr::is_ipv4 as fn(&IpAddr) -> bool, IpAddr::is_ipv6] {
        let mut now = defaults.iter().filter(|(_, gateway)| of_family(gateway));
        let elsewhere = now.clone().any(|(device, _)| !here(device));
        let said = plan.gateways.iter().copied().find(of_family);
        let kept = now.find(|(device, _)| here(device)).map(|(_, gateway)| *gateway);
        gateways.extend(said.filter(|_| !elsewhere || kept.is_some()).or(kept));
    }
    gateways
}

fn carrying(
    plan: &BridgePlan,
    address: IpAddr,
    observed: &Observed,
    remembered: Option<IfName>,
) -> Result<IfName, ResolveError> {
    let carrier = observed.carrier(address);
    match carrier {
        Some(link) if link.name == plan.name => port_of(plan, link, observed, remembered),
        Some(link) if link.kind == Kind::Bridge => {
            Err(ResolveError::OnBridge { address, other: link.name.clone() })
        }
        Some(link) => Ok(link.name.clone()),
        None => remembered.ok_or_else(|| ResolveError::NoCarrier {
            bridge: plan.name.clone(),
            address,
            present: observed.names(),
        }),
    }
}

/// The NIC of a bridge that is there: its one port that is no container's.
fn port_of(
    plan: &BridgePlan,
    bridge: &Link,
    observed: &Observed,
    remembered: Option<IfName>,
) -> Result<IfName, ResolveError> {
    let ports: Vec<&IfName> = observed
        .links
        .iter()
        .filter(|link| link.master == Some(bridge.index) && !is_containers(&link.name))
        .map(|link| &link.name)
        .collect();
    match (ports.as_slice(), remembered) {
        ([port], _) => Ok((*port).clone()),
        (_, Some(port)) => Ok(port),
        (ports, None) => {
            let names: Vec<&str> = ports.iter().map(|port| port.as_str()).collect();
            let ports = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(ResolveError::Ports { bridge: plan.name.clone(), ports })
        }
    }
}

impl Bridge {
    fn refuse_impossible(&self, observed: &Observed) -> Result<(), ResolveError> {
        let bridge = || self.name.clone();
        let own = observed.link(&self.name);
        if own.is_some_and(|link| link.kind != Kind::Bridge) {
            return Err(ResolveError::NameTaken { bridge: bridge() });
        }
        let Some(port) = observed.link(&self.port) else {
            return Err(ResolveError::NoPort {
                bridge: bridge(),
                port: self.port.clone(),
                present: observed.names(),
            });
        };
        if port.mac.is_none() || port.kind == Kind::Bridge || port.name.as_str() == "lo" {
            return Err(ResolveError::NotEthernet { bridge: bridge(), port: self.port.clone() });
        }
        match port.master {
            Some(master) if own.is_none_or(|own| own.index != master) => Err(ResolveError::Enslaved {
                bridge: bridge(),
                port: self.port.clone(),
                other: observed.name_of(master),
            }),
            _ => self.refuse_foreign(observed),
        }
    }

    /// An IPv4 address that would silently be gone. IPv6 ones mostly come by themselves (RFC 4862), on the bridge too.
    fn refuse_foreign(&self, observed: &Observed) -> Result<(), ResolveError> {
        let ours = |address: &IpNet| self.addresses.iter().any(|own| own.addr() == address.addr());
        let foreign =
            observed.addresses(&self.port).find(|address| address.addr().is_ipv4() && !ours(address));
        match foreign {
            None => Ok(()),
            Some(address) => {
                Err(ResolveError::Foreign { bridge: self.name.clone(), port: self.port.clone(), address })
            }
        }
    }
}
