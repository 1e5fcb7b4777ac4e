//! Compiles a host's columns to a [`HostPlan`].

use thiserror::Error;

use super::cluster::Cluster;
use crate::cell::CellError;
use crate::hostplan::{HostPlan, HostPlanError, HostTables};
use crate::inventory::InventoryError;
use crate::name::NodeName;

/// Error in the rows of a host. Each message names row, column and value.
#[derive(Debug, Error)]
pub enum HostError {
    /// The tables cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Invalid value of a column.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The columns contradict each other or `networks`.
    #[error(transparent)]
    Plan(#[from] HostPlanError),
    /// No row of `nodelist`.
    #[error("no such node: {0}")]
    NoNode(NodeName),
    /// `hosts.ip` is empty.
    #[error("hosts.ip of {0} is empty; set its address")]
    NoAddress(NodeName),
}

impl Cluster<'_> {
    /// Network plan of a host.
    ///
    /// # Errors
    /// The first invalid row.
    pub fn host_plan(&self, host: &NodeName) -> Result<HostPlan, HostError> {
        Ok(HostPlan::compile(&self.host_tables(host)?)?)
    }

    /// Whether a node is a Docker host: `vm.host` of a container names it, or it is prepared as one.
    pub fn is_host(&self, node: &NodeName) -> bool {
        let names_it = |(_, placed): &(NodeName, Result<super::container::Placed, _>)| {
            placed.as_ref().is_ok_and(|placed| placed.host.name == *node)
        };
        self.placed().iter().any(names_it) || self.is_docker_host(node)
    }

    /// Whether a node is prepared as a Docker host, even if no container names it yet: `nictypes` has a bridge, or its
    /// postscripts include xdock.
    pub(crate) fn is_docker_host(&self, node: &NodeName) -> bool {
        let text = |column| self.text(node, column).ok().flatten().unwrap_or_default();
        let has_bridge = || text("nics.nictypes").to_ascii_lowercase().contains("!bridge");
        let is_prepared = || {
            let scripts = [text("postscripts.postscripts"), text("postscripts.postbootscripts")];
            scripts.iter().flat_map(|list| list.split(',')).any(is_ours)
        };
        !self.is_container(node) && (has_bridge() || is_prepared())
    }

    fn host_tables(&self, host: &NodeName) -> Result<HostTables, HostError> {
        if !self.has_node(host) {
            return Err(HostError::NoNode(host.clone()));
        }
        Ok(HostTables {
            host: host.clone(),
            ip: self.ip::<HostError>(host)?.ok_or_else(|| HostError::NoAddress(host.clone()))?,
            installnic: self.text(host, "noderes.installnic")?,
            nics: self.nics::<HostError>(host)?,
            networks: self.networks().to_vec(),
        })
    }
}

/// Whether an entry of `postscripts` (script with arguments) sets up a Docker host.
fn is_ours(script: &str) -> bool {
    let name = script.split_whitespace().next().unwrap_or_default();
    matches!(name, "xdock" | "setupdockerhost")
}
