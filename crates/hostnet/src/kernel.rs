//! The netlink connection, with its two kinds of requests: dumps, and acknowledged changes.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures_util::StreamExt as _;
use nix::libc::EPIPE;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use tokio::sync::Mutex;

use crate::error::NetError;

/// The kernel answers from memory, at most after a queue of deletions. Only a lost or unreadable answer takes this
/// long; without a limit it would block a container's start forever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a dump is retried because something changed during it.
const MAX_DUMPS: usize = 8;

/// A connection to the kernel's network configuration. Clones share it.
///
/// The kernel executes a request while the sending thread sends it: 1 ms to create a veth pair, 15 ms and more to
/// delete one (it waits for all CPUs, `synchronize_net`). So requests are sent on a separate thread, and deletions on
/// another, and the caller's thread is not blocked.
#[derive(Debug, Clone)]
pub struct Kernel {
    handle: rtnetlink::Handle,
    deletions: rtnetlink::Handle,
    /// The kernel refuses a dump while another one of the same socket runs (net/netlink/af_netlink.c,
    /// `__netlink_dump_start`: `EBUSY`).
    dumps: Arc<Mutex<()>>,
}

impl Kernel {
    /// Opens a connection for the network namespace of the calling thread. Its threads end with the last clone.
    ///
    /// # Errors
    /// No socket or no thread.
    pub fn open() -> Result<Self, NetError> {
        let open = |name| spawn_connection(name).map_err(|source| NetError::Open { source });
        Ok(Self { handle: open("netlink")?, deletions: open("netlink-delete")?, dumps: Arc::default() })
    }

    /// Sends a change and waits for the acknowledgement.
    pub(crate) async fn change(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        acknowledged(&self.handle, message, flags).await
    }

    /// The same for a deletion, which takes the kernel longer.
    pub(crate) async fn request_deletion(&self, message: RouteNetlinkMessage) -> io::Result<()> {
        acknowledged(&self.deletions, message, 0).await
    }

    /// Reads one object.
    pub(crate) async fn get(&self, message: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST;
        let mut answers = self.handle.clone().request(request).map_err(|_| closed())?;
        with_timeout(async {
            match answers.next().await.map(|answer| answer.payload) {
                Some(NetlinkPayload::InnerMessage(message)) => Ok(message),
                Some(NetlinkPayload::Error(verdict)) => Err(verdict.to_io()),
                _ => Err(closed()),
            }
        })
        .await
    }

    /// Reads all objects. Retries if the kernel reports a change during the dump: a dump with `NLM_F_DUMP_INTR` may
    /// lack objects that existed all the time (kernel Documentation/userspace-api/netlink/intro.rst), and a
    /// container's port that seems to be missing would be removed.
    pub(crate) async fn dump(&self, message: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        let _only = self.dumps.lock().await;
        for _ in 0..MAX_DUMPS {
            if let Some(objects) = self.dump_once(message.clone()).await? {
                return Ok(objects);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::Interrupted,
            format!("the list changed during each of {MAX_DUMPS} dumps"),
        ))
    }

    async fn dump_once(&self, message: RouteNetlinkMessage) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let mut answers = self.handle.clone().request(request).map_err(|_| closed())?;
        with_timeout(async {
            let mut objects = Vec::new();
            let mut consistent = true;
            while let Some(answer) = answers.next().await {
                consistent &= answer.header.flags & NLM_F_DUMP_INTR == 0;
                match answer.payload {
                    NetlinkPayload::InnerMessage(object) => objects.push(object),
                    NetlinkPayload::Error(verdict) => return Err(verdict.to_io()),
                    NetlinkPayload::Done(_) => return Ok(consistent.then_some(objects)),
                    _ => return Err(closed()),
                }
            }
            Err(closed())
        })
        .await
    }
}

type Connection = rtnetlink::proto::Connection<RouteNetlinkMessage>;

fn connect() -> io::Result<(Connection, rtnetlink::Handle)> {
    let (mut connection, handle, _) = rtnetlink::new_connection()?;
    // without these, an acknowledgement and a closed connection look the same: the stream of answers ends
    connection.set_forward_ack(true);
    connection.set_forward_done(true);
    Ok((connection, handle))
}

/// Opens a connection on a new thread. The thread inherits the network namespace, and ends with the last handle.
fn spawn_connection(name: &str) -> io::Result<rtnetlink::Handle> {
    let (sender, opened) = mpsc::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(sender.send(Err(error))),
        };
        runtime.block_on(async {
            match connect() {
                Err(error) => drop(sender.send(Err(error))),
                Ok((connection, handle)) => {
                    drop(sender.send(Ok(handle)));
                    connection.await;
                }
            }
        });
    })?;
    opened.recv().unwrap_or_else(|_| Err(closed()))
}

async fn acknowledged(
    handle: &rtnetlink::Handle,
    message: RouteNetlinkMessage,
    flags: u16,
) -> io::Result<()> {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    let mut answers = handle.clone().request(request).map_err(|_| closed())?;
    with_timeout(async {
        match answers.next().await.map(|answer| answer.payload) {
            Some(NetlinkPayload::Error(verdict)) if verdict.code.is_none() => Ok(()),
            Some(NetlinkPayload::Error(verdict)) => Err(verdict.to_io()),
            _ => Err(closed()),
        }
    })
    .await
}

async fn with_timeout<T>(answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(REQUEST_TIMEOUT, answer).await {
        Ok(answered) => answered,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()),
        )),
    }
}

fn closed() -> io::Error {
    io::Error::from_raw_os_error(EPIPE)
}
