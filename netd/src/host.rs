//! Actions on the host. Each runs in its own task and reports to the inbox, so that the main loop never waits for the
//! kernel, the network or a program.

mod publisher;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hostnet::ovs::Remote;
use hostnet::{Installed, Kernel, Link, NetError, PortFilter, firewall};
use inventory::IfName;
use plugin::EndpointId;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use crate::boot_time::BootTime;
use crate::fabric::{DetachError, Fabrics};
use crate::interface::{is_host_end, is_ours};
use crate::message::{LinkState, Message, Scope};
use crate::publish::Wanted;
use crate::reconcile::{Observation, Step};
use crate::refusal::Refusal;
use crate::state::Endpoint;
use crate::status::Status;
use chain::chain;

pub(crate) use publisher::{Generation, PublishView, Publisher};

/// Delays of the two announcements after `Join`, each from the one before. The first is not immediate: until
/// dockerd has moved the interface nobody would answer, and the announcement would compete with the
/// container's start for the CPU.
const ANNOUNCE_DELAYS: [Duration; 2] = [Duration::from_millis(150), Duration::from_secs(1)];

/// Executes actions on the host in background tasks.
#[derive(Debug, Clone)]
pub(crate) struct HostExecutor {
    kernel: Kernel,
    fabrics: Fabrics,
    publisher: Publisher,
    inbox: UnboundedSender<Message>,
    probe_window: Option<Duration>,
    watches_switch: Arc<AtomicBool>,
}

impl HostExecutor {
    /// Opens the kernel connection.
    pub(crate) fn open(
        inbox: UnboundedSender<Message>,
        probe_window: Option<Duration>,
        switch: Remote,
    ) -> Result<Self, NetError> {
        let kernel = Kernel::open()?;
        let fabrics = Fabrics::new(&kernel, switch);
        let publisher = Publisher::new(kernel.clone());
        Ok(Self { kernel, fabrics, publisher, inbox, probe_window, watches_switch: Arc::default() })
    }

    /// Whether address probes are enabled.
    pub(crate) fn probes(&self) -> bool {
        self.probe_window.is_some()
    }

    /// Attaches an endpoint. Reports [`Message::Attached`].
    pub(crate) fn attach(&self, endpoint: &Endpoint, filter: PortFilter) {
        let (host, endpoint) = (self.clone(), endpoint.clone());
        self.report(async move {
            let done = host.fabrics.driver(endpoint.fabric).attach(&endpoint, &filter).await;
            Message::Attached(Box::new(endpoint), done.map_err(|error| chain(&error)))
        });
    }

    /// Checks whether another machine uses the endpoint's addresses. Reports [`Message::Probed`].
    pub(crate) fn probe(&self, endpoint: &Endpoint) {
        let Some(window) = self.probe_window else { return };
        let (host, endpoint) = (self.clone(), endpoint.clone());
        self.report(async move {
            let answer = host.fabrics.driver(endpoint.fabric).probe(&endpoint, window).await;
            let refusal = answer.map(|(address, mac)| Refusal::AddressInUse {
                address,
                node: endpoint.node,
                mac,
                network: endpoint.on,
            });
            Message::Probed(endpoint.id, refusal)
        });
    }

    /// Announces the endpoint's addresses twice, because a frame may be lost.
    pub(crate) fn announce(&self, endpoint: &Endpoint) {
        let (fabrics, endpoint) = (self.fabrics.clone(), endpoint.clone());
        tokio::spawn(async move {
            for delay in ANNOUNCE_DELAYS {
                tokio::time::sleep(delay).await;
                announce_all(&fabrics, &endpoint).await;
            }
        });
    }

    /// Sets which ports are published, and has them written in the background.
    pub(crate) fn publish(&self, wanted: Wanted) {
        if self.publisher.set(wanted) {
            let publisher = self.publisher.clone();
            tokio::spawn(async move { publisher.settled_or_logged().await });
        }
    }

    /// Reports [`Message::Published`] when the ports that are set now are published.
    pub(crate) fn report_published(&self, id: EndpointId) {
        let publisher = self.publisher.clone();
        self.report(async move { Message::Published(id, publisher.settled().await) });
    }

    /// Removes an endpoint's port and deletes its veth pair.
    pub(crate) fn detach(&self, endpoint: &Endpoint) {
        let (host, fabric, port) = (self.clone(), endpoint.fabric, endpoint.port());
        tokio::spawn(async move {
            if let Err(error) = host.fabrics.driver(fabric).detach(&port).await {
                // reconciliation retries this
                warn!("{}", chain(&error));
            }
        });
    }

    /// Checks a link after `delay` and reports `message`. A link that cannot be checked counts as alive: it
    /// must not be removed.
    pub(crate) fn check_link(
        &self,
        port: IfName,
        delay: Duration,
        message: impl FnOnce(LinkState) -> Message + Send + 'static,
    ) {
        let host = self.clone();
        self.report(async move {
            tokio::time::sleep(delay).await;
            message(host.kernel.link(&port).await.map_err(|error| warn!("{}", chain(&error))))
        });
    }

    /// Counts the frames that filters dropped. Reports [`Message::Counted`]; without a port: its number is unknown.
    pub(crate) fn count_drops(&self, on_switch: Vec<(Endpoint, PortFilter)>, to: oneshot::Sender<Status>) {
        let host = self.clone();
        self.report(async move {
            let counted = host.dropped().await;
            let mut dropped = counted.inspect_err(|error| warn!("{}", chain(error))).unwrap_or_default();
            if !on_switch.is_empty() {
                let counted = host.fabrics.ovs.dropped(&on_switch).await;
                dropped.extend(counted.inspect_err(|error| debug!("{}", chain(error))).unwrap_or_default());
            }
            Message::Counted(dropped, to)
        });
    }

