//! Repairs, and how they are told.

use std::fmt;

use hostnet::firewall;
use hostnet::ovs::PortSpec;
use inventory::{IfName, NodeName};
use plugin::EndpointId;

use crate::state::Endpoint;

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A device of ours that no record has goes.
    Delete { device: IfName },
    /// A port goes back into its bridge.
    Plug { port: IfName, node: NodeName, bridge: IfName, index: u32 },
    /// A port leaves the Linux bridge that it is in.
    Release { port: IfName, node: NodeName },
    /// A port is an access port of its network's VLAN again, on its Open vSwitch bridge.
    PlugIn { port: Box<PortSpec>, node: NodeName },
    /// The host itself hears nothing more through a port of a switch in user space.
    Deafen { port: IfName, node: NodeName },
    /// A port of ours that no record has goes from Open vSwitch.
    Unplug { port: IfName },
    /// A port gets its bridge's MTU.
    Mtu { port: IfName, node: NodeName, mtu: u32 },
    /// A port is switched on.
    Up { port: IfName, node: NodeName },
    /// Bridged traffic may pass Docker's packet filter.
    Firewall(firewall::Step),
}

/// An endpoint whose port goes to another bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The endpoint as it will be.
    pub(crate) endpoint: Endpoint,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint } = self;
        write!(f, "port {} of {} moves", endpoint.port(), endpoint.node)?;
        endpoint.before.iter().try_for_each(|before| write!(f, " from {before}"))?;
        write!(f, " to {}", endpoint.place())
    }
}

/// An endpoint that is a container's no more: record and pair go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retired {
    /// The endpoint.
    pub(crate) endpoint: EndpointId,
    /// Its node.
    pub(crate) node: NodeName,
    /// Its port.
    pub(crate) port: IfName,
    /// Why it goes.
    pub(crate) why: Why,
}

/// Why an endpoint is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its pair is gone, with the container's namespace or by somebody's hand.
    Gone,
    /// Docker began its start and never ended it.
    NeverJoined,
    /// The container has not got its end, and Docker does not delete it.
    Abandoned,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete { device } => write!(f, "left-over device {device} deleted"),
            Self::Plug { port, node, bridge, .. } => {
                write!(f, "port {port} of {node} put back into {bridge}")
            }
            Self::Release { port, node } => write!(f, "port {port} of {node} taken out of its Linux bridge"),
            Self::PlugIn { port, node } => match port.tag {
                Some(tag @ 1..) => {
                    write!(f, "port {} of {node} put back into {}, VLAN {tag}", port.port, port.bridge)
                }
                _ => write!(f, "port {} of {node} put back into {}", port.port, port.bridge),
            },
            Self::Deafen { port, node } => {
                write!(f, "port {port} of {node} made deaf again: the host itself heard what is sent into it")
            }
            Self::Unplug { port } => write!(f, "left-over port {port} taken out of Open vSwitch"),
            Self::Mtu { port, node, mtu } => write!(f, "MTU of port {port} of {node} set to {mtu}"),
            Self::Up { port, node } => write!(f, "port {port} of {node} switched on"),
            Self::Firewall(step) => write!(f, "packet filter: {step}"),
        }
    }
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint: _, node, port, why } = self;
        write!(f, "record of {node} ({port}) removed: {why}")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "its interface is gone",
            Self::NeverJoined => "its start was never ended",
            Self::Abandoned => "no container has it",
        })
    }
}
