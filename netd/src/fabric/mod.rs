//! How an endpoint is plugged into its network: one folder a fabric, behind two traits.
//!
//! [`Hands`] do something on the host; [`Rules`] say what has to be done, and are pure.

mod flat;
mod ovs;
mod wire;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hostnet::ovs::{Remote, SwitchError};
use hostnet::{Kernel, Link, NetError, PacketError};
use inventory::{Fabric, HostNetwork, IfName, MacAddr};
use thiserror::Error;

use crate::reconcile::{Plan, Seen, Step};
use crate::refusal::Refusal;
use crate::state::Endpoint;

use flat::Flat;
use ovs::Ovs;

/// What takes time.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a fabric does on the host.
pub(crate) trait Hands: std::fmt::Debug + Send + Sync {
    /// Makes the endpoint's pair and plugs its host end in.
    fn attach<'a>(&'a self, endpoint: &'a Endpoint) -> Work<'a, Result<(), AttachError>>;

    /// Takes a port out and deletes its pair. `false`: neither was there.
    fn detach<'a>(&'a self, port: &'a IfName) -> Work<'a, Result<bool, DetachError>>;

    /// Asks the endpoint's network who has one of its addresses, and returns the first that says so.
    fn ask<'a>(&'a self, endpoint: &'a Endpoint, window: Duration) -> Work<'a, Option<(IpAddr, MacAddr)>>;

    /// Tells the endpoint's network where one of its addresses is now.
    fn tell<'a>(&'a self, endpoint: &'a Endpoint, address: IpAddr) -> Work<'a, Result<(), WireError>>;

    /// Makes a repair that is this fabric's own. `false`: there was nothing to do any more.
    fn repair<'a>(&'a self, step: &'a Step) -> Work<'a, Result<bool, DetachError>>;
}

/// What a fabric wants.
pub(crate) trait Rules: Sync {
    /// Whether a network can be asked before the endpoint's pair is there.
    fn asks_early(&self) -> bool;

    /// Whether the host has a bridge of that name.
    fn presence(&self, bridge: &IfName, seen: &Seen<'_>) -> Presence;

    /// What is wrong with the bridge of a network, if something is.
    fn bridge_problem(&self, on: &HostNetwork, seen: &Seen<'_>) -> Option<String>;

    /// Adds what has to be done about the port of an endpoint that is alive.
    fn mend_port(&self, endpoint: &Endpoint, link: &Link, seen: &Seen<'_>, plan: &mut Plan);
}

/// Whether the host has a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A port can be plugged in.
    Ready,
    /// It is there or will come back: its switch is restarted, or does not answer.
    Unsure,
    /// It is not there.
    Absent,
}

/// The rules of a fabric.
pub(crate) fn rules(fabric: Fabric) -> &'static dyn Rules {
    match fabric {
        Fabric::Flat => &flat::RULES,
        Fabric::Ovs => &ovs::RULES,
    }
}

/// Ports of a fabric that has a memory of its own, with nobody who has them.
pub(crate) use ovs::plan_left_overs;

/// All fabrics of this host. What one of them needs is opened when it is needed first.
#[derive(Debug, Clone)]
pub(crate) struct Fabrics {
    flat: Arc<Flat>,
    pub(crate) ovs: Arc<Ovs>,
}

impl Fabrics {
    /// Over one way to the kernel, and to the switch at that address.
    pub(crate) fn new(kernel: &Kernel, switch: Remote) -> Self {
        Self { flat: Arc::new(Flat::new(kernel.clone())), ovs: Arc::new(Ovs::new(kernel.clone(), switch)) }
    }

    /// The hands of a fabric.
    pub(crate) fn hands(&self, fabric: Fabric) -> &dyn Hands {
        match fabric {
            Fabric::Flat => &*self.flat,
            Fabric::Ovs => &*self.ovs,
        }
    }
}

/// An endpoint was not plugged in.
#[derive(Debug, Error)]
pub(crate) enum AttachError {
    /// The host is not what the tables say.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The kernel said no.
    #[error("cannot plug {node} into {network}")]
    Kernel {
        node: String,
        network: String,
        #[source]
        source: NetError,
    },
    /// Open vSwitch said no.
    #[error("cannot plug {node} into {network}")]
    Switch {
        node: String,
        network: String,
        #[source]
        source: SwitchError,
    },
}

/// A port was not taken out or put right.
#[derive(Debug, Error)]
pub(crate) enum DetachError {
    /// The kernel said no.
    #[error(transparent)]
    Kernel(#[from] NetError),
    /// Open vSwitch said no.
    #[error(transparent)]
    Switch(#[from] SwitchError),
}

/// Nothing could be said or heard.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    /// No packet was sent or received.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// The kernel said no.
    #[error(transparent)]
    Kernel(#[from] NetError),
    /// Open vSwitch said no.
    #[error(transparent)]
    Switch(#[from] SwitchError),
}
