//! A host's columns become its [`HostPlan`].

use thiserror::Error;

use super::cluster::Cluster;
use crate::cell::CellError;
use crate::hostplan::{HostPlan, HostPlanError, HostTables};
use crate::inventory::InventoryError;
use crate::name::NodeName;

/// Rows that make no plan of a host. Each message names row, column and value.
#[derive(Debug, Error)]
pub enum HostError {
    /// The tables can not be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// A value breaks its column's rule.
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
    /// What the host's network will be.
    ///
    /// # Errors
    /// The first row that is wrong.
    pub fn host_plan(&self, host: &NodeName) -> Result<HostPlan, HostError> {
        Ok(HostPlan::compile(&self.host_tables(host)?)?)
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
