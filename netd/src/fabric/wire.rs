//! What asking has in common, wherever it is done from.

use std::net::IpAddr;
use std::time::Duration;

use chain::chain;
use hostnet::{PacketError, arp, ndp};
use inventory::{IfName, MacAddr};
use tracing::warn;

use crate::state::Endpoint;

/// From where a network is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum From<'a> {
    /// The bridge, with its own Ethernet address.
    Bridge(&'a IfName),
    /// The container's end, with this address.
    End(&'a IfName, MacAddr),
}

/// Both families at once, so that two cost no more than one. Nobody is in the way where it can not be asked: a start is
/// worth more than a question about it.
pub(super) async fn ask_all(
    from: From<'_>,
    endpoint: &Endpoint,
    window: Duration,
) -> Option<(IpAddr, MacAddr)> {
    let mut addresses = endpoint.addresses.iter().map(ipnet::IpNet::addr);
    let (first, second) = (addresses.next(), addresses.next());
    let (first, second) =
        tokio::join!(ask_for(from, endpoint, first, window), ask_for(from, endpoint, second, window));
    first.or(second)
}

async fn ask_for(
    from: From<'_>,
    endpoint: &Endpoint,
    address: Option<IpAddr>,
    window: Duration,
) -> Option<(IpAddr, MacAddr)> {
    let address = address?;
    match probe(from, address, window, &[endpoint.mac]).await {
        Ok(squatter) => squatter.map(|mac| (address, mac)),
        Err(error) => {
            warn!("cannot probe {address} of {}: {}", endpoint.node, chain(&error));
            None
        }
    }
}

async fn probe(
    from: From<'_>,
    address: IpAddr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    match (from, address) {
        (From::Bridge(bridge), IpAddr::V4(v4)) => arp::probe(bridge, v4, window, ours).await,
        (From::Bridge(bridge), IpAddr::V6(v6)) => ndp::probe(bridge, v6, window, ours).await,
        (From::End(end, mac), IpAddr::V4(v4)) => arp::probe_as(end, mac, v4, window, ours).await,
        (From::End(end, mac), IpAddr::V6(v6)) => ndp::probe_as(end, mac, v6, window, ours).await,
    }
}
