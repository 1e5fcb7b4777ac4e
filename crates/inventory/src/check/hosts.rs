//! The hosts that containers name: their plans, each made once.

use std::collections::BTreeMap;

use super::Finding;
use crate::compile::{Cluster, HostError};
use crate::hostplan::HostPlan;
use crate::name::NodeName;

/// The plan of every host that has containers, or why it has none.
pub(super) struct Plans<'a>(BTreeMap<&'a NodeName, Host<'a>>);

struct Host<'a> {
    plan: Result<HostPlan, HostError>,
    containers: Vec<&'a NodeName>,
}

impl<'a> Plans<'a> {
    pub(super) fn of(cluster: &'a Cluster<'_>) -> Self {
        let mut hosts: BTreeMap<&NodeName, Host<'a>> = BTreeMap::new();
        for (node, placed) in cluster.placed() {
            let Ok(placed) = placed else { continue };
            let name = &placed.host.name;
            let plan = || Host { plan: cluster.host_plan(name), containers: Vec::new() };
            hosts.entry(name).or_insert_with(plan).containers.push(node);
        }
        Self(hosts)
    }

    /// The plan of a host; `None` also where it is wrong, which is a finding of its own.
    pub(super) fn get(&self, host: &NodeName) -> Option<&HostPlan> {
        self.0.get(host)?.plan.as_ref().ok()
    }

    /// Hosts without a plan; none of their containers can be made.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let wrong = self.0.iter().filter_map(|(name, host)| {
            let error = host.plan.as_ref().err()?;
            let concerned = std::iter::once(*name).chain(host.containers.iter().copied());
            Some(Finding::error(name.as_str(), error, concerned.cloned()))
        });
        wrong.collect()
    }
}
