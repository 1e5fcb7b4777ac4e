//! One netlink connection, and the two kinds of request on it: a dump, and a change that is acknowledged.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt as _;
use nix::libc::EPIPE;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;

use crate::error::NetError;

/// The kernel answers from memory, after a queue of deletions at most; only an answer that was lost or could not be
/// read takes this long. Without an end one such answer would hold a container's start for ever.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often a dump is asked for again because something changed under it.
const DUMPS: usize = 8;

/// A connection to the kernel's network configuration. Clones share it.
///
/// The kernel does what a request says while it is being sent, on the sender's thread: 1 ms to make a pair, 15 ms and
/// more to delete one (it waits until no processor looks at it any more). So requests have a thread of their own, and
/// deletions another, and the caller's thread goes on meanwhile.
#[derive(Debug, Clone)]
pub struct Kernel {
    handle: rtnetlink::Handle,
    patient: rtnetlink::Handle,
}

impl Kernel {
    /// Opens it for the network namespace of the calling thread. Its threads end with the last clone.
    ///
    /// # Errors
    /// No socket or no thread.
    pub fn open() -> Result<Self, NetError> {
        let open = |name| on_a_thread_of_its_own(name).map_err(|source| NetError::Open { source });
        Ok(Self { handle: open("netlink")?, patient: open("netlink-delete")? })
    }

    /// Asks for a change and waits for the kernel's acknowledgement.
    pub(crate) async fn change(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        acknowledged(&self.handle, message, flags).await
    }

    /// The same for a change that takes the kernel long.
    pub(crate) async fn change_patiently(&self, message: RouteNetlinkMessage) -> io::Result<()> {
        acknowledged(&self.patient, message, 0).await
    }

    /// Asks for one object.
    pub(crate) async fn get(&self, message: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST;
        let mut answers = self.handle.clone().request(request).map_err(|_| closed())?;
        within_deadline(async {
            match answers.next().await.map(|answer| answer.payload) {
                Some(NetlinkPayload::InnerMessage(message)) => Ok(message),
                Some(NetlinkPayload::Error(verdict)) => Err(verdict.to_io()),
                _ => Err(closed()),
            }
        })
        .await
    }

    /// Asks for all objects, again when the kernel says that they changed meanwhile: a dump with `NLM_F_DUMP_INTR`
    /// may lack objects that were there all the time (kernel Documentation/userspace-api/netlink/intro.rst), and a
    /// container's port that seems gone would be cleaned up.
    pub(crate) async fn dump(&self, message: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..DUMPS {
            if let Some(objects) = self.dump_once(message.clone()).await? {
                return Ok(objects);
            }
        }
        Err(io::Error::new(io::ErrorKind::Interrupted, format!("it changed during each of {DUMPS} dumps")))
    }

    async fn dump_once(&self, message: RouteNetlinkMessage) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let mut answers = self.handle.clone().request(request).map_err(|_| closed())?;
        within_deadline(async {
            let mut objects = Vec::new();
            let mut steady = true;
            while let Some(answer) = answers.next().await {
                steady &= answer.header.flags & NLM_F_DUMP_INTR == 0;
                match answer.payload {
                    NetlinkPayload::InnerMessage(object) => objects.push(object),
                    NetlinkPayload::Error(verdict) => return Err(verdict.to_io()),
                    NetlinkPayload::Done(_) => return Ok(steady.then_some(objects)),
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
    // without these an acknowledgement and a dead connection look the same: the stream of answers ends
    connection.set_forward_ack(true);
    connection.set_forward_done(true);
    Ok((connection, handle))
}

/// A connection on a new thread, which is in the network namespace of this one, and ends with the last handle.
fn on_a_thread_of_its_own(name: &str) -> io::Result<rtnetlink::Handle> {
    let (tell, told) = mpsc::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(tell.send(Err(error))),
        };
        runtime.block_on(async {
            match connect() {
                Err(error) => drop(tell.send(Err(error))),
                Ok((connection, handle)) => {
                    drop(tell.send(Ok(handle)));
                    connection.await;
                }
            }
        });
    })?;
    told.recv().unwrap_or_else(|_| Err(closed()))
}

async fn acknowledged(
    handle: &rtnetlink::Handle,
    message: RouteNetlinkMessage,
    flags: u16,
) -> io::Result<()> {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    let mut answers = handle.clone().request(request).map_err(|_| closed())?;
    within_deadline(async {
        match answers.next().await.map(|answer| answer.payload) {
            Some(NetlinkPayload::Error(verdict)) if verdict.code.is_none() => Ok(()),
            Some(NetlinkPayload::Error(verdict)) => Err(verdict.to_io()),
            _ => Err(closed()),
        }
    })
    .await
}

async fn within_deadline<T>(answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answered) => answered,
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", DEADLINE.as_secs())))
        }
    }
}

fn closed() -> io::Error {
    io::Error::from_raw_os_error(EPIPE)
}
