//! Address probes (RFC 5227, RFC 4862), for all fabrics.

use std::net::IpAddr;
use std::time::Duration;

use chain::chain;
use hostnet::{PacketError, arp, ndp};
use inventory::{IfName, MacAddr};
use tracing::warn;

use crate::state::Endpoint;

/// The interface that sends the probes.
#[derive(Debug, Clone, Copy)]
pub(super) enum ProbeSource<'a> {
    /// The bridge, with its own MAC.
    Bridge(&'a IfName),
    /// The container end, with this source MAC.
    ContainerEnd(&'a IfName, MacAddr),
}

/// Probes IPv4 and IPv6 in parallel. A failed probe does not block the start of the container.
pub(super) async fn probe_all(
    source: ProbeSource<'_>,
    endpoint: &Endpoint,
    window: Duration,
) -> Option<(IpAddr, MacAddr)> {
    let mut addresses = endpoint.addresses.iter().map(ipnet::IpNet::addr);
    let (first, second) = (addresses.next(), addresses.next());
    let (first, second) = tokio::join!(
        probe_or_warn(source, endpoint, first, window),
        probe_or_warn(source, endpoint, second, window)
    );
    first.or(second)
}

async fn probe_or_warn(
    source: ProbeSource<'_>,
    endpoint: &Endpoint,
    address: Option<IpAddr>,
    window: Duration,
) -> Option<(IpAddr, MacAddr)> {
    let address = address?;
    match probe(source, address, window, &[endpoint.mac]).await {
        Ok(user) => user.map(|mac| (address, mac)),
        Err(error) => {
            warn!("cannot probe {address} of {}: {}", endpoint.node, chain(&error));
            None
        }
    }
}

async fn probe(
    source: ProbeSource<'_>,
    address: IpAddr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    match (source, address) {
        (ProbeSource::Bridge(bridge), IpAddr::V4(v4)) => arp::probe(bridge, v4, window, ours).await,
        (ProbeSource::Bridge(bridge), IpAddr::V6(v6)) => ndp::probe(bridge, v6, window, ours).await,
        (ProbeSource::ContainerEnd(end, mac), IpAddr::V4(v4)) => {
            arp::probe_as(end, mac, v4, window, ours).await
        }
        (ProbeSource::ContainerEnd(end, mac), IpAddr::V6(v6)) => {
            ndp::probe_as(end, mac, v6, window, ours).await
        }
    }
}
