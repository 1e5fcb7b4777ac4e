//! One node or host of an inventory. For many, [`Cluster`] reads what they share once.

use super::cluster::Cluster;
use super::container::SpecError;
use super::host::HostError;
use crate::container::ContainerSpec;
use crate::hostplan::HostPlan;
use crate::inventory::{Inventory, InventoryError};
use crate::name::NodeName;
use crate::snapshot::Snapshot;

impl Inventory {
    /// What all nodes share, to compile many nodes and hosts.
    ///
    /// # Errors
    /// Tables that can not be read.
    pub fn cluster(&self) -> Result<Cluster<'_>, InventoryError> {
        Cluster::read(self)
    }

    /// All that the tables say of a container node.
    ///
    /// # Errors
    /// As [`Cluster::container`].
    pub fn container(&self, node: &NodeName) -> Result<ContainerSpec, SpecError> {
        self.cluster()?.container(node)
    }

    /// All container nodes, sorted by name.
    ///
    /// # Errors
    /// The first wrong row; [`Cluster::containers`] goes on past it.
    pub fn containers(&self) -> Result<Vec<ContainerSpec>, SpecError> {
        self.cluster()?.containers().map(|(_, spec)| spec).collect()
    }

    /// What the host's network will be.
    ///
    /// # Errors
    /// As [`Cluster::host_plan`].
    pub fn host_plan(&self, host: &NodeName) -> Result<HostPlan, HostError> {
        self.cluster()?.host_plan(host)
    }

    /// What the host must know of the tables.
    ///
    /// # Errors
    /// As [`Cluster::snapshot`].
    pub fn snapshot(&self, host: &NodeName, version: u64) -> Result<Snapshot, HostError> {
        self.cluster()?.snapshot(host, version)
    }
}
