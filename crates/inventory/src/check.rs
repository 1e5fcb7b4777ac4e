//! `xdock check`: everything that is wrong with the tables, before anything is made of them.
//!
//! One pass over nodes, sorted lists for what must be unique: 10,000 nodes are checked in well under a second.

mod cause;
mod commands;
mod containers;
mod engines;
mod finding;
mod hosts;
mod infrastructure;
mod limits;
mod names;
mod networks;
mod ports;
mod ranges;

use chain::chain;

use crate::compile::Cluster;
use crate::inventory::Inventory;

pub use finding::{Finding, Severity};

/// All findings: of `networks`, of addresses that two nodes have, then of hosts and containers by name.
pub fn check(inventory: &Inventory) -> Vec<Finding> {
    match inventory.cluster() {
        Ok(cluster) => cluster.check(),
        Err(error) => vec![Finding::error("inventory", &chain(&error), [])],
    }
}

impl Cluster<'_> {
    /// As [`check`], for one who has the cluster already.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = networks::findings(self);
        findings.extend(self.duplicates().iter().map(|duplicate| {
            Finding::error(duplicate.cells().join(", "), duplicate, duplicate.nodes.iter().cloned())
        }));
        findings.extend(infrastructure::findings(self));
        findings.extend(names::findings(self));
        let plans = hosts::Plans::of(self);
        findings.extend(plans.findings(self));
        findings.extend(containers::findings(self, &plans));
        findings.extend(engines::findings(self));
        finding::merged(findings)
    }
}
