//! `flat`: a port of a Linux bridge over the host's NIC.

pub(super) mod plan;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use hostnet::{Kernel, Kind, Link, NetError, PortFilter, Veth, arp, ndp};
use inventory::{IfName, MacAddr};

use super::probe::{ProbeSource, probe_all};
use super::{AnnounceError, AttachError, BoxFuture, DetachError, FabricDriver};
use crate::reconcile::BridgePortStep;
use crate::refusal::Refusal;
use crate::state::Endpoint;

/// How often and how many times netd tries to set an entry of the forwarding database. The kernel refuses it until dockerd has set the
/// container end up.
const LEARN_INTERVAL: Duration = Duration::from_millis(50);
const LEARN_ATTEMPTS: usize = 20;

/// The driver of Linux bridges.
#[derive(Debug)]
pub(crate) struct Flat {
    kernel: Kernel,
}

impl Flat {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }

    /// Executes a repair.
    pub(crate) async fn repair(&self, step: &BridgePortStep) -> Result<(), DetachError> {
        match step {
            BridgePortStep::Attach { port, index, .. } => self.kernel.set_master(port, Some(*index)).await?,
            BridgePortStep::Detach { port, .. } => self.kernel.set_master(port, None).await?,
            BridgePortStep::Filter { port, filter, .. } => self.kernel.set_filter(port, filter).await?,
        }
        Ok(())
    }

    /// Creates a veth pair with the MAC of the tables and the bridge's MTU, attached to the bridge. The container end is
    /// down until dockerd has moved it, so nothing is sent before the filter is set.
    async fn attach_endpoint(&self, endpoint: &Endpoint, filter: &PortFilter) -> Result<(), AttachError> {
        let failed = |source| AttachError::Kernel {
            node: endpoint.node.to_string(),
            network: endpoint.on.to_string(),
            source,
        };
        let bridge = self.kernel.link(&endpoint.bridge).await.map_err(failed)?;
        let bridge = bridge.filter(|link| link.kind == Kind::Bridge).ok_or_else(|| Refusal::NoBridge {
            bridge: endpoint.bridge.clone(),
            network: endpoint.on.clone(),
        })?;
        create_pair(&self.kernel, &veth(endpoint, bridge.mtu, Some(&bridge))).await.map_err(failed)?;
        if endpoint.publishes() {
            self.kernel.set_hairpin(&endpoint.port()).await.map_err(failed)?;
        }
        self.kernel.set_filter(&endpoint.port(), filter).await.map_err(failed)
    }
}

impl Flat {
    /// Makes the bridge forward frames for the endpoint to its port. An announcement leaves through the bridge, so the bridge itself does
    /// not learn from it. If the container was on another host before, its frames would go there until it sends one.
    async fn learn(&self, endpoint: &Endpoint) -> Result<(), NetError> {
        let is_down = |error: &NetError| matches!(error, NetError::Set { source, .. } if source.kind() == io::ErrorKind::PermissionDenied);
        for _ in 1..LEARN_ATTEMPTS {
            match self.kernel.learn(&endpoint.port(), endpoint.mac).await {
                Err(error) if is_down(&error) => tokio::time::sleep(LEARN_INTERVAL).await,
                done => return done,
            }
        }
        self.kernel.learn(&endpoint.port(), endpoint.mac).await
    }
}

impl FabricDriver for Flat {
    fn attach<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        filter: &'a PortFilter,
    ) -> BoxFuture<'a, Result<(), AttachError>> {
        Box::pin(self.attach_endpoint(endpoint, filter))
    }

    fn detach<'a>(&'a self, port: &'a IfName) -> BoxFuture<'a, Result<bool, DetachError>> {
        Box::pin(async { Ok(self.kernel.delete(port).await?) })
    }

    fn probe<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        window: Duration,
    ) -> BoxFuture<'a, Option<(IpAddr, MacAddr)>> {
        Box::pin(probe_all(ProbeSource::Bridge(&endpoint.bridge), endpoint, window))
    }

    fn announce<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<(), AnnounceError>> {
        Box::pin(async move {
            let learned = self.learn(endpoint).await;
            match address {
                IpAddr::V4(v4) => arp::announce(&endpoint.bridge, v4, endpoint.mac).await?,
                IpAddr::V6(v6) => ndp::announce(&endpoint.bridge, v6, endpoint.mac).await?,
            }
            Ok(learned?)
        })
    }
}

/// The endpoint's veth pair. `bridge`: the Linux bridge of its host end, if any.
pub(super) fn veth(endpoint: &Endpoint, mtu: u32, bridge: Option<&Link>) -> Veth {
    Veth {
        host_end: endpoint.port(),
        container_end: endpoint.container_end(),
        mac: endpoint.mac,
        mtu,
        bridge: bridge.map(|bridge| bridge.index),
    }
}

/// Creates a veth pair. Only this endpoint uses these names, so an existing device is left over from an earlier
/// attempt and is replaced.
pub(super) async fn create_pair(kernel: &Kernel, veth: &Veth) -> Result<(), NetError> {
    match kernel.attach(veth).await {
        Err(NetError::Exists { .. }) => {
            kernel.delete(&veth.host_end).await?;
            kernel.delete(&veth.container_end).await?;
            kernel.attach(veth).await
        }
        done => done,
    }
}
