//! Repairs, and their text in the log and in `netd status`.

use std::fmt;
use std::path::PathBuf;

use hostnet::ovs::{Flow, PortSpec};
use hostnet::{PortFilter, firewall, publish};
use inventory::{IfName, NetName, NodeName};
use plugin::EndpointId;

use crate::host::Generation;
use crate::names::{Container, Entry};
use crate::publish::FlowStep;
use crate::state::Endpoint;

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Delete a device of netd that no record names.
    DeleteDevice { device: IfName },
    /// Change a port of a Linux bridge.
    BridgePort(BridgePortStep),
    /// Change a port of an Open vSwitch bridge.
    OvsPort(OvsPortStep),
    /// Set a port's MTU to that of its bridge.
    SetMtu { port: IfName, node: NodeName, mtu: u32 },
    /// Set a port up.
    SetUp { port: IfName, node: NodeName },
    /// Let bridged traffic pass Docker's packet filter.
    Firewall(firewall::Step),
    /// Publish ports, as planned from this version of what is wanted.
    Publish(Generation, publish::Step),
    /// Change the flows of published ports, as planned from this version of what is wanted.
    PublishFlows(Generation, FlowStep),
    /// Open the DNS sockets of a container.
    OpenNames { sandbox: PathBuf, node: NodeName },
    /// Correct the lines of links in /etc/hosts of a container.
    WriteHosts { container: Container, node: NodeName, wanted: Vec<Entry> },
    /// Close DNS sockets that no container uses.
    CloseNames { sandbox: PathBuf },
}

/// A repair of a Linux bridge's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BridgePortStep {
    /// Attach a port to its bridge.
    Attach { port: IfName, node: NodeName, bridge: IfName, index: u32 },
    /// Detach a port from the Linux bridge that has it.
    Detach { port: IfName, node: NodeName },
    /// Set the filter of a port.
    Filter { port: IfName, node: NodeName, filter: Box<PortFilter> },
}

/// A repair of an Open vSwitch port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OvsPortStep {
    /// Make a port an access port of its network's VLAN.
    Attach { port: Box<PortSpec>, node: NodeName, filter: Box<PortFilter> },
    /// Make the host's IP stack ignore what arrives on a port of a userspace switch.
    Isolate { port: IfName, node: NodeName },
    /// Add flows to the filter of a port.
    Filter { port: IfName, node: NodeName, bridge: IfName, flows: Vec<Flow> },
    /// Add flows that the ports of an isolated network share.
    Isolation { network: NetName, bridge: IfName, flows: Vec<Flow> },
    /// Remove flows of netd that no filter has.
    RemoveFlows { bridge: IfName, cookies: Vec<u64> },
    /// Remove a port of netd that no record names.
    Remove { port: IfName },
}

/// An endpoint whose port moves to another bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The endpoint after the move.
    pub(crate) endpoint: Endpoint,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint } = self;
        write!(f, "port {} of {} moved", endpoint.port(), endpoint.node)?;
        endpoint.previous.iter().try_for_each(|previous| write!(f, " from {previous}"))?;
        write!(f, " to {}", endpoint.location())
    }
}

/// An endpoint that no container uses: its record and veth pair are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaleEndpoint {
    pub(crate) endpoint: EndpointId,
    pub(crate) node: NodeName,
    pub(crate) port: IfName,
    pub(crate) reason: StaleReason,
}

/// Why an endpoint is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StaleReason {
    /// Its veth pair was deleted, with the container's namespace or by hand.
    NoLink,
    /// Docker began the start of the container and did not complete it.
    NeverJoined,
    /// Its interface is not in a container, and Docker does not delete it.
    Abandoned,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteDevice { device } => write!(f, "left-over device {device} deleted"),
            Self::BridgePort(step) => step.fmt(f),
            Self::OvsPort(step) => step.fmt(f),
            Self::SetMtu { port, node, mtu } => write!(f, "MTU of port {port} of {node} set to {mtu}"),
            Self::SetUp { port, node } => write!(f, "port {port} of {node} set up"),
            Self::Firewall(step) => write!(f, "packet filter: {step}"),
            Self::Publish(_, step) => write!(f, "published ports: {step}"),
            Self::WriteHosts { container: _, node, wanted: _ } => {
                write!(f, "addresses of links in /etc/hosts of {node} corrected")
            }
            Self::PublishFlows(_, FlowStep { bridge, add, .. }) if !add.is_empty() => {
                write!(f, "flows of published ports set on {bridge}")
            }
            Self::PublishFlows(_, FlowStep { bridge, .. }) => {
                write!(f, "left-over flows of published ports removed from {bridge}")
            }
            Self::OpenNames { sandbox: _, node } => write!(f, "DNS sockets of {node} opened"),
            Self::CloseNames { sandbox } => {
                write!(f, "left-over DNS sockets in {} closed", sandbox.display())
            }
        }
    }
}

impl fmt::Display for BridgePortStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach { port, node, bridge, .. } => {
                write!(f, "port {port} of {node} attached to {bridge}")
            }
            Self::Detach { port, node } => {
                write!(f, "port {port} of {node} detached from its Linux bridge")
            }
            Self::Filter { port, node, .. } => write!(f, "filter of port {port} of {node} set"),
        }
    }
}

impl fmt::Display for OvsPortStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach { port, node, .. } => match port.tag {
                Some(tag @ 1..) => {
                    write!(f, "port {} of {node} attached to {}, VLAN {tag}", port.port, port.bridge)
                }
                _ => write!(f, "port {} of {node} attached to {}", port.port, port.bridge),
            },
            Self::Isolate { port, node } => {
                write!(f, "port {port} of {node} isolated from the host's IP stack")
            }
            Self::Filter { port, node, .. } => write!(f, "filter of port {port} of {node} set"),
            Self::Isolation { network, bridge, .. } => {
                write!(f, "isolation of network {network} set on {bridge}")
            }
            Self::RemoveFlows { bridge, cookies } => {
                write!(f, "{} left-over flows removed from {bridge}", cookies.len())
            }
            Self::Remove { port } => write!(f, "left-over port {port} removed from Open vSwitch"),
        }
    }
}

impl fmt::Display for StaleEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint: _, node, port, reason } = self;
        write!(f, "record of {node} ({port}) removed: {reason}")
    }
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLink => "its interface does not exist",
            Self::NeverJoined => "Docker did not complete its start",
            Self::Abandoned => "no container uses it",
        })
    }
}
