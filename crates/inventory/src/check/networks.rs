//! Rows of `networks`: invalid rows, and networks that overlap.

use ipnet::IpNet;

use super::ranges::Ranges;
use super::{Finding, cause};
use crate::compile::Cluster;
use crate::container::Network;
use crate::networks::NetworkError;

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = cluster.network_problems().iter().map(unusable).collect();
    findings.extend(overlaps(cluster.networks()));
    let (ranges, problems) = Ranges::read(cluster);
    findings.extend(problems.iter().map(|problem| Finding::warning("networks", problem, [])));
    findings.extend(ranges.findings(cluster));
    findings
}

/// xCAT accepts a row without a name, but containers cannot use it.
fn unusable(problem: &NetworkError) -> Finding {
    let finding = match problem {
        NetworkError::Nameless { .. } => Finding::warning("networks", problem, []),
        NetworkError::Cell(cell) => Finding::error(format!("networks {}", cell.row), problem, []),
        NetworkError::NotIsolated { .. } => Finding::error("site xdockisolate", problem, []),
        NetworkError::Twice { name, .. } | NetworkError::Disagree { name, .. } => {
            Finding::error(format!("networks {name}"), problem, [])
        }
    };
    finding.about(cause::of_problem(problem))
}

/// Subnets are sorted by first address, larger ones first: an overlapping subnet is inside an earlier one.
fn overlaps(networks: &[Network]) -> Vec<Finding> {
    let mut subnets: Vec<(IpNet, &Network)> = networks
        .iter()
        .flat_map(|network| network.subnets.iter().map(move |subnet| (*subnet, network)))
        .collect();
    subnets.sort_by_key(|(subnet, _)| (subnet.network(), subnet.prefix_len()));
    let mut around: Option<(IpNet, &Network)> = None;
    let mut findings = Vec::new();
    for (subnet, network) in subnets {
        match around {
            Some((outer, other)) if outer.contains(&subnet) => {
                findings.push(overlap((outer, other), (subnet, network)));
            }
            _ => around = Some((subnet, network)),
        }
    }
    findings
}

fn overlap((outer, other): (IpNet, &Network), (inner, network): (IpNet, &Network)) -> Finding {
    let place = format!("networks {}", network.name);
    if outer == inner {
        let text = format!("networks {} and {} are both {inner}; remove one row", other.name, network.name);
        return Finding::error(place, &text, []);
    }
    let text = format!(
        "network {} ({inner}) is inside network {} ({outer}): an address in both belongs to {}; correct net or mask of one row",
        network.name, other.name, network.name
    );
    Finding::warning(place, &text, [])
}
