//! `ovs`: an access port of an Open vSwitch bridge over the host's NIC or bond.
//!
//! The switch remembers its ports, over a reboot too: what is there of a container says so (`external_ids`), and
//! reconciliation takes out what no endpoint has.
//!
//! The network is asked from the container's end while it is still on the host. The bridge's internal port is in the
//! VLAN of the host's own address and hears no other, and a question sent through it would teach the switch that its
//! sender is the host. So the pair is made first, and the question takes its window after that.

mod plan;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use chain::chain;
use hostnet::ovs::{self, PortSpec, Remote, Switch, SwitchError};
use hostnet::{Kernel, Kind, Link, NetError, host_mac};
use inventory::{IfName, MacAddr};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::flat::{make_pair, pair};
use super::wire::{From, ask_all};
use super::{AttachError, DetachError, Hands, WireError, Work};
use crate::reconcile::Step;
use crate::refusal::Refusal;
use crate::state::Endpoint;

pub(super) use plan::RULES;
pub(crate) use plan::plan_left_overs;

/// The key of a port's `external_ids` whose value is the container node, for a person who looks at the switch.
const NODE: &str = "xdock-node";

/// And the one whose value is Docker's endpoint: a port that has it is ours.
const ENDPOINT: &str = "xdock-endpoint";

/// How long the kernel may take to see that the pair has a carrier; it drops answers until then.
const CARRIER: Duration = Duration::from_millis(20);

/// The kind of a bridge's internal port when the kernel switches (net/openvswitch/vport-internal_dev.c); else it is a tap
/// of ovs-vswitchd.
const KERNEL_SWITCH: &str = "openvswitch";

/// How long ovs-vswitchd may be away for its restart before a start fails, and how often to look for it.
const RESTART: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Hands on Open vSwitch.
#[derive(Debug)]
pub(crate) struct Ovs {
    kernel: Kernel,
    remote: Remote,
    switch: OnceLock<Switch>,
}

impl Ovs {
    pub(super) fn new(kernel: Kernel, remote: Remote) -> Self {
        Self { kernel, remote, switch: OnceLock::new() }
    }

    /// The switch; from the first use on there is a connection, or one is being made. On a host without networks on it
    /// there is none.
    pub(crate) fn switch(&self) -> Result<&Switch, SwitchError> {
        if let Some(switch) = self.switch.get() {
            return Ok(switch);
        }
        let opened = Switch::at(self.remote.clone())?;
        Ok(self.switch.get_or_init(|| opened))
    }

    /// Looks at the switch.
    pub(crate) async fn observe(&self) -> Result<ovs::Observed, SwitchError> {
        self.switch()?.observe().await
    }

    /// A veth pair with the table's MAC and the bridge's MTU, its host end a port in the network's VLAN.
    async fn plug_in(&self, endpoint: &Endpoint) -> Result<(), AttachError> {
        let kernel_failed = |error| kernel_failed(endpoint, error);
        let bridge = self.bridge(endpoint).await?;
        make_pair(&self.kernel, &pair(endpoint, bridge.mtu, None)).await.map_err(kernel_failed)?;
        let port = spec(endpoint);
        let (fit, plugged) = tokio::join!(self.make_fit(endpoint, &bridge), self.plug(&port));
        fit.map_err(kernel_failed)?;
        plugged.map_err(|error| switch_failed(endpoint, error))
    }

    /// What the pair has to be where ovs-vswitchd itself switches. The kernel's switch takes frames before the host's IP
    /// sees them, and knows how to sum.
    async fn make_fit(&self, endpoint: &Endpoint, bridge: &Link) -> Result<(), NetError> {
        if is_kernels(bridge) {
            return Ok(());
        }
        self.kernel.deafen(&endpoint.port()).await?;
        self.kernel.sum_in_software(&endpoint.container_end()).await
    }

    /// Plugs a host end in whose other end may be in a container.
    async fn plug_back(&self, port: &PortSpec) -> Result<(), DetachError> {
        // one that was a port of a Linux bridge is not deaf yet
        if self.kernel.link(&port.bridge).await?.is_some_and(|bridge| !is_kernels(&bridge)) {
            self.kernel.deafen(&port.port).await?;
        }
        Ok(self.plug(port).await?)
    }

    async fn plug(&self, port: &PortSpec) -> Result<(), SwitchError> {
        self.switch()?.plug(port).await.map(drop)
    }

