//! DNS for the containers of this host: names of the cluster and links, from the loaded snapshot.
//!
//! netd listens on 127.0.0.12:53 in the network namespace of each container. Docker's resolver asks it there: `mk` sets it as the
//! container's name server. [`answer`] is pure and has all decisions; [`wire`] reads and writes messages; [`server`] serves the
//! sockets; [`sockets`] opens them; [`store`] keeps them over a restart; [`forward`] asks other name servers.

mod answer;
mod container_files;
mod forward;
mod hosts_file;
mod mounts;
mod resolv_conf;
mod server;
mod sockets;
mod store;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use inventory::{NodeName, Snapshot};
use plugin::KeptSocket;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tracing::warn;

use answer::View;
use mounts::MountEvents;
use server::{Counters, Served, Shared};
use sockets::{Sockets, SocketsError, namespace_at, stored_name, stored_namespace};

pub(crate) use container_files::{Container, ContainerFiles, DOCKER_ROOT};
pub(crate) use hosts_file::{Entry, refresh};
pub(crate) use sockets::{ADDRESS, Opener};

/// The host's name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How long a stop waits for forwarded requests.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How often changes of mounts are considered.
const MOUNTS_INTERVAL: Duration = Duration::from_millis(100);

/// Sends commands to the thread that serves the sockets.
#[derive(Debug, Clone)]
pub(crate) struct Names(mpsc::UnboundedSender<Command>);

#[derive(Debug)]
enum Command {
    Tables(Arc<Snapshot>),
    Open(PathBuf, NodeName, oneshot::Sender<Result<(), String>>),
    Opened(PathBuf, NodeName, Result<Sockets, SocketsError>, oneshot::Sender<Result<(), String>>),
    Close(PathBuf),
    Observe(Vec<PathBuf>, oneshot::Sender<Observed>),
    CloseReplaced(oneshot::Sender<()>),
    DropUnused,
    Drain(oneshot::Sender<()>),
}

/// Sandboxes and their sockets.
pub(crate) type Observed = BTreeMap<PathBuf, SandboxState>;

/// State of a sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SandboxState {
    /// The namespace at its path. `None`: dockerd removed it.
    pub(crate) namespace: Option<u64>,
    /// The namespace of its sockets. `None`: they are not open.
    pub(crate) served: Option<u64>,
    /// Requests since the sockets were opened.
    pub(crate) counts: Counts,
}

/// Requests of a consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Answered from the tables.
    pub(crate) answered: u64,
    /// Forwarded to a name server.
    pub(crate) forwarded: u64,
    /// Forwarded requests that no server answered.
    pub(crate) failed: u64,
}

impl Names {
    /// Starts the thread. `passed`: sockets that the service manager kept.
    pub(crate) fn start(opener: Opener, passed: Vec<KeptSocket>) -> io::Result<Self> {
        let (sender, inbox) = mpsc::unbounded_channel();
        let own = sender.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = move || {
            let (busy, ended) = mpsc::channel(1);
            let actor = Actor {
                shared: Rc::new(Shared::new(Path::new(RESOLV_CONF), busy.downgrade())),
                served: BTreeMap::new(),
                kept: kept(passed),
                opener,
                own,
                busy: Some(busy),
                ended,
            };
            LocalSet::new().block_on(&runtime, actor.run(inbox));
        };
        thread::Builder::new().name("names".to_owned()).stack_size(crate::THREAD_STACK_SIZE).spawn(serve)?;
        Ok(Self(sender))
    }

    /// Answers from these tables from now on.
    pub(crate) fn use_tables(&self, snapshot: &Arc<Snapshot>) {
        self.send(Command::Tables(Arc::clone(snapshot)));
    }

    /// Opens the sockets of a container. The result is that of the future.
    pub(crate) fn open(
        &self,
        sandbox: &Path,
        node: &NodeName,
    ) -> impl Future<Output = Result<(), String>> + Send + use<> {
        let (answer, opened) = oneshot::channel();
        // now, not when the future is polled: commands keep their order
        self.send(Command::Open(sandbox.to_owned(), node.clone(), answer));
        async {
            opened
                .await
                .unwrap_or_else(|_| Err("the thread that answers names ended; restart netd".to_owned()))
        }
    }

