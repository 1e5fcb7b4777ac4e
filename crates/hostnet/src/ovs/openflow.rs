//! The OpenFlow 1.0 messages that make a switch send a frame (ONF TS-001, section 5). No I/O.

/// All releases of Open vSwitch support this version unless `Bridge.protocols` excludes it.
const VERSION: u8 = 1;
const HELLO: u8 = 0;
const ERROR: u8 = 1;
const PACKET_OUT: u8 = 13;
const BARRIER_REQUEST: u8 = 18;
const BARRIER_REPLY: u8 = 19;
/// `OFPP_NORMAL`: forwarding without OpenFlow rules.
const NORMAL: u16 = 0xfffa;
/// `OFPP_MAX`: port numbers end here.
const MAX_PORT: u16 = 0xff00;
/// The message contains the frame (no buffer of the switch is used).
const NO_BUFFER: u32 = u32::MAX;
const HEADER: usize = 8;
/// Transaction ID of our requests.
const OURS: u32 = 7;

/// A message of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// All requests before were executed.
    Done,
    /// A request was refused: type and code of `ofp_error_msg`.
    Refused(u16, u16),
    /// Any other message.
    Other,
}

/// The messages that make a switch handle a frame as if it had arrived on a port. `None`: this version has no
/// such port number.
pub(super) fn packet_out(port: i64, frame: &[u8]) -> Option<Vec<u8>> {
    let port = u16::try_from(port).ok().filter(|port| *port < MAX_PORT)?;
    let mut body = Vec::with_capacity(16 + frame.len());
    body.extend(NO_BUFFER.to_be_bytes());
    body.extend(port.to_be_bytes());
    // one action of 8 bytes: output, its length, port, and 0 bytes to a controller
    for word in [8, 0, 8, NORMAL, 0] {
        body.extend(word.to_be_bytes());
    }
    body.extend(frame);
    let mut all = message(HELLO, &[])?;
    all.extend(message(PACKET_OUT, &body)?);
    all.extend(message(BARRIER_REQUEST, &[])?);
    Some(all)
}

fn message(kind: u8, body: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(HEADER + body.len()).ok()?;
    let mut message = vec![VERSION, kind];
    message.extend(length.to_be_bytes());
    message.extend(OURS.to_be_bytes());
    message.extend(body);
    Some(message)
}

/// The first message in the received bytes, with its length; `None`: it is not complete yet.
pub(super) fn first(read: &[u8]) -> Option<(Answer, usize)> {
    let (header, _) = read.split_first_chunk::<HEADER>()?;
    let [_, kind, high, low, xid @ ..] = *header;
    // a length below the header's would be parsed forever
    let length = usize::from(u16::from_be_bytes([high, low])).max(HEADER);
    let body = read.get(HEADER..length)?;
    let answer = match kind {
        BARRIER_REPLY if xid == OURS.to_be_bytes() => Answer::Done,
        ERROR => {
            let word = |at: usize| body.get(at..at + 2).and_then(|two| two.first_chunk().copied());
            let word = |at| word(at).map(u16::from_be_bytes).unwrap_or_default();
            Answer::Refused(word(0), word(2))
        }
        _ => Answer::Other,
    };
    Some((answer, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_sent_as_if_it_had_come_in() {
        let sent = packet_out(2, &[0xaa, 0xbb]).unwrap();
        let hello = [1, 0, 0, 8, 0, 0, 0, 7];
        let message = [
            [1, 13, 0, 26, 0, 0, 0, 7].as_slice(),
            &[0xff, 0xff, 0xff, 0xff, 0, 2, 0, 8],
            &[0, 0, 0, 8, 0xff, 0xfa, 0, 0],
            &[0xaa, 0xbb],
        ]
        .concat();
        let barrier = [1, 18, 0, 8, 0, 0, 0, 7];
        assert_eq!(sent, [&hello[..], &message, &barrier].concat());
        assert_eq!(packet_out(65534, &[]), None);
        assert_eq!(packet_out(-1, &[]), None);
        assert_eq!(packet_out(1, &[0; 65536]), None);
    }

    #[test]
    fn answers() {
        assert_eq!(first(&[1, 19, 0, 8, 0, 0, 0, 7]), Some((Answer::Done, 8)));
        assert_eq!(first(&[1, 19, 0, 8, 0, 0, 0, 8]), Some((Answer::Other, 8)), "to another question");
        assert_eq!(first(&[4, 0, 0, 16, 0, 0, 0, 7, 0, 1, 0, 8, 0, 0, 0, 0x12]), Some((Answer::Other, 16)));
        assert_eq!(first(&[1, 1, 0, 12, 0, 0, 0, 7, 0, 1, 0, 6]), Some((Answer::Refused(1, 6), 12)));
        assert_eq!(first(&[1, 1, 0, 12, 0, 0, 0, 7, 0, 1]), None);
        assert_eq!(first(&[1, 5, 0, 0, 0, 0, 0, 7]), Some((Answer::Other, 8)), "an impossible length");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_waited_for(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some((_, length)) = first(&bytes) {
                prop_assert!(length >= HEADER && length <= bytes.len());
            }
        }
    }
}
