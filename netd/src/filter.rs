//! What an endpoint may send, according to its record and the tables. Pure.

use hostnet::{Identity, PortFilter};
use inventory::Snapshot;

use crate::state::Endpoint;

/// The filter of an endpoint's port. An endpoint that left the tables keeps the addresses of its record.
pub(crate) fn port_filter(_snapshot: Option<&Snapshot>, endpoint: &Endpoint) -> PortFilter {
    let addresses = endpoint.addresses.iter().map(ipnet::IpNet::addr).collect();
    PortFilter { identity: Some(Identity { mac: endpoint.mac, addresses, further: Vec::new() }) }
}
