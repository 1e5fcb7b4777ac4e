//! The four messages of OpenFlow 1.0 that it takes to have a switch send a frame (ONF TS-001, section 5). No input or
//! output here.

/// Every release of Open vSwitch speaks this version unless it was told not to (`Bridge.protocols`).
const VERSION: u8 = 1;
const HELLO: u8 = 0;
const ERROR: u8 = 1;
const PACKET_OUT: u8 = 13;
const BARRIER_REQUEST: u8 = 18;
const BARRIER_REPLY: u8 = 19;
/// `OFPP_NORMAL`: as a switch without OpenFlow would.
const NORMAL: u16 = 0xfffa;
/// `OFPP_MAX`: the numbers of ports end here.
const PORTS: u16 = 0xff00;
/// The frame is in the message, not in a buffer of the switch.
const NO_BUFFER: u32 = u32::MAX;
const HEADER: usize = 8;
/// Which question an answer is to.
const OURS: u32 = 7;

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// All that was asked before is done.
    Done,
    /// Something was refused: type and code of `ofp_error_msg`.
    Refused(u16, u16),
    /// Nothing that concerns us.
    Other,
}

/// What to write to a switch so that it takes a frame as if it had come in through a port. `None`: no port has that
/// number in this version.
pub(super) fn inject(port: i64, frame: &[u8]) -> Option<Vec<u8>> {
    let port = u16::try_from(port).ok().filter(|port| *port < PORTS)?;
    let mut body = Vec::with_capacity(16 + frame.len());
    body.extend(NO_BUFFER.to_be_bytes());
    body.extend(port.to_be_bytes());
    // one action of 8 bytes: output, its length, where to, nothing of it to a controller
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

/// The first message of what was read, and how many bytes it is; `None`: it is not complete yet.
pub(super) fn first(read: &[u8]) -> Option<(Answer, usize)> {
    let (header, _) = read.split_first_chunk::<HEADER>()?;
    let [_, kind, high, low, xid @ ..] = *header;
    // a length of less than a header would never end
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
        let sent = inject(2, &[0xaa, 0xbb]).unwrap();
        let hello = [1, 0, 0, 8, 0, 0, 0, 7];
        let packet_out = [
            [1, 13, 0, 26, 0, 0, 0, 7].as_slice(),
            &[0xff, 0xff, 0xff, 0xff, 0, 2, 0, 8],
            &[0, 0, 0, 8, 0xff, 0xfa, 0, 0],
            &[0xaa, 0xbb],
        ]
        .concat();
        let barrier = [1, 18, 0, 8, 0, 0, 0, 7];
        assert_eq!(sent, [&hello[..], &packet_out, &barrier].concat());
        assert_eq!(inject(65534, &[]), None);
        assert_eq!(inject(-1, &[]), None);
        assert_eq!(inject(1, &[0; 65536]), None);
    }

    #[test]
    fn answers() {
        assert_eq!(first(&[1, 19, 0, 8, 0, 0, 0, 7]), Some((Answer::Done, 8)));
        assert_eq!(first(&[1, 19, 0, 8, 0, 0, 0, 8]), Some((Answer::Other, 8)), "to another question");
        assert_eq!(first(&[4, 0, 0, 16, 0, 0, 0, 7, 0, 1, 0, 8, 0, 0, 0, 0x12]), Some((Answer::Other, 16)));
        assert_eq!(first(&[1, 1, 0, 12, 0, 0, 0, 7, 0, 1, 0, 6]), Some((Answer::Refused(1, 6), 12)));
        assert_eq!(first(&[1, 1, 0, 12, 0, 0, 0, 7, 0, 1]), None);
        assert_eq!(first(&[1, 5, 0, 0, 0, 0, 0, 7]), Some((Answer::Other, 8)), "a length that can not be");
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
