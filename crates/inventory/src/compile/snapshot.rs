//! Compiles the part of the tables that one host needs.

use super::cluster::Cluster;
use super::container::Placed;
use super::host::HostError;
use crate::hostplan::{DeviceKind, HostPlan};
use crate::name::{NetName, NodeName};
use crate::snapshot::{Fabric, HostNetwork, Snapshot, SnapshotNode};

impl Cluster<'_> {
    /// Snapshot for `host`: its networks, and the containers of all hosts on them. Containers with invalid rows are left out:
    /// no container gets the addresses that they claim. [`Snapshot::withheld`] lists those of the host itself.
    ///
    /// # Errors
    /// An invalid row of the host.
    pub fn snapshot(&self, host: &NodeName, version: u64) -> Result<Snapshot, HostError> {
        let networks = host_networks(&self.host_plan(host)?);
        let usable = self.placed().iter().filter(|(node, _)| !self.unusable().contains_key(node));
        let placed = usable.filter_map(|(node, placed)| Some((node, placed.as_ref().ok()?)));
        let nodes = placed.filter_map(|(node, placed)| on_networks(node, placed, host, &networks)).collect();
        let names = self.names(&networks);
        let withheld = self.withheld(host).map(|(node, _)| node.clone()).collect();
        Ok(Snapshot::seal(host.clone(), version, networks, nodes).withholding(withheld).naming(names))
    }

    /// Containers of a host with invalid rows, sorted, each with the reason. A container whose `vm.host` cannot be read
    /// may belong to any host.
    pub fn withheld(&self, host: &NodeName) -> impl Iterator<Item = (&NodeName, &str)> {
        let unusable = self.unusable().iter().filter(move |(node, _)| self.may_live_on(node, host));
        unusable.map(|(node, why)| (node, why.as_str()))
    }

    fn may_live_on(&self, node: &NodeName, host: &NodeName) -> bool {
        self.docker_host(node).map_or(true, |docker_host| docker_host.name == *host)
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

/// The container's attachments to the host's networks, if it has any.
fn on_networks(
    node: &NodeName,
    placed: &Placed,
    host: &NodeName,
    networks: &[HostNetwork],
) -> Option<SnapshotNode> {
    let here = |name: &NetName| networks.iter().any(|network| network.network.name == *name);
    let nics: Vec<_> =
        placed.attachments.iter().filter(|attachment| here(&attachment.network)).cloned().collect();
    let own = if placed.host.name == *host { placed.own.clone().boxed() } else { None };
    let with_links = |nics| SnapshotNode {
        links: placed.links.clone(),
        own,
        keeps_settings: placed.keeps_settings,
        ..SnapshotNode::new(node.clone(), placed.host.name.clone(), nics)
    };
    (!nics.is_empty()).then(|| with_links(nics))
}
