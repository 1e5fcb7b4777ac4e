//! Frames that multiplex standard output and standard error: stream number, three zero bytes, length in four bytes
//! (moby pkg/stdcopy). Frames may be split anywhere.

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes before each payload.
const HEADER: usize = 8;

/// Stream number of standard error.
const STDERR: u8 = 2;

/// Output of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Whether it is standard error.
    pub(crate) from_stderr: bool,
    pub(crate) bytes: Bytes,
}

/// Splits frames incrementally. Payload is returned before its frame is complete.
#[derive(Debug, Default)]
pub(super) struct Frames {
    held: BytesMut,
    from_stderr: bool,
    left: usize,
}

impl Frames {
    /// Adds received bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Option<Piece> {
        while self.left == 0 {
            let [stream, _, _, _, length @ ..]: [u8; HEADER] = *self.held.first_chunk()?;
            self.held.advance(HEADER);
            self.from_stderr = stream == STDERR;
            self.left = u32::from_be_bytes(length) as usize;
        }
        if self.held.is_empty() {
            return None;
        }
        let bytes = self.held.split_to(self.left.min(self.held.len())).freeze();
        self.left -= bytes.len();
        Some(Piece { from_stderr: self.from_stderr, bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(pieces: &[(bool, Vec<u8>)]) -> Vec<u8> {
        let frame = |(from_stderr, payload): &(bool, Vec<u8>)| {
            let mut frame = vec![if *from_stderr { STDERR } else { 1 }, 0, 0, 0];
            frame.extend((payload.len() as u32).to_be_bytes());
            frame.extend(payload);
            frame
        };
        pieces.iter().flat_map(frame).collect()
    }

    fn of(pieces: impl Iterator<Item = (bool, Vec<u8>)>, stderr: bool) -> Vec<u8> {
        pieces.filter(|(from_stderr, _)| *from_stderr == stderr).flat_map(|(_, bytes)| bytes).collect()
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_wherever_the_stream_is_cut(
            pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
            cut in 1usize..17,
        ) {
            let mut frames = Frames::default();
            let mut got = Vec::new();
            for part in framed(&pieces).chunks(cut) {
                frames.push(part);
                while let Some(Piece { from_stderr, bytes }) = frames.next() {
                    got.push((from_stderr, bytes.to_vec()));
                }
            }
            for stderr in [false, true] {
                prop_assert_eq!(of(got.iter().cloned(), stderr), of(pieces.iter().cloned(), stderr));
            }
        }
    }
}
