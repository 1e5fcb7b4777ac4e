//! `ovs`: an access port of an Open vSwitch bridge over the host's NIC or bond.
//!
//! The switch keeps its ports in a database, also over a reboot. Ports of containers are marked in `external_ids`,
//! and reconciliation removes marked ports that have no endpoint.
//!
//! Addresses are probed from the container end while it is still on the host. The bridge's internal port is in the
//! VLAN of the host's own address and receives no other VLAN, and a probe through it would teach the switch that its
//! sender is the host. So the veth pair is created first, and the probe follows.

pub(super) mod plan;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use chain::chain;
use hostnet::ovs::{
    self, Flow, FlowCounts, PortSpec, Purpose, Remote, Switch, SwitchError, filter_flows, network_flows,
};
use hostnet::{Kernel, Kind, Link, NetError, PortFilter, host_mac};
use inventory::{IfName, MacAddr};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::flat::{create_pair, veth};
use super::probe::{ProbeSource, probe_all};
use super::{AnnounceError, AttachError, BoxFuture, DetachError, FabricDriver};
use crate::reconcile::OvsPortStep;
use crate::refusal::Refusal;
use crate::state::Endpoint;

pub(crate) use plan::{plan_bridge_flows, plan_stale_ports};

/// Key in a port's `external_ids` with the name of the container node, for administrators.
const NODE_KEY: &str = "xdock-node";

/// Key in a port's `external_ids` with Docker's endpoint ID. Only ports of netd have it.
const ENDPOINT_KEY: &str = "xdock-endpoint";

/// How long to wait until the kernel sees the veth pair's carrier. It drops received frames until then.
const CARRIER_TIMEOUT: Duration = Duration::from_millis(20);

/// Link kind of a bridge's internal port with the kernel's datapath (net/openvswitch/vport-internal_dev.c). With the
/// userspace datapath it is a tap device.
const KERNEL_DATAPATH: &str = "openvswitch";

/// How long an attach waits for a bridge's device while ovs-vswitchd restarts.
const BRIDGE_TIMEOUT: Duration = Duration::from_secs(5);
const BRIDGE_INTERVAL: Duration = Duration::from_millis(50);

