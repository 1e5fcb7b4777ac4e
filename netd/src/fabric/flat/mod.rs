//! `flat`: a port of a Linux bridge over the host's NIC.

mod plan;

use std::net::IpAddr;
use std::time::Duration;

use hostnet::{Kernel, Kind, Link, NetError, Veth, arp, ndp};
use inventory::{IfName, MacAddr};

use super::wire::{From, ask_all};
use super::{AttachError, DetachError, Hands, WireError, Work};
use crate::reconcile::Step;
use crate::refusal::Refusal;
use crate::state::Endpoint;

pub(super) use plan::RULES;

/// Hands on Linux bridges.
#[derive(Debug)]
pub(super) struct Flat {
    kernel: Kernel,
}

impl Flat {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }

    /// A veth pair with the table's MAC and the bridge's MTU, in the bridge.
    async fn plug_in(&self, endpoint: &Endpoint) -> Result<(), AttachError> {
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
        make_pair(&self.kernel, &pair(endpoint, bridge.mtu, Some(&bridge))).await.map_err(failed)
    }
}

impl Hands for Flat {
    fn attach<'a>(&'a self, endpoint: &'a Endpoint) -> Work<'a, Result<(), AttachError>> {
        Box::pin(self.plug_in(endpoint))
    }

    fn detach<'a>(&'a self, port: &'a IfName) -> Work<'a, Result<bool, DetachError>> {
        Box::pin(async { Ok(self.kernel.delete(port).await?) })
    }

    fn ask<'a>(&'a self, endpoint: &'a Endpoint, window: Duration) -> Work<'a, Option<(IpAddr, MacAddr)>> {
        Box::pin(ask_all(From::Bridge(&endpoint.bridge), endpoint, window))
    }

    fn tell<'a>(&'a self, endpoint: &'a Endpoint, address: IpAddr) -> Work<'a, Result<(), WireError>> {
        Box::pin(async move {
            match address {
                IpAddr::V4(v4) => arp::announce(&endpoint.bridge, v4, endpoint.mac).await?,
                IpAddr::V6(v6) => ndp::announce(&endpoint.bridge, v6, endpoint.mac).await?,
            }
            Ok(())
        })
    }

    fn repair<'a>(&'a self, step: &'a Step) -> Work<'a, Result<bool, DetachError>> {
        Box::pin(async move {
            match step {
                Step::Plug { port, index, .. } => self.kernel.set_master(port, Some(*index)).await?,
                Step::Release { port, .. } => self.kernel.set_master(port, None).await?,
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

/// The endpoint's pair; of a switch that is not the kernel's, no port of anything yet.
pub(super) fn pair(endpoint: &Endpoint, mtu: u32, bridge: Option<&Link>) -> Veth {
    Veth {
        host_end: endpoint.port(),
        container_end: endpoint.container_end(),
        mac: endpoint.mac,
        mtu,
        bridge: bridge.map(|bridge| bridge.index),
    }
}

/// The names are this endpoint's alone: what has them is left of an earlier try.
pub(super) async fn make_pair(kernel: &Kernel, veth: &Veth) -> Result<(), NetError> {
    match kernel.attach(veth).await {
        Err(NetError::Exists { .. }) => {
            kernel.delete(&veth.host_end).await?;
            kernel.delete(&veth.container_end).await?;
            kernel.attach(veth).await
        }
        done => done,
    }
}
