//! `flat`: a port of a Linux bridge over the host's NIC.

use hostnet::{Kernel, Kind, Link, NetError, Veth};

use super::AttachError;
use crate::refusal::Refusal;
use crate::state::Endpoint;

/// A veth pair with the table's MAC and the bridge's MTU, in the bridge.
pub(super) async fn attach(kernel: &Kernel, endpoint: &Endpoint) -> Result<(), AttachError> {
    let failed = |source| AttachError::Kernel {
        node: endpoint.node.to_string(),
        network: endpoint.on.to_string(),
        source,
    };
    let bridge = kernel.link(&endpoint.bridge).await.map_err(failed)?;
    let bridge = bridge
        .filter(|link| link.kind == Kind::Bridge)
        .ok_or_else(|| Refusal::NoBridge { bridge: endpoint.bridge.clone(), network: endpoint.on.clone() })?;
    plug(kernel, &pair(endpoint, &bridge)).await.map_err(failed)
}

fn pair(endpoint: &Endpoint, bridge: &Link) -> Veth {
    Veth {
        host_end: endpoint.port(),
        container_end: endpoint.container_end(),
        mac: endpoint.mac,
        mtu: bridge.mtu,
        bridge: Some(bridge.index),
    }
}

/// The names are this endpoint's alone: what has them is left of an earlier try.
async fn plug(kernel: &Kernel, veth: &Veth) -> Result<(), NetError> {
    match kernel.attach(veth).await {
        Err(NetError::Exists { .. }) => {
            kernel.delete(&veth.host_end).await?;
            kernel.delete(&veth.container_end).await?;
            kernel.attach(veth).await
        }
        done => done,
    }
}
