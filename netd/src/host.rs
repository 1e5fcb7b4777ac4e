//! Actions on the host. Each runs in its own task and reports to the inbox, so that the main loop never waits for the
//! kernel, the network or a program.

mod publisher;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hostnet::ovs::{Purpose, Remote};
use hostnet::{Installed, Kernel, Link, NetError, PortFilter, firewall};
use inventory::{IfName, NodeName};
use plugin::{EndpointId, Reply};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::boot_time::BootTime;
use crate::fabric::{DetachError, Fabrics};
use crate::interface::{is_host_end, is_ours};
use crate::message::{LinkState, Message, ReplySender, Scope};
use crate::names::{self, Container, ContainerFiles, Names};
use crate::publish::Wanted;
use crate::reconcile::{HostsFiles, Observation, Step};
use crate::refusal::Refusal;
use crate::state::Endpoint;
use crate::status::Status;
use chain::chain;

pub(crate) use publisher::{Generation, PublishView, Publisher, SwitchedView};

/// Delays of the two announcements after `Join`, each from the one before. The first is not immediate: until
/// dockerd has moved the interface nobody would answer, and the announcement would compete with the
/// container's start for the CPU.
const ANNOUNCE_DELAYS: [Duration; 2] = [Duration::from_millis(150), Duration::from_secs(1)];

/// How long `Join` waits for the DNS sockets.
const NAMES_TIMEOUT: Duration = Duration::from_millis(500);

/// How long dockerd may take from `Join` to the sandbox, and how often netd checks. From the sandbox to the first instruction of
/// the container it takes dockerd and runc more than 20 ms.
const SANDBOX_TIMEOUT: Duration = Duration::from_secs(10);
const SANDBOX_INTERVAL: Duration = Duration::from_millis(5);
const MAX_SANDBOX_INTERVAL: Duration = Duration::from_millis(500);

/// Executes actions on the host in background tasks.
#[derive(Debug, Clone)]
pub(crate) struct HostExecutor {
    kernel: Kernel,
    fabrics: Fabrics,
    publisher: Publisher,
    inbox: UnboundedSender<Message>,
    probe_window: Option<Duration>,
    watches_switch: Arc<AtomicBool>,
    container_files: ContainerFiles,
    /// DNS for containers.
    pub(crate) names: Names,
}

