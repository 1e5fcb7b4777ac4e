//! Any bytes as the stream of a server: split anywhere, they are the same messages, or the same error.
//!
//! The first byte says how long the pieces are, the rest is the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovsdb::{Framer, FramerError, Limits};

fn all<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<FramerError>) {
    let mut framer = Framer::new(Limits { bytes: 2048, depth: 8 });
    let mut messages = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.pop() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((length, stream)) = data.split_first() else { return };
    let whole = all(std::iter::once(stream));
    assert_eq!(all(stream.chunks(usize::from(*length).max(1))), whole);
    for message in &whole.0 {
        assert!(message.len() <= 2048 && message.starts_with(b"{"));
    }
});
