//! `xdock check`: finds errors in the tables before anything is created from them.
//!
//! It passes over the nodes once and uses sorted lists for unique values. 10,000 nodes take well under a second.

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

/// All findings: first `networks`, then duplicate addresses, then hosts and containers by name.
pub fn check(inventory: &Inventory) -> Vec<Finding> {
    match inventory.cluster() {
        Ok(cluster) => cluster.check(),
        Err(error) => vec![Finding::error("inventory", &chain(&error), [])],
    }
}

impl Cluster<'_> {
    /// Same as [`check`], for a cluster that was already read.
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
