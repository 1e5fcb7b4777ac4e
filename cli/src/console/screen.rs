//! Output. A terminal gets what it accepts without blocking; a thread writes the rest: a blocked terminal or pipe must
//! not delay signals.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::{stderr, stdout};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{oneshot, watch};

use super::reopen_tty;
use crate::engine::Piece;

/// Limit of queued chunks; beyond it the container must wait, as with a real terminal.
const QUEUE_LENGTH: usize = 16;

/// Time limit for the last output when we end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// Our standard output and standard error.
#[derive(Debug)]
pub(super) struct Screen {
    /// Our terminal, reopened.
    terminal: Option<File>,
    pieces: Sender<Piece>,
    /// Chunks that the thread has not written.
    waiting: Arc<AtomicUsize>,
    gone: watch::Receiver<bool>,
    written: oneshot::Receiver<()>,
    node: String,
    raw: bool,
    quiet: bool,
}

impl Screen {
    /// Opens standard output. `raw`: lines need carriage returns.
    pub(super) fn open(node: &str, raw: bool, quiet: bool) -> Self {
        let (pieces, all) = mpsc::channel(QUEUE_LENGTH);
        let (tell_gone, gone) = watch::channel(false);
        let (tell_written, written) = oneshot::channel();
        let tell_closed = tell_gone.clone();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        std::thread::spawn(move || {
            wait_until_closed();
            // not awaited when we end
            let _ = tell_closed.send(true);
        });
        std::thread::spawn(move || {
            if write_all(all, &left).is_err() {
                let _ = tell_gone.send(true);
            }
            let _ = tell_written.send(());
        });
        let terminal = reopen_tty::writer(stdout());
        Self { terminal, pieces, waiting, gone, written, node: node.to_owned(), raw, quiet }
    }

    /// Shows output of a program. Waits while the queue is full.
    pub(super) async fn show(&self, piece: Piece) {
        let Some(rest) = self.after_terminal(piece) else { return };
        // [`closed`](Self::closed) reports a closed output
        if let Ok(place) = self.pieces.reserve().await {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            place.send(rest);
        }
    }

    /// Writes to the terminal and returns the rest. Returns everything if chunks are queued.
    fn after_terminal(&self, mut piece: Piece) -> Option<Piece> {
        let free = !piece.from_stderr && self.waiting.load(Ordering::Acquire) == 0;
        if let Some(terminal) = self.terminal.as_ref().filter(|_| free) {
            while !piece.bytes.is_empty()
                && let Ok(written @ 1..) = rustix::io::write(terminal, &piece.bytes)
            {
                piece.bytes.advance(written);
            }
        }
        // the thread reports errors of the terminal
        (!piece.bytes.is_empty()).then_some(piece)
    }

    /// Prints a message to standard error.
    pub(super) async fn say(&self, text: &str) {
        if !self.quiet {
            let bytes = sentence(&self.node, text, self.raw).into();
            self.show(Piece { from_stderr: true, bytes }).await;
        }
    }

    /// Prints the last message. It is dropped if a blocked terminal has no room.
    pub(super) async fn say_at_last(&self, text: &str) {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.say(text)).await;
    }

    /// Returns when the output is closed.
    pub(super) async fn closed(&self) {
        let mut gone = self.gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            // all was written and the output is open
            std::future::pending::<()>().await;
        }
    }

    /// Waits until all is written: without limit, or for a moment.
    pub(super) async fn close(self, patient: bool) {
        drop(self.pieces);
        let limit = if patient { Duration::MAX } else { CLOSE_TIMEOUT };
        let _ = tokio::time::timeout(limit, self.written).await;
    }
}

fn sentence(node: &str, text: &str, raw: bool) -> String {
    let end = if raw { "\r\n" } else { "\n" };
    let begin = if raw { end } else { "" };
    format!("{begin}[{node}: {text}]{end}")
}

fn write_all(mut pieces: Receiver<Piece>, waiting: &AtomicUsize) -> rustix::io::Result<()> {
    while let Some(piece) = pieces.blocking_recv() {
        match piece.from_stderr {
            // ignore a closed standard error
            true => drop(write(stderr(), &piece.bytes)),
            false => write(stdout(), &piece.bytes)?,
        }
        waiting.fetch_sub(1, Ordering::AcqRel);
    }
    Ok(())
}

/// Waits until the reader of a pipe closes it; other files are never closed.
fn wait_until_closed() {
    let mut output = [PollFd::from_borrowed_fd(stdout(), PollFlags::empty())];
    while poll(&mut output, None) == Err(Errno::INTR) {}
}

/// Does not use `std`, which buffers partial lines.
fn write(to: BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // another program set the shared terminal to non-blocking mode
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::from_borrowed_fd(to, PollFlags::OUT)], None)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Output from a log, without a stream.
pub(super) fn of_log(bytes: Bytes) -> Piece {
    Piece { from_stderr: false, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_words_stand_on_a_line_of_their_own() {
        assert_eq!(sentence("host1c1", "started", false), "[host1c1: started]\n");
        assert_eq!(sentence("host1c1", "started", true), "\r\n[host1c1: started]\r\n");
    }
}
