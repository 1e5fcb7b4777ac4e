//! What netd does on the host, each in a task of its own that reports to the inbox: the owner of the state never
//! waits for the kernel, the wire or a program.

mod watch;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hostnet::ovs::Remote;
use hostnet::{Kernel, Link, NetError, firewall};
use inventory::{Fabric, IfName};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

use crate::daemon::{Message, Scope};
use crate::fabric::{DetachError, Fabrics};
use crate::interface::is_ours;
use crate::moment::Moment;
use crate::reconcile::{Observed, Step};
use crate::refusal::Refusal;
use crate::state::Endpoint;
use chain::chain;

/// When the wire is told after `Join`, each time counted from the one before. Not at once: dockerd still has to move the
/// interface, so nobody would answer yet, and the container's start would wait for the processor.
const ANNOUNCE: [Duration; 2] = [Duration::from_millis(150), Duration::from_secs(1)];

/// Hands of the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    kernel: Kernel,
    fabrics: Fabrics,
    inbox: UnboundedSender<Message>,
    probe: Option<Duration>,
    watches_switch: Arc<AtomicBool>,
}

impl Host {
    /// Opens the way to the kernel.
    pub(crate) fn open(
        inbox: UnboundedSender<Message>,
        probe: Option<Duration>,
        switch: Remote,
    ) -> Result<Self, NetError> {
        let kernel = Kernel::open()?;
        let fabrics = Fabrics::new(&kernel, switch);
        Ok(Self { kernel, fabrics, inbox, probe, watches_switch: Arc::default() })
    }

    /// Whether addresses are probed at all.
    pub(crate) fn probes(&self) -> bool {
        self.probe.is_some()
    }

    /// Makes the endpoint's pair: [`Message::Attached`].
    pub(crate) fn attach(&self, endpoint: &Endpoint) {
        let (host, endpoint) = (self.clone(), endpoint.clone());
        self.report(async move {
            let done = host.fabrics.hands(endpoint.fabric).attach(&endpoint).await;
            Message::Attached(Box::new(endpoint), done.map_err(|error| chain(&error)))
        });
    }

    /// Asks the wire for its addresses: [`Message::Probed`].
    pub(crate) fn probe(&self, endpoint: &Endpoint) {
        let Some(window) = self.probe else { return };
        let (host, endpoint) = (self.clone(), endpoint.clone());
        self.report(async move {
            let answer = host.fabrics.hands(endpoint.fabric).ask(&endpoint, window).await;
            let squatter = answer.map(|(address, mac)| Refusal::Squatter {
                address,
                node: endpoint.node,
                mac,
                network: endpoint.on,
            });
            Message::Probed(endpoint.id, squatter)
        });
    }

    /// Tells the wire where the addresses are now, twice, for a frame may be lost.
    pub(crate) fn announce(&self, endpoint: &Endpoint) {
        let (fabrics, endpoint) = (self.fabrics.clone(), endpoint.clone());
        tokio::spawn(async move {
            for wait in ANNOUNCE {
                tokio::time::sleep(wait).await;
                tell_wire(&fabrics, &endpoint).await;
            }
        });
    }

    /// Takes an endpoint's port out and deletes its pair.
    pub(crate) fn detach(&self, endpoint: &Endpoint) {
        let (host, fabric, port) = (self.clone(), endpoint.fabric, endpoint.port());
        tokio::spawn(async move {
            if let Err(error) = host.fabrics.hands(fabric).detach(&port).await {
                // reconciliation comes back to it
                warn!("{}", chain(&error));
            }
        });
    }

    /// Looks at a link after a while, and makes a message of it. A link that can not be looked at is taken for
    /// living: what is not known dead must not be removed.
    pub(crate) fn look(
        &self,
        port: IfName,
        wait: Duration,
        message: impl FnOnce(Look) -> Message + Send + 'static,
    ) {
        let host = self.clone();
        self.report(async move {
            tokio::time::sleep(wait).await;
            message(host.kernel.link(&port).await.map_err(|error| warn!("{}", chain(&error))))
        });
    }