/// The driver of Open vSwitch bridges.
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

    /// The switch. The first call starts to connect, so that a host without Open vSwitch networks never does.
    pub(crate) fn switch(&self) -> Result<&Switch, SwitchError> {
        if let Some(switch) = self.switch.get() {
            return Ok(switch);
        }
        let opened = Switch::at(self.remote.clone())?;
        Ok(self.switch.get_or_init(|| opened))
    }

    /// Reads the switch's configuration and state.
    pub(crate) async fn observe(&self) -> Result<ovs::Observed, SwitchError> {
        self.switch()?.observe().await
    }

    /// netd's flows on a bridge for one purpose.
    pub(crate) async fn flows(&self, bridge: &IfName, purpose: Purpose) -> Result<FlowCounts, SwitchError> {
        self.switch()?.flows(bridge, purpose).await
    }

    /// Executes a repair. `false`: it was no longer necessary.
    pub(crate) async fn repair(&self, step: &OvsPortStep) -> Result<bool, DetachError> {
        match step {
            OvsPortStep::Attach { port, filter, .. } => self.attach_live_port(port, filter).await?,
            OvsPortStep::Isolate { port, .. } => self.kernel.isolate_from_host_ip(port).await?,
            OvsPortStep::Filter { bridge, flows, .. } | OvsPortStep::Isolation { bridge, flows, .. } => {
                self.switch()?.change_flows(bridge, flows, &[]).await?;
            }
            OvsPortStep::RemoveFlows { bridge, cookies } => {
                self.switch()?.change_flows(bridge, &[], cookies).await?;
            }
            OvsPortStep::Remove { port } => return Ok(self.remove_port(port).await?),
        }
        Ok(true)
    }

    /// Creates a veth pair with the MAC of the tables and the bridge's MTU, whose host end is a port in the
    /// network's VLAN. The container sends nothing before its filter is set, see `flat`.
    async fn attach_endpoint(&self, endpoint: &Endpoint, filter: &PortFilter) -> Result<(), AttachError> {
        let kernel_failed = |error| kernel_failed(endpoint, error);
        let bridge = self.bridge(endpoint).await?;
        create_pair(&self.kernel, &veth(endpoint, bridge.mtu, None)).await.map_err(kernel_failed)?;
        let port = port_spec(endpoint);
        let (prepared, attached) = tokio::join!(
            self.prepare_for_userspace(endpoint, &bridge),
            self.attach_with_filter(&port, filter)
        );
        prepared.map_err(kernel_failed)?;
        attached.map_err(|error| switch_failed(endpoint, error))
    }

    /// Configures a veth pair for the userspace datapath. The kernel's datapath does not need this: it takes frames
    /// before the host's IP stack sees them, and computes checksums.
    async fn prepare_for_userspace(&self, endpoint: &Endpoint, bridge: &Link) -> Result<(), NetError> {
        if is_kernel_datapath(bridge) {
            return Ok(());
        }
        self.kernel.isolate_from_host_ip(&endpoint.port()).await?;
        self.kernel.disable_tx_checksum_offload(&endpoint.container_end()).await
    }

    /// Attaches a host end whose other end may be in a container. The port is down until its filter is set.
    async fn attach_live_port(&self, port: &PortSpec, filter: &PortFilter) -> Result<(), DetachError> {
        // a former port of a Linux bridge is not isolated yet
        if self.kernel.link(&port.bridge).await?.is_some_and(|bridge| !is_kernel_datapath(&bridge)) {
            self.kernel.isolate_from_host_ip(&port.port).await?;
        }
        self.kernel.set_up(&port.port, false).await?;
        let attached = self.attach_with_filter(port, filter).await;
        self.kernel.set_up(&port.port, true).await?;
        Ok(attached?)
    }

    async fn attach_with_filter(&self, port: &PortSpec, filter: &PortFilter) -> Result<(), SwitchError> {
        let number = self.attach_port(port).await?;
        let mut flows = filter_flows(filter, number);
        flows.extend(filter.isolation.iter().flat_map(network_flows));
        self.switch()?.set_port_flows(&port.bridge, number, &flows).await
    }

    /// Returns its OpenFlow number.
    async fn attach_port(&self, port: &PortSpec) -> Result<i64, SwitchError> {
        self.switch()?.attach_port(port).await
    }

    /// Removes a port with its flows. Another port may get its number.
    async fn remove_port(&self, port: &IfName) -> Result<bool, SwitchError> {
        let switch = self.switch()?;
        let observed = switch.observe().await?;
        let removed = switch.remove_port(port).await?;
        if let Some((bridge, _, interface)) = observed.interface(port.as_str())
            && let (Ok(bridge), Some(number)) = (bridge.name.parse(), interface.ofport)
        {
            // ovs-vswitchd may not run
            if let Err(error) = switch.set_port_flows(&bridge, number, &[]).await {
                debug!("{}", chain(&error));
            }
        }
        Ok(removed)
    }

    /// How many frames the filters of these endpoints dropped, by port.
    pub(crate) async fn dropped(
        &self,
        endpoints: &[(Endpoint, PortFilter)],
    ) -> Result<BTreeMap<IfName, u64>, SwitchError> {
        let observed = self.observe().await?;
        let mut counts = BTreeMap::new();
        let mut dropped = BTreeMap::new();
        for (endpoint, filter) in endpoints {
            let port = endpoint.port();
            if !counts.contains_key(&endpoint.bridge) {
                counts.insert(endpoint.bridge.clone(), self.flows(&endpoint.bridge, Purpose::Filter).await?);
            }
            let number = observed.interface(port.as_str()).and_then(|(_, _, interface)| interface.ofport);
            if let (Some(number), Some(counts)) = (number, counts.get(&endpoint.bridge)) {
                let drops = filter_flows(filter, number).into_iter().filter(Flow::drops);
                dropped.insert(port, drops.filter_map(|flow| counts.get(&flow.cookie())).sum());
            }
        }
        Ok(dropped)
    }

    /// The bridge's device. Waits for it while ovs-vswitchd restarts.
    async fn bridge(&self, endpoint: &Endpoint) -> Result<Link, AttachError> {
        let deadline = Instant::now() + BRIDGE_TIMEOUT;
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
            if Instant::now() > deadline {
                return Err(Refusal::NotMade { bridge, network }.into());
            }
            sleep(BRIDGE_INTERVAL).await;
        }
    }

    /// Sets the container end up, so that it receives frames of its VLAN. The host's IP stack ignores them.
    async fn set_container_end_up(&self, endpoint: &Endpoint) -> Result<(), NetError> {
        let (port, end) = (endpoint.port(), endpoint.container_end());
        self.kernel.isolate_from_host_ip(&end).await?;
        self.kernel.set_up(&end, true).await?;
        let deadline = Instant::now() + CARRIER_TIMEOUT;
        while !self.kernel.is_operational(&port).await? && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn probe_in_vlan(&self, endpoint: &Endpoint, window: Duration) -> Option<(IpAddr, MacAddr)> {
        if let Err(error) = self.set_container_end_up(endpoint).await {
            warn!("cannot probe the addresses of {}: {}", endpoint.node, chain(&error));
            return None;
        }
        // not from the container's own MAC: if the same container still runs on another host, switches would send its
        // traffic here. Nobody else uses the MAC of the host end
        let end = endpoint.container_end();
        probe_all(ProbeSource::ContainerEnd(&end, host_mac(endpoint.mac)), endpoint, window).await
    }
}

impl FabricDriver for Ovs {
    fn attach<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        filter: &'a PortFilter,
    ) -> BoxFuture<'a, Result<(), AttachError>> {
        Box::pin(self.attach_endpoint(endpoint, filter))
    }

    /// Removes the port first, because the switch reports a port without device as an error. The device is deleted
    /// even if the switch does not answer.
    fn detach<'a>(&'a self, port: &'a IfName) -> BoxFuture<'a, Result<bool, DetachError>> {
        Box::pin(async move {
            let removed = self.remove_port(port).await;
            let deleted = self.kernel.delete(port).await?;
            Ok(removed? || deleted)
        })
    }

    fn probe<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        window: Duration,
    ) -> BoxFuture<'a, Option<(IpAddr, MacAddr)>> {
        Box::pin(self.probe_in_vlan(endpoint, window))
    }

    fn announce<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<(), AnnounceError>> {
        Box::pin(async move {
            let port = endpoint.port();
            self.switch()?.announce(&endpoint.bridge, &port, address, endpoint.mac).await?;
            Ok(())
        })
    }
}

/// Whether the kernel forwards the bridge's frames, and not ovs-vswitchd.
fn is_kernel_datapath(bridge: &Link) -> bool {
    bridge.kind == Kind::Other(KERNEL_DATAPATH.to_owned())
}

/// The port of an endpoint. On an untagged network it is an access port too: on a trunk the container could
/// choose its own VLAN.
fn port_spec(endpoint: &Endpoint) -> PortSpec {
    let external_ids = [(NODE_KEY, endpoint.node.to_string()), (ENDPOINT_KEY, endpoint.id.to_string())];
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