    async fn dropped(&self) -> Result<BTreeMap<IfName, u64>, NetError> {
        let (links, dropped) = tokio::try_join!(self.kernel.links(), self.kernel.dropped_frames())?;
        let ports = links.into_iter().filter(|link| is_host_end(link.name.as_str()));
        Ok(ports.filter_map(|port| Some((port.name, *dropped.get(&port.index)?))).collect())
    }

    /// Observes the host, and Open vSwitch with these bridges, if any. Reports [`Message::Observed`].
    pub(crate) fn observe(&self, scope: Scope, bridges: BTreeSet<IfName>) {
        let host = self.clone();
        if !bridges.is_empty() {
            self.watch_switch();
        }
        self.report(async move { Message::Observed(host.observation(scope, bridges).await.map(Box::new)) });
    }

    async fn observation(&self, scope: Scope, bridges: BTreeSet<IfName>) -> Result<Observation, String> {
        let began = BootTime::now();
        let switch = if !bridges.is_empty() { Some(self.fabrics.ovs.observe().await) } else { None };
        let switch = switch.map(|observed| observed.map_err(|error| chain(&error)));
        let links = self.kernel.links().await.map_err(|error| chain(&error))?;
        let not_isolated = if switch.is_some() { self.not_isolated(&links).await } else { BTreeSet::new() };
        let filters = match scope {
            Scope::Links => None,
            Scope::Filters | Scope::All => Some(self.filters(&links).await?),
        };
        let (mut flows, mut flow_problems) = (BTreeMap::new(), Vec::new());
        if let (Scope::Filters | Scope::All, Some(Ok(observed))) = (scope, &switch) {
            let is_there = |bridge: &IfName| {
                observed.bridge(bridge).is_some() && links.iter().any(|link| link.name == *bridge)
            };
            for bridge in bridges.into_iter().filter(is_there) {
                match self.fabrics.ovs.flows(&bridge).await {
                    Ok(counts) => drop(flows.insert(bridge, counts)),
                    Err(error) => flow_problems.push(chain(&error)),
                }
            }
        }
        let firewall = match scope {
            Scope::Links | Scope::Filters => None,
            Scope::All => Some(firewall::observe().await.map_err(|error| chain(&error))),
        };
        let published = match scope {
            Scope::Links | Scope::Filters => None,
            Scope::All => Some(self.publisher.view(&links).await),
        };
        Ok(Observation {
            began,
            links,
            switch,
            not_isolated,
            filters,
            flows,
            flow_problems,
            firewall,
            published,
        })
    }

    /// The filters of netd's ports.
    async fn filters(&self, links: &[Link]) -> Result<BTreeMap<u32, Installed>, String> {
        let ports: Vec<u32> =
            links.iter().filter(|link| is_host_end(link.name.as_str())).map(|link| link.index).collect();
        self.kernel.installed_filters(&ports).await.map_err(|error| chain(&error))
    }

    /// The ports of netd whose traffic the host's IP stack accepts. Runs on another thread because the settings are
    /// read from files.
    async fn not_isolated(&self, links: &[Link]) -> BTreeSet<IfName> {
        let ours = links.iter().map(|link| &link.name).filter(|name| is_ours(name.as_str()));
        let (kernel, ours): (Kernel, Vec<IfName>) = (self.kernel.clone(), ours.cloned().collect());
        let accepts =
            move |port: &IfName| kernel.host_ip_filter(port).is_some_and(|filter| !filter.is_blocked());
        let checked = tokio::task::spawn_blocking(move || ours.into_iter().filter(accepts).collect());
        // after a panic the next pass checks again
        checked.await.unwrap_or_default()
    }

    /// Executes repairs in order. Reports [`Message::Executed`].
    pub(crate) fn execute(&self, steps: Vec<Step>) {
        let host = self.clone();
        self.report(async move {
            let mut done = Vec::new();
            for step in steps {
                let result = host.repair(&step).await;
                done.push((step, result));
            }
            Message::Executed(done)
        });
    }

    /// `false`: the repair was no longer necessary.
    async fn repair(&self, step: &Step) -> Result<bool, String> {
        let done = match step {
            Step::DeleteDevice { device } => self.kernel.delete(device).await.map_err(DetachError::from),
            Step::BridgePort(step) => self.fabrics.flat.repair(step).await.map(|()| true),
            Step::OvsPort(step) => self.fabrics.ovs.repair(step).await,
            Step::SetMtu { port, mtu, .. } => changed(self.kernel.set_mtu(port, *mtu).await),
            Step::SetUp { port, .. } => changed(self.kernel.set_up(port, true).await),
            Step::Publish(generation, step) => return self.publisher.repair(*generation, step).await,
            Step::Firewall(step) => {
                return firewall::apply(step).await.map(|()| true).map_err(|error| chain(&error));
            }
        };
        match done {
            // the device was deleted meanwhile
            Err(DetachError::Kernel(NetError::Missing { .. })) => Ok(false),
            done => done.map_err(|error| chain(&error)),
        }
    }

    fn report(&self, action: impl Future<Output = Message> + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            // fails only when the daemon stops
            let _ = inbox.send(action.await);
        });
    }
}

fn changed(result: Result<(), NetError>) -> Result<bool, DetachError> {
    result.map(|()| true).map_err(DetachError::from)
}

async fn announce_all(fabrics: &Fabrics, endpoint: &Endpoint) {
    for address in endpoint.addresses.iter().map(ipnet::IpNet::addr) {
        if let Err(error) = fabrics.driver(endpoint.fabric).announce(endpoint, address).await {
            info!("cannot announce {address} of {}: {}", endpoint.node, chain(&error));
        }
    }
}
