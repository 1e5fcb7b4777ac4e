//! Answers requests on the sockets of all containers, in a thread of its own: calls of dockerd and answers do not wait
//! for each other.
//!
//! A consumer cannot slow the others: each has its own socket, a limited number of answers at a time and per second, and
//! a limited number of forwarded requests. What exceeds the rate stays in its socket, where the kernel drops it. The rate is one
//! and a half times what a busy container needs: more would cost the others CPU time.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use inventory::{NodeName, Snapshot};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::answer::{Answer, View};
use super::forward::{SlowServers, forward, framed, read_framed};
use super::resolv_conf::{ResolvConf, server};
use super::sockets::Sockets;
use super::wire::{Failure, Invalid, Request, Transport};

/// Answers of one socket before the other sockets have their turn.
const TURN: u32 = 8;
/// Requests of a consumer that are answered in a second, and at once after a pause. More than [`super::sockets`] lets wait are lost.
const RATE: u32 = 1500;
const BURST: u32 = 1500;
/// Time for which the socket of a consumer beyond its rate is left alone.
const PAUSE: Duration = Duration::from_millis(10);
/// Requests of a consumer that wait for a name server.
const FORWARDED: usize = 64;
/// TCP connections of a consumer, and how long an idle one stays open.
const CONNECTIONS: usize = 16;
const IDLE: Duration = Duration::from_secs(10);
/// Largest request by UDP.
const LARGEST: usize = 4096;

/// Counters of a consumer.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Answered from the tables.
    pub(crate) answered: AtomicU64,
    /// Forwarded to a name server.
    pub(crate) forwarded: AtomicU64,
    /// Forwarded requests that no server answered, or that exceeded the limit.
    pub(crate) failed: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What all consumers share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The loaded tables.
    pub(super) tables: RefCell<Option<Arc<Snapshot>>>,
    host_servers: RefCell<ResolvConf>,
    slow: RefCell<SlowServers>,
    /// Requests in progress hold it, so that a stop can wait for them.
    busy: mpsc::WeakSender<()>,
}

/// The sockets of a sandbox, and the tasks that serve them. They end on drop.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) namespace: u64,
    pub(super) counters: Arc<Counters>,
    udp: Rc<UdpSocket>,
    tcp: Rc<TcpListener>,
    tasks: [JoinHandle<()>; 2],
}

impl Served {
    /// Whether both sockets are open and served.
    pub(super) fn is_open(&self) -> bool {
        let bound = [self.udp.local_addr(), self.tcp.local_addr()].map(Sockets::is_bound);
        bound.into_iter().all(|bound| bound) && self.tasks.iter().all(|task| !task.is_finished())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    pub(super) fn new(resolv_conf: &Path, busy: mpsc::WeakSender<()>) -> Self {
        let host_servers = RefCell::new(ResolvConf::at(resolv_conf));
        Self { tables: RefCell::default(), host_servers, slow: RefCell::default(), busy }
    }

    /// Serves the sockets of a container.
    pub(super) fn serve(self: &Rc<Self>, node: NodeName, sockets: Sockets) -> io::Result<Served> {
        let Sockets { udp, tcp, namespace } = sockets;
        let udp = Rc::new(UdpSocket::from_std(udp)?);
        let tcp = Rc::new(TcpListener::from_std(tcp)?);
        let counters = Arc::new(Counters::default());
        let consumer = Rc::new(Consumer {
            node,
            shared: Rc::clone(self),
            counters: Arc::clone(&counters),
            forwarded: Arc::new(Semaphore::new(FORWARDED)),
            allowance: Cell::new(Allowance::new(Instant::now())),
        });
        let tasks = [
            spawn_local(serve_udp(Rc::clone(&consumer), Rc::clone(&udp))),
            spawn_local(serve_tcp(consumer, Rc::clone(&tcp))),
        ];
        Ok(Served { namespace, counters, udp, tcp, tasks })
    }
}

/// A container that asks.
#[derive(Debug)]
struct Consumer {
    node: NodeName,
    shared: Rc<Shared>,
    counters: Arc<Counters>,
    forwarded: Arc<Semaphore>,
    allowance: Cell<Allowance>,
}

/// Requests that a consumer may send now.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    left: u32,
    since: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: BURST, since: now }
    }

    /// Takes one. `false`: none is left.
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_micros();
        let new = u32::try_from(passed * u128::from(RATE) / 1_000_000).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(new).min(BURST);
        // what remains of a request's time counts for the next one
        self.since = if self.left == BURST { now } else { self.since + Duration::from_secs(1) * new / RATE };
        let took = self.left > 0;
        self.left = self.left.saturating_sub(1);
        took
    }
}

/// What to do about a request.
enum Reply {
    /// Send this; `None`: nothing.
    Now(Option<Vec<u8>>),
    /// Ask these servers.
    Forward(Box<Request>, Vec<SocketAddr>, OwnedSemaphorePermit),
}

impl Consumer {
    async fn wait_for_allowance(&self) {
        let take = || {
            let mut allowance = self.allowance.get();
            let took = allowance.take(Instant::now());
            self.allowance.set(allowance);
            took
        };
        while !take() {
            sleep(PAUSE).await;
        }
    }

