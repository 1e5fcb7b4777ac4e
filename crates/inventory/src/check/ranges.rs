//! `networks.dynamicrange`: no container may have an address that DHCP assigns.
//!
//! Form (xCAT `Schema.pm`, `dhcp.pm`): ranges separated by `;`, each `FIRST-LAST` or `FIRST,LAST`.

use std::net::IpAddr;

use super::Finding;
use crate::cell::{Cell, CellError};
use crate::compile::Cluster;

/// The ranges of all networks, sorted by their first address.
pub(super) struct Ranges(Vec<Range>);

struct Range {
    first: IpAddr,
    last: IpAddr,
    network: String,
}

impl Ranges {
    /// Reads the ranges. Also returns the invalid cells.
    pub(super) fn read(cluster: &Cluster<'_>) -> (Self, Vec<CellError>) {
        let (mut ranges, mut problems) = (Vec::new(), Vec::new());
        for (network, text) in cluster.network_cells("dynamicrange") {
            for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
                match Range::parse(network, part) {
                    Some(range) => ranges.push(range),
                    None => {
                        let cell = Cell::new("networks.dynamicrange", network);
                        problems.push(cell.refuse(part, "the form is FIRST-LAST, several separated by ;"));
                    }
                }
            }
        }
        ranges.sort_by_key(|range| range.first);
        (Self(ranges), problems)
    }

    /// Containers whose address DHCP may assign to another machine.
    pub(super) fn findings(&self, cluster: &Cluster<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let placed = cluster.placed().iter().filter_map(|(node, placed)| Some((node, placed.as_ref().ok()?)));
        for (node, placed) in placed {
            for address in placed.attachments.iter().flat_map(|attachment| &attachment.addresses) {
                let Some(range) = self.around(*address) else { continue };
                let text = format!(
                    "{address} of {node} is in networks.dynamicrange={}-{} of {}: DHCP may give it to another machine; change one of them",
                    range.first, range.last, range.network
                );
                findings.push(Finding::error(node.as_str(), &text, [node.clone()]));
            }
        }
        findings
    }

    fn around(&self, address: IpAddr) -> Option<&Range> {
        let after = self.0.partition_point(|range| range.first <= address);
        self.0.get(after.checked_sub(1)?).filter(|range| address <= range.last)
    }
}

impl Range {
    fn parse(network: &str, text: &str) -> Option<Self> {
        let (first, last) = text.split_once(['-', ','])?;
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let ordered = first.is_ipv4() == last.is_ipv4() && first <= last;
        ordered.then(|| Self { first, last, network: network.to_owned() })
    }
}