    /// Looks at the host, and at Open vSwitch where that is needed: [`Message::Observed`].
    pub(crate) fn observe(&self, scope: Scope, switch: bool) {
        let host = self.clone();
        if switch {
            self.watch_switch();
        }
        self.report(async move { Message::Observed(host.observed(scope, switch).await) });
    }

    async fn observed(&self, scope: Scope, switch: bool) -> Result<Observed, String> {
        let began = Moment::now();
        let switch = if switch { Some(self.fabrics.ovs.observe().await) } else { None };
        let switch = switch.map(|seen| seen.map_err(|error| chain(&error)));
        let links = self.kernel.links().await.map_err(|error| chain(&error))?;
        let hearing = if switch.is_some() { self.hearing(&links).await } else { BTreeSet::new() };
        let firewall = match scope {
            Scope::Links => None,
            Scope::All => Some(firewall::observe().await.map_err(|error| chain(&error))),
        };
        Ok(Observed { began, links, switch, hearing, firewall })
    }

    /// The ports of ours through which the host itself hears something. Settings are files, which take their time.
    async fn hearing(&self, links: &[Link]) -> BTreeSet<IfName> {
        let ours = links.iter().map(|link| &link.name).filter(|name| is_ours(name.as_str()));
        let (kernel, ours): (Kernel, Vec<IfName>) = (self.kernel.clone(), ours.cloned().collect());
        let hears = move |port: &IfName| kernel.hearing(port).is_some_and(|hearing| !hearing.is_deaf());
        let looked = tokio::task::spawn_blocking(move || ours.into_iter().filter(hears).collect());
        // one that panicked is looked at again with the next pass
        looked.await.unwrap_or_default()
    }

    /// Makes repairs one after the other: [`Message::Executed`].
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

    /// `false`: there was nothing to do any more.
    async fn repair(&self, step: &Step) -> Result<bool, String> {
        let kernel = &self.kernel;
        let done = match step {
            Step::Delete { device } => kernel.delete(device).await,
            Step::Plug { .. } | Step::Release { .. } => return self.repair_on(Fabric::Flat, step).await,
            Step::PlugIn { .. } | Step::Deafen { .. } | Step::Unplug { .. } => {
                return self.repair_on(Fabric::Ovs, step).await;
            }
            Step::Mtu { port, mtu, .. } => kernel.set_mtu(port, *mtu).await.map(|()| true),
            Step::Up { port, .. } => kernel.set_up(port, true).await.map(|()| true),
            Step::Firewall(step) => {
                return firewall::apply(step).await.map(|()| true).map_err(|error| chain(&error));
            }
        };
        match done {
            // it went away by itself
            Err(NetError::Missing { .. }) => Ok(false),
            done => done.map_err(|error| chain(&error)),
        }
    }

    async fn repair_on(&self, fabric: Fabric, step: &Step) -> Result<bool, String> {
        match self.fabrics.hands(fabric).repair(step).await {
            // it went away by itself
            Err(DetachError::Kernel(NetError::Missing { .. })) => Ok(false),
            done => done.map_err(|error| chain(&error)),
        }
    }

    fn report(&self, work: impl Future<Output = Message> + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            // the daemon is going away when nobody reads it
            let _ = inbox.send(work.await);
        });
    }
}

/// A link as it was found; `Err`: it could not be looked at.
pub(crate) type Look = Result<Option<Link>, ()>;

async fn tell_wire(fabrics: &Fabrics, endpoint: &Endpoint) {
    for address in endpoint.addresses.iter().map(ipnet::IpNet::addr) {
        if let Err(error) = fabrics.hands(endpoint.fabric).tell(endpoint, address).await {
            info!("cannot announce {address} of {}: {}", endpoint.node, chain(&error));
        }
    }
}
