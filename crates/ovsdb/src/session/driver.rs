//! The task that owns the connection: reads, writes, waits and reconnects. The session decides what is sent.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf, split};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::{Command, Session};
use crate::error::ConnectionError;
use crate::framer::{Framer, Limits};
use crate::message::Message;
use crate::options::Options;
use crate::remote::Remote;
use crate::transport::{Dialer, Stream};

/// With more unwritten bytes than this, commands wait.
const MAX_UNWRITTEN: usize = 1 << 20;

pub(crate) struct Driver {
    session: Session,
    commands: UnboundedReceiver<Command>,
    dialer: Dialer,
    remotes: Vec<Remote>,
    attempt: Duration,
    probe: Duration,
    limits: Limits,
}

/// All clients were dropped.
struct NoClients;

impl Driver {
    pub(crate) fn new(
        session: Session,
        commands: UnboundedReceiver<Command>,
        dialer: Dialer,
        options: Options,
    ) -> Self {
        let Options { remotes, attempt, probe, limits, .. } = options;
        Self { session, commands, dialer, remotes, attempt, probe, limits }
    }

    /// Runs until all clients were dropped.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(self.remotes.len());
        for remote in self.remotes.clone().iter().cycle() {
            let Ok((reason, lasted)) = self.connection(remote).await else { return };
            self.session.closed(reason);
            let pause = sleep(backoff.next(lasted, jitter()));
            if self.with_commands(pause).await.is_err() {
                return;
            }
        }
    }

    /// Runs one connection. Returns why it ended, and how long it was usable.
    async fn connection(&mut self, remote: &Remote) -> Result<(ConnectionError, Duration), NoClients> {
        let limit = later(Instant::now(), self.attempt);
        let dialer = self.dialer.clone();
        let stream = match self.with_commands(timeout_at(limit, dialer.dial(remote))).await? {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Ok((error, Duration::ZERO)),
            Err(_) => return Ok((self.timeout(remote), Duration::ZERO)),
        };
        self.session.opened(remote);
        let mut ready = None;
        let reason = self.talk(remote, stream, limit, &mut ready).await?;
        Ok((reason, ready.map(|since: Instant| since.elapsed()).unwrap_or_default()))
    }

    fn timeout(&self, remote: &Remote) -> ConnectionError {
        ConnectionError::Timeout { remote: remote.clone(), limit: self.attempt }
    }

    /// Waits for a future, and handles commands meanwhile.
    async fn with_commands<T>(&mut self, other: impl Future<Output = T>) -> Result<T, NoClients> {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return Ok(done),
                command = self.commands.recv() => self.session.command(command.ok_or(NoClients)?),
            }
        }
    }

    async fn talk(
        &mut self,
        remote: &Remote,
        stream: Box<dyn Stream>,
        limit: Instant,
        ready: &mut Option<Instant>,
    ) -> Result<ConnectionError, NoClients> {
        let broken = |source| ConnectionError::Broken { remote: remote.clone(), source: Arc::new(source) };
        let (mut reader, mut writer) = split(stream);
        let (mut framer, mut buffer) = (Framer::new(self.limits), vec![0; 64 << 10]);
        let (mut heard, mut probed, mut unflushed) = (Instant::now(), false, false);
        loop {
            if ready.is_none() && self.session.is_ready() {
                *ready = Some(Instant::now());
            }
            let silence = if probed { self.probe.saturating_mul(2) } else { self.probe };
            let alarm = if ready.is_none() { limit } else { later(heard, silence) };
            let unwritten = self.session.out().len();
            tokio::select! {
                read = reader.read(&mut buffer) => {
                    let read = match read {
                        Ok(0) => return Ok(ConnectionError::Ended(remote.clone())),
                        Ok(read) => read,
                        Err(error) => return Ok(broken(error)),
                    };
                    (heard, probed) = (Instant::now(), false);
                    framer.push(buffer.get(..read).unwrap_or_default());
                    if let Err(error) = self.take_messages(remote, &mut framer) {
                        return Ok(error);
                    }
                }
                pushed = push(&mut writer, self.session.out()), if unwritten > 0 || unflushed => match pushed {
                    Ok(pushed) => {
                        self.session.out().drain(..pushed);
                        unflushed = pushed > 0;
                    }
                    Err(error) => return Ok(broken(error)),
                },
                command = self.commands.recv(), if unwritten < MAX_UNWRITTEN => {
                    self.session.command(command.ok_or(NoClients)?);
                }
                () = sleep_until(alarm) => match (ready.is_some(), probed) {
                    (false, _) => return Ok(self.timeout(remote)),
                    (true, true) => return Ok(ConnectionError::Silent { remote: remote.clone(), silence }),
                    (true, false) => {
                        self.session.probe();
                        probed = true;
                    }
                },
            }
        }
    }

    fn take_messages(&mut self, remote: &Remote, framer: &mut Framer) -> Result<(), ConnectionError> {
        loop {
            let frame = |source| ConnectionError::Frame { remote: remote.clone(), source };
            let Some(text) = framer.pop().map_err(frame)? else { return Ok(()) };
            let message = Message::parse(&text);
            let message =
                message.map_err(|source| ConnectionError::Message { remote: remote.clone(), source })?;
            self.session.message(message)?;
        }
    }
}

/// `Duration::MAX` means no limit, and exceeds the range of clocks.
fn later(now: Instant, delay: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    now + delay.min(YEAR)
}

/// Writes a part of `out`, or flushes if it is empty. Cancelling either loses nothing.
async fn push(writer: &mut WriteHalf<Box<dyn Stream>>, out: &[u8]) -> io::Result<usize> {
    match out {
        [] => writer.flush().await.map(|()| 0),
        some => writer.write(some).await,
    }
}

/// A random number between 0 and 1, from the keys of the standard library's hash maps.
fn jitter() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}
