//! What is shown. A terminal is given what it takes at once; all else a thread writes: a terminal that takes nothing, or a pipe
//! that nobody empties, must not keep us from hearing a signal.

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

use super::own;
use crate::engine::Piece;

/// Pieces on their way; then the container has to wait, as with a real terminal.
const HELD: usize = 16;

/// How long a terminal may take for the last of it when we are told to go.
const LAST: Duration = Duration::from_millis(300);

/// Our standard output and standard error.
#[derive(Debug)]
pub(super) struct Screen {
    /// Our terminal, opened once more.
    terminal: Option<File>,
    pieces: Sender<Piece>,
    /// Pieces that the thread has not written yet.
    waiting: Arc<AtomicUsize>,
    gone: watch::Receiver<bool>,
    written: oneshot::Receiver<()>,
    node: String,
    raw: bool,
    quiet: bool,
}

impl Screen {
    /// Ours; `raw`: lines need their carriage returns.
    pub(super) fn open(node: &str, raw: bool, quiet: bool) -> Self {
        let (pieces, all) = mpsc::channel(HELD);
        let (tell_gone, gone) = watch::channel(false);
        let (tell_written, written) = oneshot::channel();
        let tell_closed = tell_gone.clone();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        std::thread::spawn(move || {
            wait_until_closed();
            // nobody waits for it where we are leaving anyway
            let _ = tell_closed.send(true);
        });
        std::thread::spawn(move || {
            if write_all(all, &left).is_err() {
                let _ = tell_gone.send(true);
            }
            let _ = tell_written.send(());
        });
        let terminal = own::writer(stdout());
        Self { terminal, pieces, waiting, gone, written, node: node.to_owned(), raw, quiet }
    }

    /// Shows what a program wrote; waits while nothing is taken.
    pub(super) async fn show(&self, piece: Piece) {
        let Some(rest) = self.after_terminal(piece) else { return };
        // a reader that left is told by `left`
        if let Ok(place) = self.pieces.reserve().await {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            place.send(rest);
        }
    }

    /// What the terminal does not take at once; all of it while something before it waits.
    fn after_terminal(&self, mut piece: Piece) -> Option<Piece> {
        let free = !piece.from_stderr && self.waiting.load(Ordering::Acquire) == 0;
        if let Some(terminal) = self.terminal.as_ref().filter(|_| free) {
            while !piece.bytes.is_empty()
                && let Ok(written @ 1..) = rustix::io::write(terminal, &piece.bytes)
            {
                piece.bytes.advance(written);
            }
        }
        // what is wrong with a terminal the thread finds out
        (!piece.bytes.is_empty()).then_some(piece)
    }

    /// Says something of our own, to standard error.
    pub(super) async fn say(&self, text: &str) {
        if !self.quiet {
            let bytes = sentence(&self.node, text, self.raw).into();
            self.show(Piece { from_stderr: true, bytes }).await;
        }
    }

    /// The same for the last word: one that a stuck terminal has no room for stays unsaid.
    pub(super) async fn say_at_last(&self, text: &str) {
        let _ = tokio::time::timeout(LAST, self.say(text)).await;
    }

    /// Ends when nobody reads any more.
    pub(super) async fn left(&self) {
        let mut gone = self.gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            // all was written, and nobody left
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the last of it to be written: as long as it takes, or a moment.
    pub(super) async fn close(self, patient: bool) {
        drop(self.pieces);
        let limit = if patient { Duration::MAX } else { LAST };
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
            // a standard error that is closed is no reason to stop
            true => drop(write(stderr(), &piece.bytes)),
            false => write(stdout(), &piece.bytes)?,
        }
        waiting.fetch_sub(1, Ordering::AcqRel);
    }
    Ok(())
}

/// A reader of a pipe that leaves while nothing is written is told by the system alone; what is no pipe is never closed.
fn wait_until_closed() {
    let mut output = [PollFd::from_borrowed_fd(stdout(), PollFlags::empty())];
    while poll(&mut output, None) == Err(Errno::INTR) {}
}

/// Not by `std`, which holds back what has no end of line.
fn write(to: BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // another program made the terminal that we share so
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::from_borrowed_fd(to, PollFlags::OUT)], None)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Bytes of a log have no stream of their own.
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
