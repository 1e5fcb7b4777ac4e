//! Finds the end of each message in a stream.
//!
//! OVSDB sends JSON-RPC messages directly on a stream, without lengths or newlines (RFC 7047 section 4). An object ends with
//! its closing brace, so the framer must recognize strings. No I/O.

use thiserror::Error;

/// Maximum size of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Nesting depth of objects and arrays; OVSDB messages need less than 16.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 64 }
    }
}

/// A stream that does not contain messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FramerError {
    /// There is other data between two messages.
    #[error("unexpected byte 0x{0:02x} at the start of a message: is this an OVSDB server?")]
    Garbage(u8),
    /// A message exceeds the maximum size.
    #[error("a message is larger than {0} bytes: monitor fewer columns or rows")]
    Size(usize),
    /// A message exceeds the maximum depth.
    #[error("a message is nested deeper than {0}: is this an OVSDB server?")]
    Depth(usize),
}

/// A larger buffer is freed when it is empty.
const MAX_KEPT: usize = 1 << 20;

/// Splits a stream of bytes into JSON objects.
///
/// Only finds the end of each object; the parser checks whether it is valid JSON.
#[derive(Debug, Clone)]
pub struct Framer {
    limits: Limits,
    buffer: Vec<u8>,
    /// Start of the first message that was not popped.
    start: usize,
    /// End of the scanned bytes.
    seen: usize,
    depth: usize,
    string: Text,
    failed: Option<FramerError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    /// After a backslash.
    Escaped,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        let string = Text::Outside;
        Self { limits, buffer: Vec::new(), start: 0, seen: 0, depth: 0, string, failed: None }
    }

    /// Appends received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
            // free the memory of a large message
            if self.buffer.is_empty() && self.buffer.capacity() > MAX_KEPT {
                self.buffer = Vec::new();
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete message, if any.
    ///
    /// # Errors
    /// The stream does not contain messages. Further calls return the same error; close the connection.
    pub fn pop(&mut self) -> Result<Option<Vec<u8>>, FramerError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.scan().inspect_err(|error| self.failed = Some(*error)),
        }
    }

    fn scan(&mut self) -> Result<Option<Vec<u8>>, FramerError> {
        let bytes = self.buffer.get(self.seen..).unwrap_or_default();
        for (offset, byte) in bytes.iter().enumerate() {
            let after = self.seen + offset + 1;
            if self.depth == 0 {
                match byte {
                    b'{' => (self.start, self.depth) = (after - 1, 1),
                    // white space of JSON (RFC 8259 section 2)
                    b' ' | b'\t' | b'\r' | b'\n' => self.start = after,
                    other => return Err(FramerError::Garbage(*other)),
                }
                continue;
            }
            if after - self.start > self.limits.bytes {
                return Err(FramerError::Size(self.limits.bytes));
            }
            (self.depth, self.string) = step(self.depth, self.string, *byte);
            if self.depth > self.limits.depth {
                return Err(FramerError::Depth(self.limits.depth));
            }
            if self.depth == 0 {
                let message = self.buffer.get(self.start..after).map(<[u8]>::to_vec);
                (self.start, self.seen) = (after, after);
                return Ok(message);
            }
        }
        self.seen = self.buffer.len();
        Ok(None)
    }
}

fn step(depth: usize, string: Text, byte: u8) -> (usize, Text) {
    match (string, byte) {
        (Text::Outside, b'"') => (depth, Text::Inside),
        (Text::Outside, b'{' | b'[') => (depth + 1, Text::Outside),
        (Text::Outside, b'}' | b']') => (depth - 1, Text::Outside),
        (Text::Inside, b'"') => (depth, Text::Outside),
        (Text::Inside, b'\\') => (depth, Text::Escaped),
        (Text::Escaped, _) => (depth, Text::Inside),
        (other, _) => (depth, other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn all(framer: &mut Framer) -> Result<Vec<String>, FramerError> {
        let mut messages = Vec::new();
        while let Some(message) = framer.pop()? {
            messages.push(String::from_utf8(message).unwrap());
        }
        Ok(messages)
    }

    fn cut(text: &[u8], at: usize) -> Vec<String> {
        let mut framer = Framer::default();
        framer.push(&text[..at]);
        let mut messages = all(&mut framer).unwrap();
        framer.push(&text[at..]);
        messages.extend(all(&mut framer).unwrap());
        messages
    }

    fn object() -> impl Strategy<Value = Json> {
        let leaf =
            prop_oneof![any::<String>().prop_map(Json::from), "[\\[\\]{}\"\\\\]{0,5}".prop_map(Json::from)];
        let tree = leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Json::from),
                vec(("[{}\"\\\\a]{0,3}", inner), 0..4)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        });
        tree.prop_map(|tree| json!({ "params": tree }))
    }

    proptest! {
        #[test]
        fn any_split_is_no_split(objects in vec((object(), "[ \t\r\n]{0,2}"), 0..4)) {
            let mut text = String::new();
            let mut wanted = Vec::new();
            for (object, space) in objects {
                wanted.push(object.to_string());
                text.push_str(&object.to_string());
                text.push_str(&space);
            }
            for at in 0..=text.len() {
                prop_assert_eq!(&cut(text.as_bytes(), at), &wanted, "cut at {}", at);
            }
            let mut framer = Framer::default();
            let mut singly = Vec::new();
            for byte in text.as_bytes() {
                framer.push(std::slice::from_ref(byte));
                singly.extend(all(&mut framer).unwrap());
            }
            prop_assert_eq!(singly, wanted);
        }

        #[test]
        fn hostile_bytes_never_panic(chunks in vec(vec(any::<u8>(), 0..40), 0..8)) {
            let mut framer = Framer::new(Limits { bytes: 64, depth: 4 });
            for chunk in chunks {
                framer.push(&chunk);
                // what it gives may be no text: the decoder behind it refuses that
                while let Ok(Some(_)) = framer.pop() {}
            }
        }
    }

    #[test]
    fn limits() {
        let mut framer = Framer::new(Limits { bytes: 8, depth: 3 });
        framer.push(b"{\"a\":1} ");
        assert_eq!(all(&mut framer), Ok(vec!["{\"a\":1}".to_owned()]));
        framer.push(b"{\"a\":123");
        assert_eq!(framer.pop(), Ok(None));
        framer.push(b"4");
        let error = framer.pop().unwrap_err();
        assert_eq!(error.to_string(), "a message is larger than 8 bytes: monitor fewer columns or rows");
        // and it stays so
        framer.push(b"}{}");
        assert_eq!(framer.pop(), Err(error));

        let mut framer = Framer::new(Limits { bytes: 80, depth: 3 });
        framer.push(b"{[{}]}{[{[");
        assert_eq!(framer.pop(), Ok(Some(b"{[{}]}".to_vec())));
        let told = "a message is nested deeper than 3: is this an OVSDB server?";
        assert_eq!(framer.pop().unwrap_err().to_string(), told);
    }

    #[test]
    fn garbage_between_messages() {
        let mut framer = Framer::default();
        framer.push(b"{}\nHTTP/1.1");
        assert_eq!(framer.pop(), Ok(Some(b"{}".to_vec())));
        let told = "unexpected byte 0x48 at the start of a message: is this an OVSDB server?";
        assert_eq!(framer.pop().unwrap_err().to_string(), told);
    }
}