    fn reply(&self, bytes: &[u8], transport: Transport) -> Reply {
        let request = match Request::parse(bytes) {
            Ok(request) => request,
            Err(Invalid::Ignored) => return Reply::Now(None),
            Err(Invalid::Answered(answer)) => return Reply::Now(Some(answer)),
        };
        let tables = self.shared.tables.borrow().clone();
        let Some(snapshot) = tables else {
            count(&self.counters.failed);
            return Reply::Now(request.failure(Failure::NoAnswer));
        };
        let view = View::of(&snapshot, self.node.as_str());
        match view.answer(&request.name, request.kind) {
            Answer::Foreign => self.foreign(view, request),
            answer => {
                count(&self.counters.answered);
                Reply::Now(request.answer(&answer, transport))
            }
        }
    }

    fn foreign(&self, view: View<'_>, request: Request) -> Reply {
        let own = view.consumer.and_then(|consumer| consumer.own.as_ref()).map(|own| own.dns.as_slice());
        let servers = match own.unwrap_or_default() {
            [] => self.shared.host_servers.borrow_mut().servers().to_vec(),
            own => own.iter().copied().map(server).collect(),
        };
        if servers.is_empty() {
            let is_ours =
                view.is_of_cluster(&request.name, request.kind) || view.is_of_search_list(&request.name);
            let failure = if is_ours { Failure::NoSuchName } else { Failure::Refused };
            count(&self.counters.answered);
            return Reply::Now(request.failure(failure));
        }
        let Ok(permit) = Arc::clone(&self.forwarded).try_acquire_owned() else {
            count(&self.counters.failed);
            return Reply::Now(request.failure(Failure::NoAnswer));
        };
        count(&self.counters.forwarded);
        let servers = self.shared.slow.borrow_mut().ordered(servers);
        Reply::Forward(Box::new(request), servers, permit)
    }

    async fn forward(
        &self,
        bytes: &[u8],
        request: &Request,
        servers: Vec<SocketAddr>,
        transport: Transport,
    ) -> Option<Vec<u8>> {
        let forwarded = forward(bytes.into(), servers, transport).await;
        self.shared.slow.borrow_mut().record(&forwarded.silent);
        forwarded.answer.or_else(|| {
            count(&self.counters.failed);
            request.failure(Failure::NoAnswer)
        })
    }
}

async fn serve_udp(consumer: Rc<Consumer>, socket: Rc<UdpSocket>) {
    let mut buffer = vec![0; LARGEST];
    let mut turn = 0;
    loop {
        consumer.wait_for_allowance().await;
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // an administrator closed it: reconciliation opens another
                return debug!("DNS socket of {}: {error}", consumer.node);
            }
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        match consumer.reply(bytes, Transport::Udp) {
            // a full buffer of a client that does not read loses its own answer
            Reply::Now(Some(answer)) => drop(socket.try_send_to(&answer, from)),
            Reply::Now(None) => {}
            Reply::Forward(request, servers, permit) => {
                let (consumer, socket, bytes) = (Rc::clone(&consumer), Rc::clone(&socket), bytes.to_vec());
                let busy = consumer.shared.busy.upgrade();
                spawn_local(async move {
                    let answer = consumer.forward(&bytes, &request, servers, Transport::Udp).await;
                    if let Some(answer) = answer {
                        let _ = socket.try_send_to(&answer, from);
                    }
                    drop((permit, busy));
                });
            }
        }
        turn += 1;
        if turn % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve_tcp(consumer: Rc<Consumer>, listener: Rc<TcpListener>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        consumer.wait_for_allowance().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let consumer = Rc::clone(&consumer);
                spawn_local(async move {
                    // the client has closed the connection, or sends no message
                    let _ = serve_connection(&consumer, stream).await;
                    drop(permit);
                });
            }
            // a client that ended before it was accepted
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return debug!("DNS socket of {}: {error}", consumer.node),
        }
    }
}

async fn serve_connection(consumer: &Consumer, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let message = timeout(IDLE, read_framed(&mut stream)).await.unwrap_or_else(|_| Ok(Vec::new()))?;
        if message.is_empty() {
            return Ok(());
        }
        let _busy = consumer.shared.busy.upgrade();
        let answer = match consumer.reply(&message, Transport::Tcp) {
            Reply::Now(answer) => answer,
            Reply::Forward(request, servers, _permit) => {
                consumer.forward(&message, &request, servers, Transport::Tcp).await
            }
        };
        let Some(answer) = answer else { return Ok(()) };
        let write = tokio::io::AsyncWriteExt::write_all(&mut stream, &framed(&answer)).await;
        write?;
        // the first message was counted with the connection
        consumer.wait_for_allowance().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_has_a_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let burst = (0..2 * BURST).filter(|_| allowance.take(start)).count();
        assert_eq!(burst, BURST as usize);
        let at = |ms: u64| start + Duration::from_millis(ms);
        let second = (0..1000).flat_map(|ms| (0..10).map(move |_| ms));
        let steady = second.filter(|ms| allowance.take(at(*ms))).count();
        assert!((1400..=1500).contains(&steady), "{steady}");
    }
}
