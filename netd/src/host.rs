//! What netd does on the host, each in a task of its own that reports to the inbox: the owner of the state never
//! waits for the kernel, the wire or a program.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use hostnet::{Events, EventsError, Kernel, Link, NetError, arp, firewall, ndp};
use inventory::{Fabric, IfName, MacAddr};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

use crate::daemon::{Message, Scope};
use crate::fabric;
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
    inbox: UnboundedSender<Message>,
    probe: Option<Duration>,
}

impl Host {
    /// Opens the way to the kernel.
    pub(crate) fn open(inbox: UnboundedSender<Message>, probe: Option<Duration>) -> Result<Self, NetError> {
        Ok(Self { kernel: Kernel::open()?, inbox, probe })
    }

    /// Whether addresses are probed at all.
    pub(crate) fn probes(&self) -> bool {
        self.probe.is_some()
    }

    /// Makes the endpoint's pair: [`Message::Attached`].
    pub(crate) fn attach(&self, fabric: Fabric, endpoint: &Endpoint) {
        let (host, endpoint) = (self.clone(), endpoint.clone());
        self.report(async move {
            let done = fabric::attach(fabric, &host.kernel, &endpoint).await;
            Message::Attached(endpoint.id, done.map_err(|error| chain(&error)))
        });
    }

    /// Asks the wire for its addresses: [`Message::Probed`]. Nobody is in the way where it can not be asked: a start is
    /// worth more than a question about it.
    pub(crate) fn probe(&self, endpoint: &Endpoint) {
        let Some(window) = self.probe else { return };
        let endpoint = endpoint.clone();
        self.report(async move {
            let squatter = ask_wire(&endpoint, window).await.map(|(address, mac)| Refusal::Squatter {
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
        let endpoint = endpoint.clone();
        tokio::spawn(async move {
            for wait in ANNOUNCE {
                tokio::time::sleep(wait).await;
                tell_wire(&endpoint).await;
            }
        });
    }

    /// Deletes a pair by its host end.
    pub(crate) fn delete(&self, port: IfName) {
        let host = self.clone();
        tokio::spawn(async move {
            if let Err(error) = host.kernel.delete(&port).await {
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

    /// Looks at the host: [`Message::Observed`].
    pub(crate) fn observe(&self, scope: Scope) {
        let host = self.clone();
        self.report(async move { Message::Observed(host.observed(scope).await) });
    }

    async fn observed(&self, scope: Scope) -> Result<Observed, String> {
        let began = Moment::now();
        let links = self.kernel.links().await.map_err(|error| chain(&error))?;
        let firewall = match scope {
            Scope::Links => None,
            Scope::All => Some(firewall::observe().await.map_err(|error| chain(&error))),
        };
        Ok(Observed { began, links, firewall })
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
            Step::Plug { port, index, .. } => kernel.set_master(port, Some(*index)).await.map(|()| true),
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

    /// Passes the kernel's notifications on: [`Message::Changed`]. Without them the timer does the work.
    pub(crate) fn watch(&self) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            loop {
                let error = watch_until_error(&inbox).await;
                warn!("{}; looking every 30 s until this works again", chain(&error));
                // notifications may have been lost
                let _ = inbox.send(Message::Changed(Scope::All));
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        });
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

async fn watch_until_error(inbox: &UnboundedSender<Message>) -> EventsError {
    let mut events = match Events::open() {
        Ok(events) => events,
        Err(error) => return error,
    };
    loop {
        let scope = match events.next().await {
            Ok(hostnet::Change::Links) => Scope::Links,
            Ok(hostnet::Change::Firewall) => Scope::All,
            Err(error) => return error,
        };
        let _ = inbox.send(Message::Changed(scope));
    }
}

/// Both families at once, so that two cost no more than one.
async fn ask_wire(endpoint: &Endpoint, window: Duration) -> Option<(IpAddr, MacAddr)> {
    let mut addresses = endpoint.addresses.iter().map(ipnet::IpNet::addr);
    let (first, second) = (addresses.next(), addresses.next());
    let (first, second) = tokio::join!(ask_for(endpoint, first, window), ask_for(endpoint, second, window));
    first.or(second)
}

async fn ask_for(
    endpoint: &Endpoint,
    address: Option<IpAddr>,
    window: Duration,
) -> Option<(IpAddr, MacAddr)> {
    let (address, ours) = (address?, [endpoint.mac]);
    let answer = match address {
        IpAddr::V4(v4) => arp::probe(&endpoint.bridge, v4, window, &ours).await,
        IpAddr::V6(v6) => ndp::probe(&endpoint.bridge, v6, window, &ours).await,
    };
    match answer {
        Ok(squatter) => squatter.map(|mac| (address, mac)),
        Err(error) => {
            warn!("cannot probe {address} of {}: {}", endpoint.node, chain(&error));
            None
        }
    }
}

async fn tell_wire(endpoint: &Endpoint) {
    for address in endpoint.addresses.iter().map(ipnet::IpNet::addr) {
        let told = match address {
            IpAddr::V4(v4) => arp::announce(&endpoint.bridge, v4, endpoint.mac).await,
            IpAddr::V6(v6) => ndp::announce(&endpoint.bridge, v6, endpoint.mac).await,
        };
        if let Err(error) = told {
            info!("cannot announce {address} of {}: {}", endpoint.node, chain(&error));
        }
    }
}
