//! Input and output of the planner: the observed host, and the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hostnet::ovs::{self, FlowCounts};
use hostnet::{Installed, Link, firewall};
use inventory::IfName;

use super::step::{Moved, StaleEndpoint, Step};
use crate::boot_time::BootTime;
use crate::host::{PublishView, SwitchedView};
use crate::names::{self, Container};
use crate::state::Endpoint;

/// The host at one time.
#[derive(Debug)]
pub(crate) struct Observation {
    /// When the observation began.
    pub(crate) began: BootTime,
    /// All interfaces of the host's network namespace.
    pub(crate) links: Vec<Link>,
    /// Open vSwitch, if it was observed.
    pub(crate) switch: Option<Result<ovs::Observed, String>>,
    /// Ports of netd whose traffic the host's IP stack accepts, if that was observed.
    pub(crate) not_isolated: BTreeSet<IfName>,
    /// The filters of netd's ports on Linux bridges by index of the port, if they were observed.
    pub(crate) filters: Option<BTreeMap<u32, Installed>>,
    /// netd's flows on bridges of Open vSwitch, if they were observed.
    pub(crate) flows: BTreeMap<IfName, FlowCounts>,
    /// Bridges whose flows could not be read.
    pub(crate) flow_problems: Vec<String>,
    /// Sandboxes of containers and their DNS sockets.
    pub(crate) sandboxes: names::Observed,
    /// The containers of the sandboxes, and their /etc/hosts.
    pub(crate) hosts_files: HostsFiles,
    /// The packet filter, if it was observed.
    pub(crate) firewall: Option<Result<firewall::Observed, String>>,
    /// Published ports, if they were observed.
    pub(crate) published: Option<Result<PublishView, String>>,
    /// The flows of published ports, if they were observed.
    pub(crate) switched: Option<SwitchedView>,
}

/// Containers by sandbox, and the content of /etc/hosts of those with links.
#[derive(Debug, Default)]
pub(crate) struct HostsFiles {
    /// Docker's containers.
    pub(crate) containers: BTreeMap<PathBuf, Container>,
    /// Content of their /etc/hosts.
    pub(crate) texts: BTreeMap<PathBuf, String>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

/// An observation, indexed by name.
#[derive(Debug)]
pub(crate) struct HostView<'a> {
    links: BTreeMap<&'a str, &'a Link>,
    switch: Option<&'a ovs::Observed>,
    observation: &'a Observation,
}

impl<'a> HostView<'a> {
    pub(super) fn new(observation: &'a Observation) -> Self {
        let links = observation.links.iter().map(|link| (link.name.as_str(), link)).collect();
        let switch = observation.switch.as_ref().and_then(|switch| switch.as_ref().ok());
        Self { links, switch, observation }
    }

    /// The interface of this name.
    pub(crate) fn link(&self, name: &IfName) -> Option<&'a Link> {
        self.links.get(name.as_str()).copied()
    }

    /// All interfaces.
    pub(super) fn links(&self) -> impl Iterator<Item = &'a Link> {
        self.links.values().copied()
    }

    /// Whether an interface of this name exists.
    pub(super) fn has_link(&self, name: &str) -> bool {
        self.links.contains_key(name)
    }

    /// Whether the host's IP stack ignores what arrives on a port of netd.
    pub(crate) fn is_isolated(&self, port: &IfName) -> bool {
        !self.observation.not_isolated.contains(port)
    }

    /// The bridge or bond of a port.
    pub(crate) fn master(&self, port: &Link) -> Option<&'a Link> {
        let index = port.master?;
        self.links.values().find(|link| link.index == index).copied()
    }

    /// The filter of a port of netd, if it was observed.
    pub(crate) fn filter(&self, port: &Link) -> Option<&'a Installed> {
        self.observation.filters.as_ref()?.get(&port.index)
    }

    /// netd's flows on a bridge, if they were observed.
    pub(crate) fn flows(&self, bridge: &IfName) -> Option<&'a FlowCounts> {
        self.observation.flows.get(bridge)
    }

    /// netd's flows on all bridges that were observed.
    pub(crate) fn all_flows(&self) -> impl Iterator<Item = (&'a IfName, &'a FlowCounts)> {
        self.observation.flows.iter()
    }

    /// When the observation began.
    pub(crate) fn began(&self) -> BootTime {
        self.observation.began
    }

    /// Open vSwitch, if it was observed and answered.
    pub(crate) fn switch(&self) -> Option<&'a ovs::Observed> {
        self.switch
    }
}

/// Repairs, and the problems that netd cannot repair.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Endpoints whose port moves to another bridge. The steps refer to the new bridge.
    pub(crate) moved: Vec<Moved>,
    /// Endpoints to remove.
    pub(crate) stale: Vec<StaleEndpoint>,
    /// Repairs, in this order.
    pub(crate) steps: Vec<Step>,
    /// Problems for the administrator.
    pub(crate) problems: Vec<String>,
    /// Problems of published ports; `None`: they were not observed, and those of the last observation stay.
    pub(crate) port_problems: Option<Vec<String>>,
}

impl Plan {
    /// Plans the settings that every port needs, on any fabric.
    pub(crate) fn correct_device(&mut self, endpoint: &Endpoint, link: &Link, mtu: u32) {
        let (port, node) = (link.name.clone(), endpoint.node.clone());
        if link.mtu != mtu {
            self.steps.push(Step::SetMtu { port: port.clone(), node: node.clone(), mtu });
        }
        if !link.up {
            self.steps.push(Step::SetUp { port, node });
        }
    }
}
