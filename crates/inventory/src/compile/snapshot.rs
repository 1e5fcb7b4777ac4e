//! The tables become what one host needs of them.

use thiserror::Error;

use super::cluster::Cluster;
use super::container::{Placed, SpecError};
use super::duplicates::Duplicate;
use super::host::HostError;
use crate::hostplan::{DeviceKind, HostPlan};
use crate::name::{NetName, NodeName};
use crate::snapshot::{Fabric, HostNetwork, Snapshot, SnapshotNode};

/// Tables from which no snapshot of a host is made. Each message names the row.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The host's own columns.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A container of the host.
    #[error(transparent)]
    Node(#[from] SpecError),
    /// An address of a container on the host's networks that another node has too.
    #[error(transparent)]
    Duplicate(Duplicate),
}

impl Cluster<'_> {
    /// What `host` must know: its networks, and the containers of all hosts on them.
    ///
    /// # Errors
    /// A wrong row of the host or of one of its containers, or an address on its networks that two nodes have.
    /// A container of another host whose row is wrong is left out: it can not run either.
    pub fn snapshot(&self, host: &NodeName, version: u64) -> Result<Snapshot, CompileError> {
        let networks = host_networks(&self.host_plan(host)?);
        let mut nodes = Vec::new();
        for (node, placed) in self.placed() {
            match placed {
                Ok(placed) => nodes.extend(on_networks(node, placed, &networks)),
                Err(_) if self.lives_on(node, host) => {
                    self.place(node)?;
                }
                Err(_) => {}
            }
        }
        self.refuse_duplicates(&nodes)?;
        Ok(Snapshot::seal(host.clone(), version, networks, nodes))
    }

    fn lives_on(&self, node: &NodeName, host: &NodeName) -> bool {
        self.docker_host(node).is_ok_and(|docker_host| docker_host.name == *host)
    }

    /// `nodes` are sorted.
    fn refuse_duplicates(&self, nodes: &[SnapshotNode]) -> Result<(), CompileError> {
        let concerned = |node: &NodeName| nodes.binary_search_by(|other| other.node.cmp(node)).is_ok();
        match self.duplicates().iter().find(|duplicate| duplicate.nodes.iter().any(concerned)) {
            Some(duplicate) => Err(CompileError::Duplicate(duplicate.clone())),
            None => Ok(()),
        }
    }
}

fn host_networks(plan: &HostPlan) -> Vec<HostNetwork> {
    let of_bridge = plan.bridges().flat_map(|bridge| {
        let fabric = match bridge.kind {
            DeviceKind::OvsBridge { .. } => Fabric::Ovs,
            _ => Fabric::Flat,
        };
        bridge.networks.iter().map(move |on| HostNetwork {
            network: on.network.clone(),
            fabric,
            bridge: bridge.name.clone(),
            tag: on.tag,
        })
    });
    of_bridge.collect()
}

/// The container's places on the host's networks, if it has one there.
fn on_networks(node: &NodeName, placed: &Placed, networks: &[HostNetwork]) -> Option<SnapshotNode> {
    let here = |name: &NetName| networks.iter().any(|network| network.network.name == *name);
    let nics: Vec<_> =
        placed.attachments.iter().filter(|attachment| here(&attachment.network)).cloned().collect();
    (!nics.is_empty()).then(|| SnapshotNode { node: node.clone(), host: placed.host.name.clone(), nics })
}
