//! The row that causes an error of another row: a row of a group, of `networks` or of a host.

use std::net::IpAddr;

use crate::compile::{AttachError, Cluster, HostError, SpecError};
use crate::hostplan::HostPlanError;
use crate::inventory::InventoryError;
use crate::name::{NetName, NodeName};
use crate::networks::NetworkError;

/// Cause of a container's error; `None`: the container's own row.
pub(super) fn of_container(cluster: &Cluster<'_>, node: &NodeName, error: &SpecError) -> Option<String> {
    match error {
        SpecError::Inventory(error) => of_value(error),
        SpecError::Cell(cell) => of_group(cluster, node, cell.column),
        SpecError::UnknownHost { host, .. } | SpecError::ContainerHost { host, .. } => {
            Some(format!("nodelist {host}"))
        }
        SpecError::Attach(AttachError::UnknownNetwork { network, .. }) => Some(of_network(network)),
        SpecError::Attach(AttachError::NoMatchingNetwork { ip, .. }) => of_address(cluster, *ip),
        _ => None,
    }
}

/// Cause of a host's error; `None`: the host's own row.
pub(super) fn of_host(cluster: &Cluster<'_>, host: &NodeName, error: &HostError) -> Option<String> {
    match error {
        HostError::Inventory(error) => of_value(error),
        HostError::Cell(cell) => of_group(cluster, host, cell.column),
        HostError::Plan(HostPlanError::UnknownNetwork { network, .. }) => Some(of_network(network)),
        HostError::Plan(HostPlanError::NoMatchingNetwork { ip, .. } | HostPlanError::Outside { ip, .. }) => {
            of_address(cluster, *ip)
        }
        // the columns contradict each other; if they belong to a group, each of its hosts has the same error
        HostError::Plan(error) => {
            let group = of_group(cluster, host, "nics.nictypes")?;
            Some(format!("{group}: {}", error.to_string().replace(host.as_str(), "")))
        }
        HostError::NoNode(_) | HostError::NoAddress(_) => None,
    }
}

/// Row of `networks` with this name.
pub(super) fn of_network(name: &NetName) -> String {
    format!("networks {name}")
}

/// Invalid row of `networks`.
pub(super) fn of_problem(problem: &NetworkError) -> String {
    match problem {
        NetworkError::Cell(cell) => format!("networks {}", cell.row),
        NetworkError::Nameless { net } => format!("networks net={net}"),
        NetworkError::NotIsolated { name } => format!("site xdockisolate {name}"),
        NetworkError::Twice { name, .. } | NetworkError::Disagree { name, .. } => of_network(name),
    }
}

/// All nodes of a group share the group's invalid expression.
fn of_value(error: &InventoryError) -> Option<String> {
    match error {
        InventoryError::Value { column, origin, .. } => Some(format!("{column} in {origin}")),
        _ => None,
    }
}

fn of_group(cluster: &Cluster<'_>, node: &NodeName, column: &str) -> Option<String> {
    let key = cluster.row_key(node, column).filter(|key| key != node.as_str())?;
    Some(format!("{column} of group {key}"))
}

/// Invalid row of `networks` that may contain an address.
fn of_address(cluster: &Cluster<'_>, ip: IpAddr) -> Option<String> {
    let mut problems = cluster.network_problems().iter();
    let problem = problems.find(|problem| match problem {
        NetworkError::Twice { second, .. } | NetworkError::Disagree { second, .. } => second.contains(&ip),
        NetworkError::Nameless { net } => may_contain(net, ip),
        NetworkError::NotIsolated { .. } => false,
        NetworkError::Cell(cell) => may_contain(cluster.net_of(&cell.row).unwrap_or_default(), ip),
    })?;
    Some(of_problem(problem))
}

/// Compares an address with a network without a mask: the address family and the first part.
fn may_contain(net: &str, ip: IpAddr) -> bool {
    let address = net.split_once('/').map_or(net, |(address, _)| address);
    match (address.trim().parse(), ip) {
        (Ok(IpAddr::V4(net)), IpAddr::V4(ip)) => net.octets().first() == ip.octets().first(),
        (Ok(IpAddr::V6(net)), IpAddr::V6(ip)) => net.segments().first() == ip.segments().first(),
        (Ok(_), _) => false,
        (Err(_), _) => true,
    }
}