    /// Closes the sockets of a container, so that its namespace can end.
    pub(crate) fn close(&self, sandbox: &Path) {
        self.send(Command::Close(sandbox.to_owned()));
    }

    /// State of these sandboxes, and of all others whose sockets are open.
    pub(crate) async fn observe(&self, sandboxes: Vec<PathBuf>) -> Observed {
        let (answer, observed) = oneshot::channel();
        self.send(Command::Observe(sandboxes, answer));
        observed.await.unwrap_or_default()
    }

    /// Closes sockets whose sandbox dockerd removed: they keep the namespace and its interfaces alive.
    pub(crate) async fn close_replaced(&self) {
        let (answer, done) = oneshot::channel();
        self.send(Command::CloseReplaced(answer));
        let _ = done.await;
    }

    /// Closes kept sockets that no container uses.
    pub(crate) fn drop_unused(&self) {
        self.send(Command::DropUnused);
    }

    /// Stops reading requests and waits for those in progress.
    pub(crate) async fn drain(&self) {
        let (answer, done) = oneshot::channel();
        self.send(Command::Drain(answer));
        let _ = done.await;
    }

    fn send(&self, command: Command) {
        // fails if the thread ended: then observation finds no open sockets
        let _ = self.0.send(command);
    }
}

/// Whether dockerd has created a sandbox.
pub(crate) fn exists(sandbox: &Path) -> bool {
    namespace_at(sandbox).is_some()
}

