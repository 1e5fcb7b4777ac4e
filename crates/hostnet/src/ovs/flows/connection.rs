//! Requests to ovs-vswitchd over OpenFlow.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::FlowCounts;
use super::message::{self, BARRIER_REPLY, ERROR, HEADER, MULTIPART_REPLY, XID};

/// Time limit for all requests together.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests in order and waits until all are executed. Returns the flows that the switch listed.
pub(super) async fn request(socket: &Path, requests: &[Vec<u8>]) -> io::Result<FlowCounts> {
    let done = timeout(REQUEST_TIMEOUT, exchange(socket, requests)).await;
    done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn exchange(socket: &Path, requests: &[Vec<u8>]) -> io::Result<FlowCounts> {
    let stream = UnixStream::connect(socket).await?;
    let (mut from, mut to) = stream.into_split();
    let all = [message::hello(), requests.concat(), message::barrier()].concat();
    // the switch stops reading while its answers are not read
    let (sent, read) = tokio::join!(to.write_all(&all), answers(&mut from));
    // a refusal explains a connection that was closed while we still sent
    let counts = read?;
    sent?;
    Ok(counts)
}

async fn answers(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<FlowCounts> {
    let mut counts = FlowCounts::new();
    loop {
        let Message { kind, xid, body } = read(stream).await?;
        match kind {
            BARRIER_REPLY if xid == XID.to_be_bytes() => return Ok(counts),
            MULTIPART_REPLY => counts.extend(message::statistics(&body)),
            ERROR => return Err(refusal(&body)),
            _ => {}
        }
    }
}

/// A message of the switch.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) xid: [u8; 4],
    pub(super) body: Vec<u8>,
}

pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await?;
    let [_, kind, high, low, xid @ ..] = header;
    let mut body = vec![0; usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER)];
    stream.read_exact(&mut body).await?;
    Ok(Message { kind, xid, body })
}

/// `OFPET_HELLO_FAILED`: the bridge does not permit OpenFlow 1.3.
const HELLO_FAILED: u16 = 0;

fn refusal(body: &[u8]) -> io::Error {
    let word =
        |at: usize| body.get(at..).and_then(|bytes| bytes.first_chunk().copied()).map(u16::from_be_bytes);
    let (kind, code) = (word(0).unwrap_or_default(), word(2).unwrap_or_default());
    if kind == HELLO_FAILED {
        return io::Error::other(
            "ovs-vswitchd refused OpenFlow 1.3; add OpenFlow13 to the column protocols of the bridge",
        );
    }
    io::Error::other(format!("ovs-vswitchd refused: OpenFlow error {kind}.{code}"))
}
