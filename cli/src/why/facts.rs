//! The facts from which a path is judged.

use std::net::IpAddr;

use inspection::{Endpoint, Inspection, Probe, Stack};
use inventory::hostplan::{DeviceKind, Port};
use inventory::{DevicePlan, Fabric, HostPlan, IfName, NetName, Network, NodeName, Stamp};

use super::end::{End, EndAddress, Kind};
use super::path::Path;

/// The docker host of an end, as seen for this end.
#[derive(Debug)]
pub(crate) struct HostFacts {
    pub(crate) name: NodeName,
    /// Its network according to the tables.
    pub(crate) plan: Result<HostPlan, String>,
    /// The snapshot that it should have.
    pub(crate) desired: Result<Stamp, String>,
    /// Why the tables leave the end out of the snapshot.
    pub(crate) withheld: Option<String>,
    /// The container's state according to the engine; `None`: the end is the host.
    pub(crate) container: Option<Result<String, String>>,
    /// Facts of the host, or why there are none.
    pub(crate) inspection: Result<Inspection, String>,
    /// If the end is a port of the host: the container that publishes it.
    pub(crate) publisher: Option<Publisher>,
    /// If the host does not answer: one of its containers that does.
    pub(crate) witness: Option<String>,
}

/// The container that publishes a port of its host, according to the tables.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    pub(crate) node: NodeName,
    /// Its own port.
    pub(crate) port: u16,
    /// Its state according to the engine.
    pub(crate) state: Result<String, String>,
}

/// An end with its facts. `host` is `None` for a machine outside.
#[derive(Debug)]
pub(crate) struct EndFacts {
    pub(crate) end: End,
    pub(crate) host: Option<HostFacts>,
}

/// One end of one path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) end: &'a End,
    pub(crate) address: &'a EndAddress,
    pub(crate) host: Option<&'a HostFacts>,
}

/// One path with its facts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk<'a> {
    pub(crate) from: Side<'a>,
    pub(crate) to: Side<'a>,
    /// The network that both ends are on.
    pub(crate) network: Option<&'a NetName>,
}

/// The bridge of a network on a host, according to the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bridge<'a> {
    pub(crate) device: &'a DevicePlan,
    pub(crate) network: &'a Network,
    pub(crate) tag: Option<u16>,
}

impl<'a> Walk<'a> {
    /// A path between two ends.
    pub(crate) fn new(path: &'a Path, from: &'a EndFacts, to: &'a EndFacts) -> Self {
        let side = |facts: &'a EndFacts, address: &'a EndAddress| Side {
            end: &facts.end,
            address,
            host: facts.host.as_ref(),
        };
        Self { from: side(from, &path.from), to: side(to, &path.to), network: path.network.as_ref() }
    }

    /// Whether both ends are on one host.
    pub(crate) fn is_on_one_host(&self) -> bool {
        self.from.end.host.is_some() && self.from.end.host == self.to.end.host
    }

    /// Results of the probes from `from` to `to`.
    pub(crate) fn probes(&self) -> Vec<&'a Probe> {
        let facts = self.from.facts();
        let all = facts.iter().flat_map(|facts| &facts.probes);
        all.filter(|probe| probe.to == self.to.address.address).collect()
    }
}

impl<'a> Side<'a> {
    /// Facts of its host.
    pub(crate) fn facts(&self) -> Option<&'a Inspection> {
        self.host.and_then(|host| host.inspection.as_ref().ok())
    }

    /// Name of its host, or of the end itself.
    pub(crate) fn host_name(&self) -> String {
        self.host.map_or_else(|| self.end.name.clone(), |host| host.name.to_string())
    }

    pub(crate) fn is_container(&self) -> bool {
        self.end.kind == Kind::Container
    }

    /// The network namespace in which its packets begin.
    pub(crate) fn stack(&self) -> Option<&'a Stack> {
        let facts = self.facts()?;
        if self.is_container() { facts.container.as_ref() } else { Some(&facts.host) }
    }

    /// netd's record of its attachment.
    pub(crate) fn endpoint(&self) -> Option<&'a Endpoint> {
        self.facts()?.endpoint(self.address.network.as_ref()?)
    }

    /// The bridge of its network on its host.
    pub(crate) fn bridge(&self) -> Option<Bridge<'a>> {
        let plan = self.host?.plan.as_ref().ok()?;
        let (device, on) = plan.bridge_of(self.address.network.as_ref()?)?;
        Some(Bridge { device, network: &on.network, tag: on.tag })
    }

    /// The interface from which it sends: inside the container, or the host's device.
    pub(crate) fn interface(&self) -> Option<&'a inspection::Link> {
        let stack = self.stack()?;
        if self.is_container() {
            stack.link(self.endpoint()?.inside.as_ref()?.as_str())
        } else {
            self.address.nic.as_ref().and_then(|nic| stack.link(nic.as_str()))
        }
    }

    /// The gateway of its network for the family of its address.
    pub(crate) fn gateway(&self) -> Option<IpAddr> {
        let same = |gateway: &IpAddr| gateway.is_ipv4() == self.address.address.is_ipv4();
        if self.is_container() {
            return self.bridge()?.network.gateways.iter().copied().find(same);
        }
        let plan = self.host?.plan.as_ref().ok()?;
        plan.devices.iter().flat_map(|device| &device.gateways).copied().find(same)
    }
}

/// The fabric of a bridge of the tables.
pub(crate) fn fabric_of(device: &DevicePlan) -> Fabric {
    match device.kind {
        DeviceKind::OvsBridge { .. } => Fabric::Ovs,
        _ => Fabric::Flat,
    }
}

impl<'a> Bridge<'a> {
    pub(crate) fn fabric(&self) -> Fabric {
        fabric_of(self.device)
    }

    /// The uplink that the tables name.
    pub(crate) fn uplink(&self) -> Option<&'a IfName> {
        match self.device.port() {
            Some(Port::Named(name)) => Some(name),
            _ => None,
        }
    }
}