/// Entries of the links of a container for its /etc/hosts: alias and node. `None`: the tables do not have the container.
pub(crate) fn link_entries(snapshot: &Snapshot, node: &str) -> Option<Vec<Entry>> {
    let view = View::of(snapshot, node);
    let mut entries: Vec<Entry> = Vec::new();
    for link in &view.consumer?.links {
        let names = [link.alias.as_str(), link.node.as_str()];
        let addresses = view.linked(&link.alias).flatten().unwrap_or_default();
        let of_link = names.into_iter().flat_map(|name| {
            addresses.iter().map(move |address| Entry { name: name.to_owned(), address: *address })
        });
        for entry in of_link {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    Some(entries)
}

/// Kept sockets, by stored name. A name with one socket only is not usable.
fn kept(passed: Vec<KeptSocket>) -> BTreeMap<String, Sockets> {
    let (mut udp, mut tcp) = (BTreeMap::new(), BTreeMap::new());
    for socket in passed {
        match socket {
            KeptSocket::Udp(name, socket) => drop(udp.insert(name, socket)),
            KeptSocket::Tcp(name, socket) => drop(tcp.insert(name, socket)),
        }
    }
    let mut kept = BTreeMap::new();
    for (name, udp) in udp {
        match (stored_namespace(&name), tcp.remove(&name)) {
            (Some(namespace), Some(tcp)) => drop(kept.insert(name, Sockets { udp, tcp, namespace })),
            _ => store::remove(&name),
        }
    }
    tcp.keys().for_each(|name| store::remove(name));
    kept
}

/// Owner of all sockets.
struct Actor {
    shared: Rc<Shared>,
    served: BTreeMap<PathBuf, Served>,
    /// Sockets of an earlier netd.
    kept: BTreeMap<String, Sockets>,
    opener: Opener,
    own: mpsc::UnboundedSender<Command>,
    busy: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        self.watch_mounts();
        while let Some(command) = inbox.recv().await {
            match command {
                Command::Tables(snapshot) => drop(self.shared.tables.replace(Some(snapshot))),
                Command::Open(sandbox, node, answer) => self.open(sandbox, node, answer),
                Command::Opened(sandbox, node, opened, answer) => {
                    drop(answer.send(self.opened(&sandbox, node, opened)));
                }
                Command::Close(sandbox) => self.close(&sandbox),
                Command::Observe(sandboxes, answer) => drop(answer.send(self.observe(sandboxes))),
                Command::CloseReplaced(answer) => {
                    self.close_replaced();
                    let _ = answer.send(());
                }
                Command::DropUnused => {
                    std::mem::take(&mut self.kept).keys().for_each(|name| store::remove(name));
                }
                Command::Drain(answer) => {
                    self.drain().await;
                    let _ = answer.send(());
                }
            }
        }
    }

    /// Without notifications the timer of reconciliation closes the sockets.
    fn watch_mounts(&self) {
        let (own, events) = match MountEvents::open() {
            Ok(events) => (self.own.clone(), events),
            Err(error) => return warn!("cannot watch the mounts of sandboxes: {error}"),
        };
        spawn_local(async move {
            while events.next().await.is_ok() {
                let (answer, done) = oneshot::channel();
                let _ = own.send(Command::CloseReplaced(answer));
                let _ = done.await;
                // a start of a container causes a dozen changes
                sleep(MOUNTS_INTERVAL).await;
            }
        });
    }

    fn open(&mut self, sandbox: PathBuf, node: NodeName, answer: oneshot::Sender<Result<(), String>>) {
        let namespace = namespace_at(&sandbox);
        if let Some(served) = self.served.get(&sandbox) {
            if served.is_open() && Some(served.namespace) == namespace {
                let _ = answer.send(Ok(()));
                return;
            }
            self.close(&sandbox);
        }
        let name = namespace.and_then(|namespace| stored_name(&sandbox, namespace));
        if let Some(kept) = name.and_then(|name| self.kept.remove(&name)) {
            let _ = answer.send(self.serve(&sandbox, node, kept));
            return;
        }
        let (opener, own) = (self.opener.clone(), self.own.clone());
        spawn_local(async move {
            let opened = opener.open(&sandbox).await;
            let _ = own.send(Command::Opened(sandbox, node, opened, answer));
        });
    }

    fn opened(
        &mut self,
        sandbox: &Path,
        node: NodeName,
        opened: Result<Sockets, SocketsError>,
    ) -> Result<(), String> {
        let sockets = opened.map_err(|error| chain::chain(&error))?;
        if let Some(name) = stored_name(sandbox, sockets.namespace) {
            store::put(&name, &sockets);
        }
        self.serve(sandbox, node, sockets)
    }

    fn serve(&mut self, sandbox: &Path, node: NodeName, sockets: Sockets) -> Result<(), String> {
        let served = self.shared.serve(node, sockets).map_err(|error| error.to_string())?;
        self.served.insert(sandbox.to_owned(), served);
        Ok(())
    }

    fn close(&mut self, sandbox: &Path) {
        let Some(served) = self.served.remove(sandbox) else { return };
        if let Some(name) = stored_name(sandbox, served.namespace) {
            store::remove(&name);
        }
    }

    fn close_replaced(&mut self) {
        let is_replaced =
            |(sandbox, served): &(&PathBuf, &Served)| namespace_at(sandbox) != Some(served.namespace);
        let replaced: Vec<PathBuf> =
            self.served.iter().filter(is_replaced).map(|(sandbox, _)| sandbox.clone()).collect();
        for sandbox in replaced {
            warn!("sandbox {} was removed: its DNS sockets are closed", sandbox.display());
            self.close(&sandbox);
        }
    }

    fn observe(&self, sandboxes: Vec<PathBuf>) -> Observed {
        let all = sandboxes.into_iter().chain(self.served.keys().cloned());
        all.map(|sandbox| {
            let served = self.served.get(&sandbox);
            let state = SandboxState {
                namespace: namespace_at(&sandbox),
                served: served.filter(|served| served.is_open()).map(|served| served.namespace),
                counts: served.map(|served| counts(&served.counters)).unwrap_or_default(),
            };
            (sandbox, state)
        })
        .collect()
    }

    /// Ends the tasks. What they have read is answered; what they have not read waits for the next netd.
    async fn drain(&mut self) {
        self.served.clear();
        self.busy = None;
        let _ = timeout(DRAIN_TIMEOUT, self.ended.recv()).await;
    }
}

fn counts(counters: &Counters) -> Counts {
    let value = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    Counts {
        answered: value(&counters.answered),
        forwarded: value(&counters.forwarded),
        failed: value(&counters.failed),
    }
}
