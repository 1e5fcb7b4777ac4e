//! Reads output that a container wrote while no connection existed from its log, and joins it with the output of the
//! new connection, without loss or repetition.
//!
//! The log ends with the last complete line, a terminal with the last byte. Only a partial line (a prompt) that was
//! written meanwhile is in neither.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use tokio::time::Instant;

use super::log_overlap::{self, OVERLAP};
use super::screen::{Screen, of_log};
use crate::engine::{Difference, Engine, EngineError, Found, HostTime, Output, Span};

/// Range of log before the last received byte, to find the position of shown output.
const SEARCH_MARGIN: Duration = Duration::from_secs(10);

/// Bytes to search beyond the position by time.
const SEARCH_LIMIT: usize = 1 << 20;

/// Delay until logged output arrives on the connection.
const DELIVERY_DELAY: Duration = Duration::from_millis(200);

/// Delay until output before the connection is in the log: the engine copies each line to log and connections
/// independently (moby, daemon/logger/copier.go).
const LOG_DELAY: Duration = Duration::from_millis(200);

/// Part of the log to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// Nothing.
    None,
    /// The last lines.
    Tail(u64),
    /// All.
    All,
    /// Since a time of our clock.
    Since(SystemTime),
}

/// The last shown output.
#[derive(Debug, Default)]
pub(super) struct Seen(BytesMut);

impl Seen {
    /// Appends output.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 16 * OVERLAP {
            self.0 = self.0.split_off(self.0.len() - OVERLAP);
        }
    }
}

/// A new connection.
#[derive(Debug)]
pub(super) struct Live<'a> {
    /// Its output.
    pub(super) output: &'a mut Output,
    /// Time of the request.
    pub(super) asked: SystemTime,
    /// Time when it was established.
    pub(super) made: SystemTime,
}

/// Shows the log of `found`, then the output of the connection.
pub(super) async fn fill(
    engine: &Engine,
    found: &Found,
    past: Past,
    live: Live<'_>,
    (seen, screen): (&mut Seen, &Screen),
) -> Result<(), EngineError> {
    let work = Work { engine, found, screen };
    let Live { output, asked, made } = live;
    let mut came = Vec::new();
    let fetching = async {
        if past != Past::None {
            tokio::time::sleep(LOG_DELAY).await;
        }
        work.fetch(past, seen, (asked, made)).await
    };
    let fetched = listening(output, &mut came, fetching).await;
    settle(output, &mut came).await;
    let result = match fetched {
        Ok((mut log, guess)) => {
            log.truncate(log_overlap::before_live(&log, &came, guess));
            work.show(log, seen).await;
            Ok(())
        }
        Err(error) => Err(error),
    };
    work.show(came, seen).await;
    result
}

struct Work<'a> {
    engine: &'a Engine,
    found: &'a Found,
    screen: &'a Screen,
}

impl Work<'_> {
    /// Log from the first byte that was not shown, and the length of the part that is older than the connection. Older
    /// parts are shown immediately, because the log may be large.
    async fn fetch(
        &self,
        past: Past,
        seen: &mut Seen,
        (asked, made): (SystemTime, SystemTime),
    ) -> Result<(Vec<u8>, usize), EngineError> {
        let clock = self.engine.clock().await?;
        let made = clock.there(made);
        let guess = |log: &[u8], late: usize| log.len().saturating_sub(late);
        match past {
            Past::None => Ok((Vec::new(), 0)),
            Past::Tail(_) | Past::All => {
                let tail = if let Past::Tail(lines) = past { Some(lines) } else { None };
                let log = self.log(Span { tail, ..Span::default() }).await?;
                let late = self.length(Span { since: Some(made), ..Span::default() }).await?;
                let old = guess(&log, late);
                Ok((log, old))
            }
            Past::Since(time) => {
                let asked = clock.there(asked).before(clock.doubt);
                let recent = self.log(Span { since: Some(asked.next()), ..Span::default() }).await?;
                let late = self.length(Span { since: Some(made), ..Span::default() }).await?;
                let log = self.since((time, &clock), asked, recent, seen).await?;
                let old = guess(&log, late);
                Ok((log, old))
            }
        }
    }

    /// Log from `time` up to `asked`, followed by `recent`, without shown parts.
    async fn since(
        &self,
        (time, clock): (SystemTime, &Difference),
        asked: HostTime,
        recent: Vec<u8>,
        seen: &mut Seen,
    ) -> Result<Vec<u8>, EngineError> {
        let time = clock.there(time).before(clock.doubt);
        let from = if seen.0.is_empty() { time } else { time.before(SEARCH_MARGIN) };
        let old = self.length(Span { since: Some(from), until: Some(time), tail: None }).await?;
        let old = if seen.0.is_empty() { 0 } else { old };
        let mut pieces =
            self.engine.past(self.found, Span { since: Some(from), until: Some(asked), tail: None }).await?;
        let mut log = Vec::new();
        while let Some(piece) = pieces.try_next().await? {
            log.extend_from_slice(&piece);
            if log.len() > old + SEARCH_LIMIT {
                let shown = log_overlap::after_seen(&log, &seen.0, old);
                self.show(log.split_off(shown), seen).await;
                while let Some(piece) = pieces.try_next().await? {
                    self.show(piece.into(), seen).await;
                }
                return Ok(recent);
            }
        }
        log.extend(recent);
        Ok(log.split_off(log_overlap::after_seen(&log, &seen.0, old)))
    }

    async fn log(&self, span: Span) -> Result<Vec<u8>, EngineError> {
        let pieces = self.engine.past(self.found, span).await?;
        pieces
            .try_fold(Vec::new(), |mut all, piece| async move {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await
    }

    async fn length(&self, span: Span) -> Result<usize, EngineError> {
        self.engine
            .past(self.found, span)
            .await?
            .try_fold(0, |sum, piece| async move { Ok(sum + piece.len()) })
            .await
    }

    async fn show(&self, bytes: Vec<u8>, seen: &mut Seen) {
        seen.take(&bytes);
        if !bytes.is_empty() {
            self.screen.show(of_log(Bytes::from(bytes))).await;
        }
    }
}

/// Runs `work` and collects the output of the connection meanwhile.
async fn listening<T>(output: &mut Output, came: &mut Vec<u8>, work: impl Future<Output = T>) -> T {
    let hear = async {
        while let Ok(Some(piece)) = output.next().await {
            came.extend_from_slice(&piece.bytes);
        }
        // the next reader sees the end again
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        done = work => done,
        never = hear => match never {},
    }
}

async fn settle(output: &mut Output, came: &mut Vec<u8>) {
    let until = Instant::now() + DELIVERY_DELAY;
    while came.len() < SEARCH_LIMIT
        && let Ok(Ok(Some(piece))) = tokio::time::timeout_at(until, output.next()).await
    {
        came.extend_from_slice(&piece.bytes);
    }
}
