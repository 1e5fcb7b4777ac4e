//! The console: checks the container, connects, copies bytes in both directions, and restarts when the connection
//! ends.

mod events;
mod program;
mod pump;

use std::io;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use thiserror::Error;

use events::ContainerEvents;

use super::log_backfill::{self, Live, Past, Seen};
use super::look::look;
use super::screen::{Screen, of_log};
use super::signals::TerminalInput;
use super::status::{self, Situation};
use super::step::{Step, step};
use super::{ConsoleOptions, ExitReason, may_pass};
use crate::engine::{Engine, EngineError, Found, Phase, Span};
use chain::chain;

/// First retry delay for an unreachable engine. It doubles each time.
const RETRY_BACKOFF: Duration = Duration::from_millis(500);

/// Maximum retry delay.
const MAX_BACKOFF: Duration = Duration::from_secs(8);

/// Errors of a console.
#[derive(Debug, Error)]
pub(crate) enum ConsoleError {
    /// The terminal cannot be set to raw mode.
    #[error("cannot set the terminal to raw mode")]
    Terminal(#[source] io::Error),
    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The program did not start; the engine has printed the reason.
    #[error("{node} cannot run {program}: choose another program with --exec PROGRAM")]
    Program { node: String, program: String },
}

/// Next action.
enum Next {
    /// Check the container again.
    Again,
    /// End.
    Leave(ExitReason),
}

/// An open console.
pub(super) struct Session<'a> {
    engine: &'a Engine,
    node: &'a str,
    options: &'a ConsoleOptions,
    local: TerminalInput,
    screen: &'a Screen,
    situation: Situation,
    seen: Seen,
    past: Past,
    /// The last connected container.
    last: Option<Found>,
    events: Option<ContainerEvents<'a>>,
    reached: bool,
    backoff: Duration,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        node: &'a str,
        options: &'a ConsoleOptions,
        local: TerminalInput,
        screen: &'a Screen,
    ) -> Self {
        let past = options.log.map_or(Past::None, Past::Tail);
        let (situation, seen) = (Situation::Begun, Seen::default());
        Self {
            engine,
            node,
            options,
            local,
            screen,
            situation,
            seen,
            past,
            last: None,
            events: None,
            reached: false,
            backoff: RETRY_BACKOFF,
        }
    }

    /// Runs until the user leaves or the program ends.
    pub(super) async fn run(mut self) -> Result<ExitReason, ConsoleError> {
        loop {
            match self.turn().await {
                Ok(Next::Leave(left)) => return Ok(left),
                Ok(Next::Again) => {}
                Err(ConsoleError::Engine(error))
                    if self.options.server || (self.reached && may_pass(&error)) =>
                {
                    self.report(Situation::Lost(lost(&error))).await;
                    let wait = tokio::time::sleep(self.backoff);
                    self.backoff = MAX_BACKOFF.min(self.backoff * 2);
                    if let Err(left) = self.local.during(self.screen, wait).await {
                        return Ok(left);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn turn(&mut self) -> Result<Next, ConsoleError> {
        let looked = SystemTime::now();
        let (engine, node) = (self.engine, self.node);
        let found = match self.local.soon(self.screen, look(engine, node)).await {
            Ok(looked) => looked?,
            Err(left) => return Ok(Next::Leave(left)),
        };
        self.backoff = RETRY_BACKOFF;
        let (found, why) = match found {
            Ok(found) => (Some(found), None),
            Err(why) => (None, Some(why)),
        };
        self.begin(found.as_ref(), looked).await?;
        match (step(found.as_ref(), self.options.exec.is_some()), found) {
            (Step::Attach, Some(found)) => self.attach(&found).await,
            (Step::Shell, Some(found)) => self.shell(&found).await,
            (_, found) => {
                self.report(why.as_ref().map_or_else(|| status::waiting(found.as_ref()), status::unusable))
                    .await;
                // kept until we can connect to the container
                let events = self.events.get_or_insert_with(|| ContainerEvents::new(engine, node));
                let happened = self.local.during(self.screen, events.next()).await;
                Ok(happened.map_or_else(Next::Leave, |()| Next::Again))
            }
        }
    }

    /// Determines the part of the log to show.
    async fn begin(&mut self, found: Option<&Found>, looked: SystemTime) -> Result<(), ConsoleError> {
        if std::mem::replace(&mut self.reached, true) {
            return Ok(());
        }
        let attaches = step(found, self.options.exec.is_some()) == Step::Attach;
        if let (Some(found), Past::Tail(lines)) = (found, self.past)
            && !(attaches && found.phase == Phase::Running)
        {
            self.show_log(found, lines).await?;
        }
        match found.map(|found| found.phase) {
            Some(Phase::Running | Phase::Paused) => {}
            None | Some(Phase::Created) => self.past = Past::All,
            Some(_) => self.past = Past::Since(looked),
        }
        Ok(())
    }

    async fn show_log(&mut self, found: &Found, lines: u64) -> Result<(), ConsoleError> {
        let mut pieces = self.engine.past(found, Span { tail: Some(lines), ..Span::default() }).await?;
        while let Some(piece) = pieces.next().await {
            self.screen.show(of_log(piece?)).await;
        }
        Ok(())
    }

    /// Attaches to the container's terminal.
    async fn attach(&mut self, found: &Found) -> Result<Next, ConsoleError> {
        let (engine, screen) = (self.engine, self.screen);
        let asked = SystemTime::now();
        let connecting = async {
            let channel = engine.attach(&found.id).await?;
            let made = SystemTime::now();
            Ok::<_, EngineError>((channel, made, engine.find(&found.id).await?))
        };
        let (mut channel, made, now) = match self.local.soon(screen, connecting).await {
            Ok(connected) => connected?,
            Err(left) => return Ok(Next::Leave(left)),
        };
        let Some(now) = now else { return Ok(Next::Again) };
        self.events = None;
        let runs = now.phase == Phase::Running;
        if !now.listens && self.last.is_none() {
            screen.say("the container does not read this terminal (OpenStdin is not set); start a shell with --exec").await;
        }
        self.arrive(&now).await;
        if runs && self.past != Past::None {
            let live = Live { output: &mut channel.output, asked, made };
            let filling = log_backfill::fill(engine, &now, self.past, live, (&mut self.seen, screen));
            match self.local.soon(screen, filling).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if may_pass(&error) => return Err(error.into()),
                Ok(Err(error)) => {
                    screen
                        .say(&format!("cannot show the output since the connection ended: {}", chain(&error)))
                        .await;
                }
                Err(left) => return Ok(Next::Leave(left)),
            }
        }
        self.past = Past::Since(made);
        self.pump_terminal(&now, channel).await
    }

    /// Reports the state of the connected container.
    async fn arrive(&mut self, now: &Found) {
        let anew = self.last.as_ref().is_some_and(|last| last.started != now.started || last.id != now.id);
        let situation = match now.phase {
            Phase::Running if anew => Situation::Restarted,
            Phase::Running => Situation::Connected,
            _ => status::waiting(Some(now)),
        };
        self.report(situation).await;
        if now.phase == Phase::Running {
            self.situation = Situation::Connected;
            self.last = Some(now.clone());
        }
    }

    async fn report(&mut self, now: Situation) {
        let escape = self.local.keyboard.interactive && !self.options.server;
        if let Some(text) = status::message(&self.situation, &now, escape) {
            self.screen.say(&text).await;
        }
        self.situation = now;
    }
}

/// Message for a broken connection, without internals.
fn lost(error: &EngineError) -> String {
    if let EngineError::Answer { .. } = error { error.to_string() } else { chain(error) }
}
