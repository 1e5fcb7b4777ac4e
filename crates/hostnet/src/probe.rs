//! The common part of ARP and NDP probes.

use std::time::Duration;

use inventory::MacAddr;
use tokio::time::{Instant, timeout_at};

use crate::packet::{PacketError, PacketSocket};

/// Buffer for a received frame; longer frames are truncated behind the fields that are read.
const FRAME: usize = 256;

/// Sends `question` at the start and in the middle of the window, and returns the first MAC that `judge` finds in an
/// answer. Twice, because one frame may be lost, or arrive while the neighbour's switch port or interrupt is asleep;
/// in the middle, so that the second answer has half of the window too. (RFC 5227 1.1 and RFC 4862 5.1 use seconds,
/// which is too long for the start of a container.)
pub(crate) async fn probe_link(
    socket: &PacketSocket,
    question: &[u8],
    window: Duration,
    judge: impl Fn(&[u8]) -> Option<MacAddr>,
) -> Result<Option<MacAddr>, PacketError> {
    let start = Instant::now();
    for until in [start + window / 2, start + window] {
        socket.send(question)?;
        match timeout_at(until, answer(socket, &judge)).await {
            Ok(found) => return found.map(Some),
            Err(_silence) => {}
        }
    }
    Ok(None)
}

async fn answer(
    socket: &PacketSocket,
    judge: impl Fn(&[u8]) -> Option<MacAddr>,
) -> Result<MacAddr, PacketError> {
    let mut buffer = [0; FRAME];
    loop {
        if let Some(mac) = judge(socket.receive(&mut buffer).await?) {
            return Ok(mac);
        }
    }
}