    /// The bridge's device, which may be away while ovs-vswitchd is restarted.
    async fn bridge(&self, endpoint: &Endpoint) -> Result<Link, AttachError> {
        let until = Instant::now() + RESTART;
        loop {
            let found = self.kernel.link(&endpoint.bridge).await;
            if let Some(bridge) = found.map_err(|error| kernel_failed(endpoint, error))? {
                return Ok(bridge);
            }
            let switch = self.observe().await.map_err(|error| switch_failed(endpoint, error))?;
            let (bridge, network) = (endpoint.bridge.clone(), endpoint.on.clone());
            if switch.bridge(&bridge).is_none() {
                return Err(Refusal::NoBridge { bridge, network }.into());
            }
            if Instant::now() > until {
                return Err(Refusal::NotMade { bridge, network }.into());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The container's end hears what is said in its VLAN; this host takes no notice of it.
    async fn listen(&self, endpoint: &Endpoint) -> Result<(), NetError> {
        let (port, end) = (endpoint.port(), endpoint.container_end());
        self.kernel.deafen(&end).await?;
        self.kernel.set_up(&end, true).await?;
        let until = Instant::now() + CARRIER;
        while !self.kernel.is_operational(&port).await? && Instant::now() < until {
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn ask_in_vlan(&self, endpoint: &Endpoint, window: Duration) -> Option<(IpAddr, MacAddr)> {
        if let Err(error) = self.listen(endpoint).await {
            warn!("cannot probe the addresses of {}: {}", endpoint.node, chain(&error));
            return None;
        }
        // not from the container's own address: where the same container still runs on another host, the switches
        // would turn its traffic to us. That of our end of the pair is nobody else's
        ask_all(From::End(&endpoint.container_end(), host_mac(endpoint.mac)), endpoint, window).await
    }
}

impl Hands for Ovs {
    fn attach<'a>(&'a self, endpoint: &'a Endpoint) -> Work<'a, Result<(), AttachError>> {
        Box::pin(self.plug_in(endpoint))
    }

    /// First out of the switch, which else would miss the device; the device goes also when the switch is not there.
    fn detach<'a>(&'a self, port: &'a IfName) -> Work<'a, Result<bool, DetachError>> {
        Box::pin(async move {
            let unplugged = match self.switch() {
                Ok(switch) => switch.unplug(port).await,
                Err(error) => Err(error),
            };
            let deleted = self.kernel.delete(port).await?;
            Ok(unplugged? || deleted)
        })
    }

    fn ask<'a>(&'a self, endpoint: &'a Endpoint, window: Duration) -> Work<'a, Option<(IpAddr, MacAddr)>> {
        Box::pin(self.ask_in_vlan(endpoint, window))
    }

    fn tell<'a>(&'a self, endpoint: &'a Endpoint, address: IpAddr) -> Work<'a, Result<(), WireError>> {
        Box::pin(async move {
            let port = endpoint.port();
            self.switch()?.announce(&endpoint.bridge, &port, address, endpoint.mac).await?;
            Ok(())
        })
    }

    fn repair<'a>(&'a self, step: &'a Step) -> Work<'a, Result<bool, DetachError>> {
        Box::pin(async move {
            match step {
                Step::PlugIn { port, .. } => self.plug_back(port).await?,
                Step::Deafen { port, .. } => self.kernel.deafen(port).await?,
                Step::Unplug { port } => return Ok(self.switch()?.unplug(port).await?),
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

/// Whether the kernel switches, not ovs-vswitchd itself.
fn is_kernels(bridge: &Link) -> bool {
    bridge.kind == Kind::Other(KERNEL_SWITCH.to_owned())
}

/// The port of an endpoint. That of an untagged network is an access port too: of a trunk the container would choose its
/// VLAN by itself.
fn spec(endpoint: &Endpoint) -> PortSpec {
    let external_ids = [(NODE, endpoint.node.to_string()), (ENDPOINT, endpoint.id.to_string())];
    PortSpec {
        bridge: endpoint.bridge.clone(),
        port: endpoint.port(),
        tag: Some(endpoint.tag.unwrap_or(0)),
        external_ids: BTreeMap::from(external_ids.map(|(key, value)| (key.to_owned(), value))),
    }
}

fn kernel_failed(endpoint: &Endpoint, source: NetError) -> AttachError {
    AttachError::Kernel { node: endpoint.node.to_string(), network: endpoint.on.to_string(), source }
}

fn switch_failed(endpoint: &Endpoint, error: SwitchError) -> AttachError {
    match error {
        SwitchError::NoBridge { bridge } => Refusal::NoBridge { bridge, network: endpoint.on.clone() }.into(),
        source => {
            let (node, network) = (endpoint.node.to_string(), endpoint.on.to_string());
            AttachError::Switch { node, network, source }
        }
    }
}
