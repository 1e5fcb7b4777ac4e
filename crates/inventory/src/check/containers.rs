//! Container nodes: their own columns, and the rows that these columns need.

use chain::chain;

use super::hosts::Plans;
use super::limits::{self, BridgePorts};
use super::ports::Published;
use super::{Finding, cause, commands};
use crate::compile::{Cluster, SpecError};
use crate::container::{Attachment, ContainerSpec, Link};
use crate::name::NodeName;

pub(super) fn findings(cluster: &Cluster<'_>, plans: &Plans<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut published = Published::default();
    let mut ports = BridgePorts::default();
    for (node, spec) in cluster.containers() {
        match spec {
            Ok(spec) => {
                published.add(&spec);
                ports.add(plans, &spec);
                findings.extend(of_container(cluster, plans, &spec));
            }
            Err(error) => findings.push(wrong(cluster, node, &error)),
        }
    }
    findings.extend(published.findings());
    findings.extend(ports.findings());
    findings
}

fn wrong(cluster: &Cluster<'_>, node: &NodeName, error: &SpecError) -> Finding {
    let place = match error {
        SpecError::Cell(cell) => format!("{} of {node}", cell.column),
        SpecError::NoHost(_) | SpecError::UnknownHost { .. } | SpecError::ContainerHost { .. } => {
            format!("vm.host of {node}")
        }
        SpecError::NoAddress(_) => format!("hosts.ip of {node}"),
        _ => node.to_string(),
    };
    let cause = cause::of_container(cluster, node, error);
    Finding::error(place, &chain(error), [node.clone()]).because_of(cause)
}

fn of_container(cluster: &Cluster<'_>, plans: &Plans<'_>, spec: &ContainerSpec) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    if spec.image.is_none() {
        let text = format!("nodetype.provmethod of {} is empty: mk needs image=IMAGE", spec.node);
        findings.push(Finding::warning(format!("nodetype.provmethod of {}", spec.node), &text, []));
    }
    findings.extend(spec.attachments.iter().filter_map(|attachment| no_bridge(plans, spec, attachment)));
    findings.extend(spec.attachments.iter().filter_map(|attachment| half(cluster, spec, attachment)));
    findings.extend(commands::of_container(spec));
    findings.extend(limits::of_container(spec));
    findings.extend(cluster.dangling_links(spec).map(|text| {
        Finding::error(format!("vm.othersettings of {}", spec.node), &text, [spec.node.clone()])
    }));
    findings
}

fn no_bridge(plans: &Plans<'_>, spec: &ContainerSpec, attachment: &Attachment) -> Option<Finding> {
    let (host, network) = (&spec.host.name, &attachment.network);
    if plans.get(host)?.bridge_of(network).is_some() {
        return None;
    }
    let text = format!(
        "{host} has no bridge for network {network} of {}; set nictypes.BRIDGE=bridge nicdevices.BRIDGE=NIC nicnetworks.BRIDGE={network} of {host}",
        spec.node
    );
    let cause = format!("bridge of {host} for {network}");
    Some(Finding::error(format!("nics of {host}"), &text, [spec.node.clone()]).because_of(Some(cause)))
}

/// On a dual-stack network, an engine requests an address of each family from netd (moby, `Network.ipamAllocate`). netd refuses
/// an address that is not in the tables.
fn half(cluster: &Cluster<'_>, spec: &ContainerSpec, on: &Attachment) -> Option<Finding> {
    let network = cluster.networks().iter().find(|network| network.name == on.network)?;
    let has = |subnet: &&ipnet::IpNet| on.addresses.iter().any(|address| subnet.contains(address));
    let subnet = network.subnets.iter().find(|subnet| !has(subnet))?;
    let (node, network, nic) = (&spec.node, &on.network, &on.nic);
    let text = format!(
        "{node} has no address in {subnet} of network {network}, but Docker needs one of each address family: \
         set nicips.{nic}=ADDRESS nicnetworks.{nic}={network}"
    );
    let cause = format!("networks {network} {subnet}");
    Some(Finding::error(format!("nics of {node}"), &text, [node.clone()]).because_of(Some(cause)))
}

impl Cluster<'_> {
    /// Links of a container to missing nodes, each as a message: their names do not resolve in the container.
    pub fn dangling_links(&self, spec: &ContainerSpec) -> impl Iterator<Item = String> {
        spec.settings.links.iter().filter_map(|link| self.dangling(&spec.node, link))
    }

    fn dangling(&self, consumer: &NodeName, link: &Link) -> Option<String> {
        let why = match (self.is_container(&link.node), self.has_node(&link.node)) {
            (true, _) => return None,
            (false, true) => "is not a container (mgt=docker)",
            (false, false) => "is not a node",
        };
        let node = &link.node;
        Some(format!("link={node} in vm.othersettings of {consumer}: {node} {why}; correct the item"))
    }
}
