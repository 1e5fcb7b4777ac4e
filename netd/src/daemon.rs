//! The main loop: owns all state and handles one message at a time, without locks.
//!
//! It decides at once and never waits. [`HostExecutor`] does what takes time, in tasks that report back as messages.

mod calls;
mod control;
mod host_network;
mod pending;
mod ports;
mod reconciler;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hostnet::NetError;
use inventory::snapshot::{self, StoredSnapshot};
use plugin::EndpointId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{error, info, warn};

use crate::args::Run;
use crate::boot_time::BootTime;
use crate::host::HostExecutor;
use crate::message::{Message, Scope};
use crate::names::{ContainerFiles, Names};
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, Phase, State};
use crate::store::Store;
use chain::chain;

use pending::{Pending, Progress};
use ports::Reservations;
use reconciler::Reconciler;

/// Interval of full reconciliation, in addition to the one after events.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(30);

/// The daemon's state and its inbox.
#[derive(Debug)]
pub(crate) struct Daemon {
    state: State,
    store: Store,
    /// Path of the snapshot.
    snapshot: PathBuf,
    host: HostExecutor,
    pending: Pending,
    reservations: Reservations,
    reconciler: Reconciler,
    sender: UnboundedSender<Message>,
    inbox: UnboundedReceiver<Message>,
    /// Why the snapshot file could not be read, or its copy is used.
    broken_snapshot: Option<String>,
    /// Records that could not be read at the start.
    broken_records: Vec<String>,
}

impl Daemon {
    /// Reads the snapshot and the records of an earlier netd. Damaged files are reported, and the daemon
    /// serves anyway.
    pub(crate) fn new(run: &Run, snapshot: &Path, names: Names) -> Result<Self, NetError> {
        let (sender, inbox) = unbounded_channel();
        let files = ContainerFiles::below(&run.docker_root);
        let host = HostExecutor::open(sender.clone(), run.probe_window(), run.ovsdb.clone(), names, files)?;
        let store = Store::new(&run.state, &run.run);
        let mut daemon = Self {
            state: State::with(None),
            store,
            snapshot: snapshot.to_owned(),
            host,
            pending: Pending::default(),
            reservations: Reservations::default(),
            reconciler: Reconciler::default(),
            sender,
            inbox,
            broken_snapshot: None,
            broken_records: Vec::new(),
        };
        daemon.load();
        Ok(daemon)
    }

    /// The sender of the inbox.
    pub(crate) fn inbox(&self) -> UnboundedSender<Message> {
        self.sender.clone()
    }

