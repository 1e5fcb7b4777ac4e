//! How endpoints are attached to networks: one folder per fabric.
//!
//! A [`FabricDriver`] changes the host. `plan.rs` computes the changes, and is pure.

mod flat;
mod ovs;
mod plan;
mod probe;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hostnet::ovs::{Remote, SwitchError};
use hostnet::{Kernel, NetError, PacketError, PortFilter};
use inventory::{Fabric, IfName, MacAddr};
use thiserror::Error;

use crate::refusal::Refusal;
use crate::state::Endpoint;

use flat::Flat;

pub(crate) use ovs::Ovs;
pub(crate) use ovs::{plan_bridge_flows, plan_stale_ports};
pub(crate) use plan::{Presence, bridge_problem, plan_port, presence, probes_before_attach};

/// The future of a driver's method.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Attaches endpoints to the bridges of one fabric.
pub(crate) trait FabricDriver: std::fmt::Debug + Send + Sync {
    /// Creates the endpoint's veth pair and attaches its host end to the bridge, with its filter.
    fn attach<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        filter: &'a PortFilter,
    ) -> BoxFuture<'a, Result<(), AttachError>>;

    /// Removes a port from its bridge and deletes its veth pair. `false`: neither existed.
    fn detach<'a>(&'a self, port: &'a IfName) -> BoxFuture<'a, Result<bool, DetachError>>;

    /// Checks whether another machine uses one of the endpoint's addresses. Returns the first address in use with the
    /// MAC of its user.
    fn probe<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        window: Duration,
    ) -> BoxFuture<'a, Option<(IpAddr, MacAddr)>>;

    /// Announces one of the endpoint's addresses to its network.
    fn announce<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<(), AnnounceError>>;
}

/// The fabric drivers of this host. Each connects to what it needs at first use.
#[derive(Debug, Clone)]
pub(crate) struct Fabrics {
    pub(crate) flat: Arc<Flat>,
    pub(crate) ovs: Arc<Ovs>,
}

impl Fabrics {
    /// Drivers that use this kernel connection, and Open vSwitch at this address.
    pub(crate) fn new(kernel: &Kernel, switch: Remote) -> Self {
        Self { flat: Arc::new(Flat::new(kernel.clone())), ovs: Arc::new(Ovs::new(kernel.clone(), switch)) }
    }

    /// The driver of a fabric.
    pub(crate) fn driver(&self, fabric: Fabric) -> &dyn FabricDriver {
        match fabric {
            Fabric::Flat => &*self.flat,
            Fabric::Ovs => &*self.ovs,
        }
    }
}

/// Why an endpoint was not attached.
#[derive(Debug, Error)]
pub(crate) enum AttachError {
    /// The bridge does not match the tables.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The kernel failed.
    #[error("cannot attach {node} to network {network}")]
    Kernel {
        node: String,
        network: String,
        #[source]
        source: NetError,
    },
    /// Open vSwitch failed.
    #[error("cannot attach {node} to network {network}")]
    Switch {
        node: String,
        network: String,
        #[source]
        source: SwitchError,
    },
}

/// Why a port was not removed or repaired.
#[derive(Debug, Error)]
pub(crate) enum DetachError {
    #[error(transparent)]
    Kernel(#[from] NetError),
    #[error(transparent)]
    Switch(#[from] SwitchError),
}

/// Why an address was not announced.
#[derive(Debug, Error)]
pub(crate) enum AnnounceError {
    #[error(transparent)]
    Kernel(#[from] NetError),
    #[error(transparent)]
    Packet(#[from] PacketError),
    #[error(transparent)]
    Switch(#[from] SwitchError),
}
