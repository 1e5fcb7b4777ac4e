//! Compiles a single node or host. For many, use a [`Cluster`], which reads shared data once.

use super::cluster::Cluster;
use super::container::SpecError;
use super::host::HostError;
use crate::container::ContainerSpec;
use crate::hostplan::HostPlan;
use crate::inventory::{Inventory, InventoryError};
use crate::name::NodeName;
use crate::snapshot::Snapshot;

impl Inventory {
    /// Reads the data that all nodes share, to compile many nodes and hosts.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub fn cluster(&self) -> Result<Cluster<'_>, InventoryError> {
        Cluster::read(self)
    }

    /// Complete specification of a container node.
    ///
    /// # Errors
    /// As [`Cluster::container`].
    pub fn container(&self, node: &NodeName) -> Result<ContainerSpec, SpecError> {
        self.cluster()?.container(node)
    }

    /// All container nodes, sorted by name.
    ///
    /// # Errors
    /// The first invalid row. [`Cluster::containers`] continues after it.
    pub fn containers(&self) -> Result<Vec<ContainerSpec>, SpecError> {
        self.cluster()?.containers().map(|(_, spec)| spec).collect()
    }

    /// Network plan of a host.
    ///
    /// # Errors
    /// As [`Cluster::host_plan`].
    pub fn host_plan(&self, host: &NodeName) -> Result<HostPlan, HostError> {
        self.cluster()?.host_plan(host)
    }

    /// Snapshot of the tables for a host.
    ///
    /// # Errors
    /// As [`Cluster::snapshot`].
    pub fn snapshot(&self, host: &NodeName, version: u64) -> Result<Snapshot, HostError> {
        self.cluster()?.snapshot(host, version)
    }
}
