//! The NIC of a bridge for which the tables name none: the one with the host's address, or the one of an
//! earlier run.

use std::net::IpAddr;

use hostnet::{Kind, Link};
use inventory::IfName;

use super::ResolveError;
use crate::steps::network::observe::{Observed, is_container_port};
use crate::steps::network::resolved::ResolvedNetwork;

pub(super) fn nic_with_address(
    bridge: &IfName,
    address: IpAddr,
    observed: &Observed,
    remembered: Option<&IfName>,
    network: &ResolvedNetwork,
) -> Result<IfName, ResolveError> {
    let Some(link) = observed.link_with_address(address) else {
        return remembered.cloned().ok_or_else(|| ResolveError::NoNicWithAddress {
            bridge: bridge.clone(),
            address,
            present: observed.names(),
        });
    };
    match &link.kind {
        _ if link.name == *bridge => {
            let port = port_of(bridge, link, observed, remembered)?;
            let made = observed.link(&port).map_or(Ok(()), |port| check_in_tables(port, address, network));
            made.map(|()| port)
        }
        Kind::Bridge => Err(ResolveError::OnBridge { address, other: link.name.clone() }),
        _ if observed.ovs(&link.name).is_some() => {
            Err(ResolveError::OnBridge { address, other: link.name.clone() })
        }
        _ => check_in_tables(link, address, network).map(|()| link.name.clone()),
    }
}

/// A bond or VLAN device that is not in the tables would be missing after the next boot.
fn check_in_tables(link: &Link, address: IpAddr, network: &ResolvedNetwork) -> Result<(), ResolveError> {
    let kind = match &link.kind {
        _ if network.device(&link.name).is_some() => return Ok(()),
        Kind::Bond => "bond",
        Kind::Vlan => "vlan",
        Kind::Bridge | Kind::Veth | Kind::Other(_) => return Ok(()),
    };
    Err(ResolveError::Unnamed { address, kind, other: link.name.clone() })
}

/// The NIC of an existing bridge: its only port that does not belong to a container.
fn port_of(
    bridge: &IfName,
    link: &Link,
    observed: &Observed,
    remembered: Option<&IfName>,
) -> Result<IfName, ResolveError> {
    let ports: Vec<&IfName> =
        observed.ports(link).map(|port| &port.name).filter(|name| !is_container_port(name)).collect();
    match (ports.as_slice(), remembered) {
        ([port], _) => Ok((*port).clone()),
        (_, Some(port)) => Ok(port.clone()),
        (ports, None) => {
            let names: Vec<&str> = ports.iter().map(|port| port.as_str()).collect();
            let ports = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(ResolveError::Ports { bridge: bridge.clone(), ports })
        }
    }
}