    /// Handles messages until the process ends.
    pub(crate) async fn run(mut self) {
        self.host.watch();
        self.observe(Scope::All);
        let mut tick = tokio::time::interval(RECONCILE_INTERVAL);
        // the first tick is immediate, and its pass was started above
        tick.tick().await;
        loop {
            tokio::select! {
                Some(message) = self.inbox.recv() => self.handle(message),
                _ = tick.tick() => self.observe(Scope::All),
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Call(call, answer) => self.call(call, answer),
            Message::Status(to) => self.count_drops(to),
            Message::Counted(dropped, to) => drop(to.send(self.status(&dropped))),
            Message::Load(request, to) => drop(to.send(self.load_snapshot(&request))),
            Message::Reconcile(to) => self.reconcile(to),
            Message::Attached(endpoint, done) => self.attached(&endpoint, done),
            Message::Probed(id, refusal) => self.probed(&id, refusal),
            Message::Published(id, done) => self.published(&id, done),
            Message::ConflictChecked(conflict, link) => self.conflict_checked(*conflict, &link),
            Message::StaleChecked(id, link) => self.stale_checked(&id, &link),
            Message::Observed(observed) => self.observed(observed),
            Message::Executed(done) => self.executed(done),
            Message::FlowsRemoved => self.observe(Scope::Filters),
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
        let now = BootTime::now();
        for network in networks {
            self.state.apply(Change::PutNetwork(network), now);
        }
        for endpoint in endpoints {
            self.restore(&endpoint, now);
        }
        // the first pass reports ports that a process of the host has taken meanwhile
        self.missing_reservations();
        self.ports_changed();
        for (sandbox, node) in self.state.sandboxes() {
            self.host.serve_names(sandbox, node);
        }
        self.host.names.drop_unused();
    }

    fn read_snapshot(&mut self) {
        let StoredSnapshot { snapshot, problem } = StoredSnapshot::read(&self.snapshot);
        match &snapshot {
            Some(snapshot) => {
                info!("snapshot {} for {}: {} nodes", snapshot.version, snapshot.host, snapshot.nodes.len());
                if problem.is_none()
                    && let Err(error) = snapshot::restore_copy(&self.snapshot)
                {
                    warn!("{}", chain(&error));
                }
            }
            None if problem.is_none() => warn!("{}", Refusal::NoSnapshot),
            None => {}
        }
        self.broken_snapshot = problem.map(|problem| chain(&problem));
        self.state.snapshot = snapshot.map(Arc::new);
        if let Some(snapshot) = &self.state.snapshot {
            self.host.names.use_tables(snapshot);
        }
    }

    /// Restores an endpoint of an earlier netd. An intended endpoint is removed, because Docker got no answer for it.
    /// For a created endpoint `Join` may follow, and its addresses must be probed again.
    fn restore(&mut self, endpoint: &Endpoint, now: BootTime) {
        self.state.apply(Change::PutEndpoint(endpoint.clone()), now);
        match endpoint.phase {
            Phase::Intended => {
                self.remove_stale(&endpoint.id, "netd was restarted while its veth pair was being created");
            }
            Phase::Created if self.host.probes() => {
                self.pending
                    .begin(endpoint.id.clone(), Progress { attached: true, probed: false, published: true });
                self.host.probe(endpoint);
            }
            Phase::Created | Phase::Joined | Phase::Left => {}
        }
    }

    /// Applies changes: first to the records on disk, then to the state, then on the host.
    fn commit(&mut self, changes: Vec<Change>) -> Result<(), String> {
        for change in changes {
            self.store.write(&change).map_err(|error| {
                let text = chain(&error);
                error!("{text}");
                text
            })?;
            self.log_change(&change);
            if let Change::RemoveEndpoint(id) = &change {
                self.detach(id);
            }
            let has_ports = self.changes_ports(&change);
            let sandbox = self.sandbox_of(&change);
            self.state.apply(change, BootTime::now());
            if has_ports {
                self.ports_changed();
            }
            if let Some(sandbox) = sandbox.filter(|sandbox| !self.state.sandboxes().contains_key(&**sandbox))
            {
                self.host.names.close(&sandbox);
            }
        }
        Ok(())
    }

    /// The sandbox that an endpoint leaves.
    fn sandbox_of(&self, change: &Change) -> Option<PathBuf> {
        let id = match change {
            Change::PutEndpoint(Endpoint { phase: Phase::Left, id, .. }) | Change::RemoveEndpoint(id) => id,
            _ => return None,
        };
        self.state.endpoints.get(id)?.sandbox.clone()
    }

    fn log_change(&self, change: &Change) {
        match change {
            Change::PutNetwork(record) => {
                info!("network {}: Docker created it as {}", record.network, record.id);
            }
            Change::RemoveNetwork(id) => info!("Docker removed its network {id}"),
            Change::PutEndpoint(Endpoint { phase: Phase::Intended, .. }) => {}
            Change::PutEndpoint(endpoint) => info!("{endpoint}: {}", endpoint.phase),
            Change::RemoveEndpoint(id) => {
                if let Some(endpoint) = self.state.endpoints.get(id) {
                    info!("{endpoint}: removed");
                }
            }
        }
    }

    /// Deletes the veth pair of an endpoint in the background: the kernel takes 30 ms for it.
    fn detach(&mut self, id: &EndpointId) {
        if let Some(endpoint) = self.state.endpoints.get(id) {
            self.host.detach(endpoint);
        }
        self.pending.fail(id, "its endpoint was removed meanwhile: start the container again");
    }

    /// Removes an endpoint that Docker did not delete.
    fn remove_stale(&mut self, id: &EndpointId, reason: &str) {
        if let Some(endpoint) = self.state.endpoints.get(id) {
            let text = format!("record of {} ({}) removed: {reason}", endpoint.node, endpoint.port());
            // commit logs an error, and reconciliation retries
            if self.commit(vec![Change::RemoveEndpoint(id.clone())]).is_ok() {
                self.reconciler.repaired(text);
            }
        }
    }
}
