//! A part of the network that a step restores. Fights are counted for each.

use std::fmt;

use inventory::IfName;
use ipnet::IpNet;

use super::super::plan::{KernelStep, Step, SwitchStep};
use super::super::resolved::ResolvedNetwork;

/// A part of the confirmed network that can be missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A bridge, bond or VLAN.
    Device(IfName),
    /// A port of a bridge or bond.
    Port {
        /// The port.
        port: IfName,
        /// The bridge or bond.
        of: IfName,
    },
    /// An address of the host.
    Address(IfName, IpNet),
    /// A route, by its destination.
    Route(IfName, IpNet),
    /// Whether an interface is up.
    Up(IfName),
    /// The MTU of an interface.
    Mtu(IfName),
    /// The VLAN of a port.
    Tag(IfName),
    /// Options of a bridge or bond.
    Options(IfName),
    /// The isolation of an uplink from the host's IP network.
    IpFilter(IfName),
}

impl Object {
    /// What a step restores. `None`: it only accompanies other steps.
    pub fn of(step: &Step, network: &ResolvedNetwork) -> Option<Self> {
        match step {
            Step::Kernel(step) => Self::of_kernel(step, network),
            Step::Switch(step) => Self::of_switch(step),
            Step::Daemon(_) => None,
        }
    }

    fn of_kernel(step: &KernelStep, network: &ResolvedNetwork) -> Option<Self> {
        Some(match step {
            KernelStep::AddBridge(spec) => Self::Device(spec.name.clone()),
            KernelStep::AddBond(spec) => Self::Device(spec.name.clone()),
            KernelStep::AddVlan(spec) => Self::Device(spec.name.clone()),
            KernelStep::SetBridge { device, .. } | KernelStep::SetBond { device, .. } => {
                Self::Options(device.clone())
            }
            KernelStep::AttachPort { port, bridge } => Self::Port { port: port.clone(), of: bridge.clone() },
            // an address that moves along from a lower device is none of the confirmed network
            KernelStep::AddAddress(device, address) => {
                let saved = network.device(device)?;
                saved.addresses.contains(address).then(|| Self::Address(device.clone(), *address))?
            }
            KernelStep::Route { device, route, .. } => Self::Route(device.clone(), route.destination),
            KernelStep::SetUp(device) => Self::Up(device.clone()),
            KernelStep::SetMtu { device, .. } => {
                network.device(device)?;
                Self::Mtu(device.clone())
            }
            KernelStep::SetHostIpFilter { device, .. } => Self::IpFilter(device.clone()),
            _ => return None,
        })
    }

    fn of_switch(step: &SwitchStep) -> Option<Self> {
        Some(match step {
            SwitchStep::AddBridge(spec) => Self::Device(spec.name.clone()),
            SwitchStep::SetBridge(spec) => Self::Options(spec.name.clone()),
            SwitchStep::AttachPort { port, bridge } => Self::Port { port: port.clone(), of: bridge.clone() },
            SwitchStep::SetTag { port, .. } => Self::Tag(port.clone()),
            SwitchStep::RemoveBridge(_) | SwitchStep::DeleteBridge(_) | SwitchStep::RemovePort { .. } => {
                return None;
            }
        })
    }

    /// The device without which it cannot exist.
    pub fn device(&self) -> &IfName {
        match self {
            Self::Port { of, .. } => of,
            Self::Device(device)
            | Self::Address(device, _)
            | Self::Route(device, _)
            | Self::Up(device)
            | Self::Mtu(device)
            | Self::Tag(device)
            | Self::Options(device)
            | Self::IpFilter(device) => device,
        }
    }

    /// Whether the other steps of its devices are safe without it: none of them takes an address away that only it gives back.
    pub fn is_optional(&self) -> bool {
        match self {
            Self::Device(_) | Self::Port { .. } | Self::Address(..) | Self::Up(_) => false,
            Self::Route(..) | Self::Mtu(_) | Self::Tag(_) | Self::Options(_) | Self::IpFilter(_) => true,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "device {device}"),
            Self::Port { port, of } => write!(f, "port {port} of {of}"),
            Self::Address(device, address) => write!(f, "address {address} of {device}"),
            Self::Route(device, to) if to.prefix_len() == 0 => write!(f, "default route through {device}"),
            Self::Route(device, to) => write!(f, "route to {to} through {device}"),
            Self::Up(device) => write!(f, "link state of {device}"),
            Self::Mtu(device) => write!(f, "MTU of {device}"),
            Self::Tag(device) => write!(f, "VLAN of {device}"),
            Self::Options(device) => write!(f, "options of {device}"),
            Self::IpFilter(device) => write!(f, "isolation of {device} from the host's IP network"),
        }
    }
}
