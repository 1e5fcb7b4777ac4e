//! The one owner of the state: messages in, one at a time, no locks.
//!
//! It decides at once and never waits; what takes time is done by [`Host`] in tasks that come back as messages.

mod calls;
mod control;
mod pending;
mod upkeep;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hostnet::NetError;
use inventory::Snapshot;
use inventory::snapshot::{self, Kept};
use plugin::{Call, EndpointId, Reply};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::accept::Loaded;
use crate::args::Run;
use crate::host::{Host, Look};
use crate::moment::Moment;
use crate::reconcile::{Observed, Step};
use crate::refusal::Refusal;
use crate::serve::LoadSnapshot;
use crate::state::{Change, Endpoint, Phase, State};
use crate::status::{Reconciled, Status};
use crate::store::Store;
use chain::chain;

use calls::Contest;
use pending::Pending;
use upkeep::Upkeep;

/// Where the answer to a plugin call goes. Nobody waits there any more when dockerd was killed: the call is done all
/// the same.
pub(crate) type Answer = oneshot::Sender<Result<Reply, String>>;

/// What reaches the owner.
#[derive(Debug)]
pub(crate) enum Message {
    /// dockerd asks.
    Call(Call, Answer),
    /// `netd status` asks.
    Status(oneshot::Sender<Status>),
    /// `netd snapshot load` has put a snapshot there.
    Load(LoadSnapshot, oneshot::Sender<Result<Loaded, String>>),
    /// `netd reconcile` asks, and waits for a full pass.
    Reconcile(oneshot::Sender<Reconciled>),
    /// A pair is made, or not.
    Attached(Box<Endpoint>, Result<(), String>),
    /// The wire was asked who has an endpoint's addresses.
    Probed(EndpointId, Option<Refusal>),
    /// The endpoint in the way of a start was looked at.
    Contested(Box<Contest>, Look),
    /// An endpoint that Docker seems to have forgotten was looked at.
    Looked(EndpointId, Look),
    /// The host was looked at.
    Observed(Result<Observed, String>),
    /// Repairs were made: `false` where there was nothing to do any more.
    Executed(Vec<(Step, Result<bool, String>)>),
    /// The host changed.
    Changed(Scope),
    /// Changes have had time to settle.
    Settled,
}

/// How much of the host to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Interfaces: a dump over netlink.
    Links,
    /// And the packet filter: two runs of a program.
    All,
}

/// How often everything is looked at, whatever was notified.
const EVERY: Duration = Duration::from_secs(30);

/// The owner.
#[derive(Debug)]
pub(crate) struct Daemon {
    state: State,
    store: Store,
    snapshot: PathBuf,
    host: Host,
    pending: Pending,
    upkeep: Upkeep,
    sender: UnboundedSender<Message>,
    inbox: UnboundedReceiver<Message>,
    /// Why the snapshot in force is not what its file says.
    broken_snapshot: Option<String>,
    /// Records that could not be read at the start.
    broken_records: Vec<String>,
}

impl Daemon {
    /// Reads what an earlier netd left. Nothing that is broken there keeps it from serving.
    pub(crate) fn new(run: &Run, snapshot: &Path) -> Result<Self, NetError> {
        let (sender, inbox) = unbounded_channel();
        let host = Host::open(sender.clone(), run.probe_window(), run.ovsdb.clone())?;
        let store = Store::new(&run.state, &run.run);
        let mut daemon = Self {
            state: State::with(None),
            store,
            snapshot: snapshot.to_owned(),
            host,
            pending: Pending::default(),
            upkeep: Upkeep::default(),
            sender,
            inbox,
            broken_snapshot: None,
            broken_records: Vec::new(),
        };
        daemon.load();
        Ok(daemon)
    }

    /// Where messages are put.
    pub(crate) fn inbox(&self) -> UnboundedSender<Message> {
        self.sender.clone()
    }

