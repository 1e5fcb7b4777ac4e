//! Keyboard or pipe input. If the terminal cannot be reopened, a thread reads it: such a read cannot be cancelled and
//! must not block the rest.

use bytes::{Bytes, BytesMut};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::reopen_tty;

/// Ctrl-].
const ESCAPE: u8 = 0x1d;

/// Bytes read at a time.
const PIECE: usize = 16 * 1024;

/// Chunks that may wait for a slow program.
const QUEUE_LENGTH: usize = 4;

/// Next input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// Bytes for the container; confirm them with [`Keyboard::taken`].
    Typed(Bytes),
    /// Ctrl-].
    Escape,
    /// End of input.
    End,
}

/// Source of input.
#[derive(Debug)]
enum Source {
    /// A reopened terminal. Saves the delay of a thread.
    Terminal(pipe::Receiver),
    /// A thread.
    Thread(Receiver<Bytes>),
}

impl Source {
    fn open() -> Self {
        // tokio's pipe reader works for all files that poll(2) supports
        let terminal =
            reopen_tty::reader(stdin()).and_then(|file| pipe::Receiver::from_file_unchecked(file).ok());
        if let Some(terminal) = terminal {
            return Self::Terminal(terminal);
        }
        let (sender, pieces) = mpsc::channel(QUEUE_LENGTH);
        std::thread::spawn(move || read_all(&sender));
        Self::Thread(pieces)
    }

    /// The next bytes; `None`: end of input. Cancel safe.
    async fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Thread(pieces) => pieces.recv().await,
            Self::Terminal(terminal) => {
                let mut bytes = BytesMut::with_capacity(PIECE);
                // an error means that the terminal was closed
                let read = terminal.read_buf(&mut bytes).await.unwrap_or_default();
                (read > 0).then(|| bytes.freeze())
            }
        }
    }
}

/// Terminal or pipe input.
#[derive(Debug)]
pub(super) struct Keyboard {
    source: Source,
    /// Whether it is a terminal.
    pub(super) interactive: bool,
    escape: bool,
    held: Bytes,
    escaped: bool,
}

impl Keyboard {
    /// Opens standard input. `escape`: Ctrl-] ends the console.
    pub(super) fn open(interactive: bool, escape: bool) -> Self {
        Self::over(Source::open(), interactive, escape)
    }

    fn over(source: Source, interactive: bool, escape: bool) -> Self {
        Self { source, interactive, escape, held: Bytes::new(), escaped: false }
    }

    /// The next input, repeated until [`taken`](Self::taken), because the connection may break. Cancel safe.
    pub(super) async fn next(&mut self) -> Keys {
        if self.held.is_empty() && !self.escaped {
            let Some(piece) = self.source.next().await else { return Keys::End };
            self.add(&piece);
        }
        if self.held.is_empty() && self.escaped { Keys::Escape } else { Keys::Typed(self.held.clone()) }
    }

    /// Buffers input for [`next`](Self::next) until the escape key or the end. Cancel safe.
    pub(super) async fn gather(&mut self) -> Keys {
        while !self.escaped {
            let Some(piece) = self.source.next().await else { return Keys::End };
            self.add(&piece);
        }
        Keys::Escape
    }

    fn add(&mut self, piece: &Bytes) {
        let end = if self.escape { piece.iter().position(|byte| *byte == ESCAPE) } else { None };
        self.escaped = end.is_some();
        let typed = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        self.held = [&self.held, typed].concat().into();
    }

    /// Confirms that the input was sent.
    pub(super) fn taken(&mut self) {
        self.held = Bytes::new();
    }
}

fn read_all(sender: &Sender<Bytes>) {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) => return,
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(Errno::INTR) => continue,
            // another program set the shared terminal to non-blocking mode
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)], None);
                continue;
            }
            // the terminal was closed
            Err(_) => return,
        };
        if sender.blocking_send(Bytes::copy_from_slice(read)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn typed(pieces: &[&'static [u8]], escape: bool) -> Vec<Keys> {
        let (sender, receiver) = mpsc::channel(8);
        for piece in pieces {
            sender.send(Bytes::from_static(piece)).await.unwrap();
        }
        drop(sender);
        let mut keyboard = Keyboard::over(Source::Thread(receiver), true, escape);
        let mut all = Vec::new();
        loop {
            let keys = keyboard.next().await;
            assert_eq!(keyboard.next().await, keys, "the same until they are taken");
            keyboard.taken();
            all.push(keys.clone());
            if !matches!(keys, Keys::Typed(_)) {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn what_was_typed_before_the_escape_is_given_on() {
        let keys = |bytes: &'static [u8]| Keys::Typed(Bytes::from_static(bytes));
        assert_eq!(typed(&[b"a\x03", b"b\x1dc"], true).await, [keys(b"a\x03"), keys(b"b"), Keys::Escape]);
        assert_eq!(typed(&[b"\x1d"], true).await, [Keys::Escape]);
    }

    #[tokio::test]
    async fn what_is_typed_ahead_is_kept() {
        let (sender, receiver) = mpsc::channel(8);
        let mut keyboard = Keyboard::over(Source::Thread(receiver), true, true);
        for piece in ["a", "b"] {
            sender.send(Bytes::from_static(piece.as_bytes())).await.unwrap();
        }
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), keyboard.gather()).await.is_err());
        assert_eq!(keyboard.next().await, Keys::Typed(Bytes::from_static(b"ab")));
        sender.send(Bytes::from_static(b"c\x1d")).await.unwrap();
        assert_eq!(keyboard.gather().await, Keys::Escape);
    }

    #[tokio::test]
    async fn a_pipe_and_a_console_server_have_no_escape() {
        assert_eq!(typed(&[b"b\x1dc"], false).await, [Keys::Typed(Bytes::from_static(b"b\x1dc")), Keys::End]);
    }
}
