//! Asking a link whether an address is in use there: the part that ARP and NDP share.

use std::time::Duration;

use inventory::MacAddr;
use tokio::time::{Instant, timeout_at};

use crate::packet::{PacketError, Wire};

/// Room for the largest frame that is looked at; what is longer is cut off behind what is read.
const FRAME: usize = 256;

/// Sends `question` at the start and in the middle of the window and returns the first Ethernet address that
/// `judge` finds in an answer. Twice, because one frame may be lost, or come when the neighbour's port of a switch or
/// its interrupt is asleep; in the middle, so that the second answer has half of the window too. (RFC 5227 1.1 and
/// RFC 4862 5.1 ask for seconds; no container's start waits that long for a fault of that sort.)
pub(crate) async fn ask(
    wire: &Wire,
    question: &[u8],
    window: Duration,
    judge: impl Fn(&[u8]) -> Option<MacAddr>,
) -> Result<Option<MacAddr>, PacketError> {
    let start = Instant::now();
    for until in [start + window / 2, start + window] {
        wire.send(question)?;
        match timeout_at(until, answer(wire, &judge)).await {
            Ok(found) => return found.map(Some),
            Err(_silence) => {}
        }
    }
    Ok(None)
}

async fn answer(wire: &Wire, judge: impl Fn(&[u8]) -> Option<MacAddr>) -> Result<MacAddr, PacketError> {
    let mut buffer = [0; FRAME];
    loop {
        if let Some(mac) = judge(wire.receive(&mut buffer).await?) {
            return Ok(mac);
        }
    }
}