    /// Works until the process ends.
    pub(crate) async fn run(mut self) {
        self.host.watch();
        self.observe(Scope::All);
        let mut tick = tokio::time::interval(EVERY);
        // the first one is at once, and was done above
        tick.tick().await;
        loop {
            tokio::select! {
                Some(message) = self.inbox.recv() => self.take(message),
                _ = tick.tick() => self.observe(Scope::All),
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Call(call, answer) => self.call(call, answer),
            Message::Status(to) => drop(to.send(self.status())),
            Message::Load(request, to) => drop(to.send(self.load_snapshot(&request))),
            Message::Reconcile(to) => self.reconcile(to),
            Message::Attached(endpoint, done) => self.attached(&endpoint, done),
            Message::Probed(id, squatter) => self.probed(&id, squatter),
            Message::Contested(contest, look) => self.contested(*contest, &look),
            Message::Looked(id, look) => self.looked(&id, &look),
            Message::Observed(observed) => self.observed(observed),
            Message::Executed(done) => self.executed(done),
            Message::Changed(scope) => self.changed(scope),
            Message::Settled => self.settled(),
        }
    }

    fn load(&mut self) {
        self.read_snapshot();
        let (networks, broken_networks) = self.store.networks();
        let (endpoints, broken_endpoints) = self.store.endpoints();
        let broken = broken_networks.iter().chain(&broken_endpoints);
        self.broken_records = broken.map(|error| chain(error)).collect();
        self.broken_snapshot.iter().chain(&self.broken_records).for_each(|problem| error!("{problem}"));
        let now = Moment::now();
        for network in networks {
            self.state.apply(Change::Network(network), now);
        }
        for endpoint in endpoints {
            self.resume(&endpoint, now);
        }
    }

    fn read_snapshot(&mut self) {
        let Kept { snapshot, problem } = Kept::read(&self.snapshot);
        match &snapshot {
            Some(snapshot) => {
                info!("snapshot {} for {}: {} nodes", snapshot.version, snapshot.host, snapshot.nodes.len());
                if problem.is_none() {
                    self.copy(snapshot);
                }
            }
            None if problem.is_none() => warn!("{}", Refusal::NoSnapshot),
            None => {}
        }
        self.broken_snapshot = problem.map(|problem| chain(&problem));
        self.state.snapshot = snapshot;
    }

    /// An earlier release kept no copy, and a copy may break too.
    fn copy(&self, snapshot: &Snapshot) {
        if let Err(error) = snapshot::keep(&self.snapshot, snapshot) {
            warn!("{}", chain(&error));
        }
    }

    /// An endpoint of an earlier netd. What it only intended, Docker was never told: it goes. What was created may
    /// come to `Join` any moment, and whether its address is free nobody knows any more.
    fn resume(&mut self, endpoint: &Endpoint, now: Moment) {
        self.state.apply(Change::Endpoint(endpoint.clone()), now);
        match endpoint.phase {
            Phase::Intended => self.retire(&endpoint.id, "netd was restarted while its pair was made"),
            Phase::Created if self.host.probes() => {
                self.pending.begin(endpoint.id.clone(), true, false);
                self.host.probe(endpoint);
            }
            Phase::Created | Phase::Joined | Phase::Left => {}
        }
    }

    /// Makes changes: written down first, then true, then done on the host.
    fn commit(&mut self, changes: Vec<Change>) -> Result<(), String> {
        for change in changes {
            self.store.write(&change).map_err(|error| {
                let text = chain(&error);
                error!("{text}");
                text
            })?;
            self.tell(&change);
            if let Change::NoEndpoint(id) = &change {
                self.unplug(id);
            }
            self.state.apply(change, Moment::now());
        }
        Ok(())
    }

    /// A line for each change, before it is made.
    fn tell(&self, change: &Change) {
        match change {
            Change::Network(record) => info!("network {} is Docker's {}", record.network, record.id),
            Change::NoNetwork(id) => info!("Docker's network {id} is removed"),
            Change::Endpoint(Endpoint { phase: Phase::Intended, .. }) => {}
            Change::Endpoint(endpoint) => info!("{endpoint}: {}", endpoint.phase),
            Change::NoEndpoint(id) => {
                if let Some(endpoint) = self.state.endpoints.get(id) {
                    info!("{endpoint}: removed");
                }
            }
        }
    }

    /// The pair of an endpoint that is about to be forgotten is deleted after the answer: it takes the kernel 30 ms.
    fn unplug(&mut self, id: &EndpointId) {
        if let Some(endpoint) = self.state.endpoints.get(id) {
            self.host.detach(endpoint);
        }
        self.pending.fail(id, "its endpoint was removed meanwhile: start the container again");
    }

    /// Forgets an endpoint that Docker did not delete.
    fn retire(&mut self, id: &EndpointId, why: &str) {
        if let Some(endpoint) = self.state.endpoints.get(id) {
            let text = format!("record of {} ({}) removed: {why}", endpoint.node, endpoint.port());
            // an error was logged, and reconciliation comes back to it
            if self.commit(vec![Change::NoEndpoint(id.clone())]).is_ok() {
                self.upkeep.repaired(text);
            }
        }
    }
}