impl HostExecutor {
    /// Opens the kernel connection.
    pub(crate) fn open(
        inbox: UnboundedSender<Message>,
        probe_window: Option<Duration>,
        switch: Remote,
        names: Names,
        container_files: ContainerFiles,
    ) -> Result<Self, NetError> {
        let kernel = Kernel::open()?;
        let fabrics = Fabrics::new(&kernel, switch);
        let publisher = Publisher::new(kernel.clone(), &fabrics);
        let watches_switch = Arc::default();
        Ok(Self { kernel, fabrics, publisher, inbox, probe_window, watches_switch, container_files, names })
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

    /// Opens the DNS sockets of a container.
    pub(crate) fn serve_names(&self, sandbox: &Path, node: &NodeName) {
        let (opened, node) = (self.names.open(sandbox, node), node.clone());
        tokio::spawn(async move {
            if let Err(error) = opened.await {
                // reconciliation retries this
                warn!("cannot open the DNS sockets of {node}: {error}");
            }
        });
    }

    /// Answers `Join` and opens the DNS sockets of the container: before the answer if its namespace is ready, which takes a
    /// millisecond. Older engines create the namespace after `Join` (moby 20.10: `libnetwork-setkey`, a hook of runc that ends
    /// before the container's program starts); then the sockets are opened as soon as it is. A container without them starts, too.
    pub(crate) fn join_names(&self, joined: &Endpoint, reply: Result<Reply, String>, answer: ReplySender) {
        let (names, node) = (self.names.clone(), joined.node.clone());
        let sandbox = joined.sandbox.clone().filter(|_| reply.is_ok());
        tokio::spawn(async move {
            let first = match &sandbox {
                Some(sandbox) if names::exists(sandbox) => timeout(NAMES_TIMEOUT, names.open(sandbox, &node))
                    .await
                    .is_ok_and(|opened| opened.is_ok()),
                _ => false,
            };
            // fails if dockerd was killed
            let _ = answer.send(reply);
            if let (Some(sandbox), false) = (sandbox, first)
                && let Err(error) = open_when_ready(&names, &sandbox, &node).await
            {
                // reconciliation retries this
                warn!("cannot open the DNS sockets of {node}: {error}");
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
            // otherwise the sockets of a removed container keep the link alive
            host.names.close_replaced().await;
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
    pub(crate) fn observe(
        &self,
        scope: Scope,
        bridges: BTreeSet<IfName>,
        sandboxes: Vec<PathBuf>,
        known: BTreeMap<PathBuf, Container>,
    ) {
        let host = self.clone();
        if !bridges.is_empty() {
            self.watch_switch();
        }
        self.report(async move {
            let hosts_files = host.hosts_files(sandboxes.clone(), known).await;
            Message::Observed(host.observation(scope, bridges, sandboxes, hosts_files).await.map(Box::new))
        });
    }

    async fn observation(
        &self,
        scope: Scope,
        bridges: BTreeSet<IfName>,
        sandboxes: Vec<PathBuf>,
        hosts_files: HostsFiles,
    ) -> Result<Observation, String> {
        let began = BootTime::now();
        let switch = if !bridges.is_empty() { Some(self.fabrics.ovs.observe().await) } else { None };
        let switch = switch.map(|observed| observed.map_err(|error| chain(&error)));
        let sandboxes = self.names.observe(sandboxes).await;
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
                match self.fabrics.ovs.flows(&bridge, Purpose::Filter).await {
                    Ok(counts) => drop(flows.insert(bridge, counts)),
                    Err(error) => flow_problems.push(chain(&error)),
                }
            }
        }
        let switched = match (scope, &switch) {
            (Scope::Filters | Scope::All, Some(Ok(observed))) => {
                Some(self.publisher.switched(&links, Some(observed)).await?)
            }
            _ => None,
        };
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
            sandboxes,
            hosts_files,
            firewall,
            published,
            switched,
        })
    }

    /// The containers of these sandboxes and their /etc/hosts. `known`: containers that were found before.
    async fn hosts_files(&self, sandboxes: Vec<PathBuf>, known: BTreeMap<PathBuf, Container>) -> HostsFiles {
        let files = self.container_files.clone();
        // after a panic the next pass reads again
        tokio::task::spawn_blocking(move || files.observe(&sandboxes, known)).await.unwrap_or_default()
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
            Step::PublishFlows(generation, step) => {
                return self.publisher.repair_flows(*generation, step).await;
            }
            Step::OpenNames { sandbox, node } => return self.names.open(sandbox, node).await.map(|()| true),
            Step::WriteHosts { container, node: _, wanted } => {
                let (files, container, wanted) =
                    (self.container_files.clone(), container.clone(), wanted.clone());
                let written = tokio::task::spawn_blocking(move || files.write(&container, &wanted)).await;
                return written.map_err(|error| error.to_string())?.map_err(|error| chain(&error));
            }
            Step::CloseNames { sandbox } => {
                self.names.close(sandbox);
                return Ok(true);
            }
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

/// Opens the DNS sockets of a container when dockerd has created its sandbox and set the loopback interface up. No error: Docker
/// did not complete the start.
async fn open_when_ready(names: &Names, sandbox: &Path, node: &NodeName) -> Result<(), String> {
    let end = tokio::time::Instant::now() + SANDBOX_TIMEOUT;
    let mut interval = SANDBOX_INTERVAL;
    let mut last = Ok(());
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(interval).await;
        if names::exists(sandbox) {
            last = names.open(sandbox, node).await;
            if last.is_ok() {
                break;
            }
            interval = MAX_SANDBOX_INTERVAL.min(interval * 2);
        }
    }
    last
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
