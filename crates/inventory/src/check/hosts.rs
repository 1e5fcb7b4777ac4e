//! Docker hosts and their plans. Each plan is compiled once.

use std::collections::BTreeMap;

use chain::chain;

use super::{Finding, cause};
use crate::compile::{Cluster, HostError};
use crate::hostplan::HostPlan;
use crate::name::NodeName;

/// The plan of every host that has containers or will have some, or the error.
pub(super) struct Plans<'a>(BTreeMap<&'a NodeName, Host<'a>>);

struct Host<'a> {
    plan: Result<HostPlan, HostError>,
    containers: Vec<&'a NodeName>,
}

impl<'a> Plans<'a> {
    pub(super) fn of(cluster: &'a Cluster<'_>) -> Self {
        let mut hosts: BTreeMap<&NodeName, Host<'a>> = BTreeMap::new();
        let host = |name| Host { plan: cluster.host_plan(name), containers: Vec::new() };
        for (node, placed) in cluster.placed() {
            let Ok(placed) = placed else { continue };
            let name = &placed.host.name;
            hosts.entry(name).or_insert_with(|| host(name)).containers.push(node);
        }
        for name in cluster.nodes().iter().filter(|node| cluster.is_docker_host(node)) {
            hosts.entry(name).or_insert_with(|| host(name));
        }
        Self(hosts)
    }

    /// The plan of a host; `None` also if the plan has an error, which is a finding of its own.
    pub(super) fn get(&self, host: &NodeName) -> Option<&HostPlan> {
        self.0.get(host)?.plan.as_ref().ok()
    }

    /// Name and plan of a host, with the lifetime of the plans.
    pub(super) fn entry(&self, host: &NodeName) -> Option<(&NodeName, &HostPlan)> {
        let (name, found) = self.0.get_key_value(host)?;
        Some((name, found.plan.as_ref().ok()?))
    }

    /// Hosts without a plan, whose containers cannot be created, and entries that plans ignore.
    pub(super) fn findings(&self, cluster: &Cluster<'_>) -> Vec<Finding> {
        self.0.iter().flat_map(|(name, host)| host.findings(name, cluster)).collect()
    }
}

impl Host<'_> {
    fn findings(&self, name: &NodeName, cluster: &Cluster<'_>) -> Vec<Finding> {
        match &self.plan {
            Ok(plan) => {
                let place = format!("nics of {name}");
                plan.ignored.iter().map(|why| Finding::warning(place.clone(), why, [])).collect()
            }
            Err(error) => {
                let concerned = std::iter::once(name).chain(self.containers.iter().copied());
                let cause = cause::of_host(cluster, name, error);
                vec![Finding::error(name.as_str(), &chain(error), concerned.cloned()).because_of(cause)]
            }
        }
    }
}
