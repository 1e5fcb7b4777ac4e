//! Copies bytes in both directions. Each direction is independent, and neither blocks signals and window changes.

use std::io;
use std::time::SystemTime;

use rustix::process::Signal;

use super::events::ContainerEvents;
use super::{ConsoleError, Next, Session};
use crate::console::ExitReason;
use crate::console::keyboard::{Keyboard, Keys};
use crate::console::log_backfill::Past;
use crate::console::look::look;
use crate::console::screen::Screen;
use crate::console::status::Situation;
use crate::engine::{Channel, Engine, Exec, Found, Input, Output, Phase, Size, Tty};

impl Session<'_> {
    /// Runs until the stream ends or the user leaves.
    pub(super) async fn pump_terminal(
        &mut self,
        found: &Found,
        channel: Channel,
    ) -> Result<Next, ConsoleError> {
        let (engine, screen, node) = (self.engine, self.screen, self.node);
        let Channel { mut output, mut input } = channel;
        let tty = Tty::Container(&found.id);
        let runs = found.phase == Phase::Running;
        let size = self.local.size();
        if runs && let Err(left) = self.local.soon(screen, redraw(engine, tty, size)).await {
            return Ok(Next::Leave(left));
        }
        let (mut last, mut started) = (None, None);
        let (keyboard, mut watch) = self.local.parts();
        let next = tokio::select! {
            _ = show(&mut output, screen, |bytes| { self.seen.take(bytes); last = Some(SystemTime::now()); }) => Next::Again,
            left = typed(keyboard, &mut input, false) => left,
            left = watch.next(|size| resize(engine, tty, size)) => Next::Leave(left),
            () = screen.closed() => Next::Leave(ExitReason::OutputClosed),
            () = herald(engine, (node, found), screen, &mut started), if !runs => Next::Again,
        };
        if let Some(last) = last {
            self.past = Past::Since(last);
        }
        if started.is_some() {
            self.situation = Situation::Connected;
            self.last = started;
        }
        if self.situation == Situation::Connected {
            self.situation = Situation::Ended;
        }
        Ok(next)
    }

    /// Runs until the program ends (`None`) or the user leaves.
    pub(super) async fn pump_shell(&mut self, exec: &Exec, channel: Channel) -> Option<ExitReason> {
        let (engine, screen) = (self.engine, self.screen);
        let Channel { mut output, mut input } = channel;
        let tty = Tty::Exec(exec);
        if let Some(size) = self.local.size()
            && let Err(left) = self.local.soon(screen, resize(engine, tty, size)).await
        {
            return Some(left);
        }
        let half_close = !self.local.keyboard.interactive;
        let (keyboard, mut watch) = self.local.parts();
        let next = tokio::select! {
            _ = show(&mut output, screen, |_| {}) => return None,
            next = typed(keyboard, &mut input, half_close) => next,
            left = watch.next(|size| resize(engine, tty, size)) => return Some(left),
            () = screen.closed() => return Some(ExitReason::OutputClosed),
        };
        match next {
            Next::Leave(left) => Some(left),
            Next::Again => None,
        }
    }
}

/// Shows output until its end.
async fn show(output: &mut Output, screen: &Screen, mut note: impl FnMut(&[u8])) -> io::Result<()> {
    while let Some(piece) = output.next().await? {
        note(&piece.bytes);
        screen.show(piece).await;
    }
    Ok(())
}

/// Sends input. At the end of a pipe the program gets end of file if that does not end its output (`half_close`).
async fn typed(keyboard: &mut Keyboard, input: &mut Input, half_close: bool) -> Next {
    loop {
        match keyboard.next().await {
            Keys::Typed(bytes) => match input.write(&bytes).await {
                Ok(()) => keyboard.taken(),
                // output may still arrive: the other direction reports the end
                Err(_) => return std::future::pending().await,
            },
            Keys::Escape => return Next::Leave(ExitReason::Keys),
            Keys::End if keyboard.interactive => {
                return Next::Leave(ExitReason::Signal(Signal::HUP.as_raw()));
            }
            Keys::End => {
                if half_close {
                    let _ = input.close().await;
                }
                return std::future::pending().await;
            }
        }
    }
}

/// Reports the start of a container that was attached before its start (`started` then has the container). Returns
/// when the name belongs to another container or to none: the engine waits forever for a removed one.
async fn herald(
    engine: &Engine,
    (node, found): (&str, &Found),
    screen: &Screen,
    started: &mut Option<Found>,
) {
    let mut events = ContainerEvents::new(engine, node);
    loop {
        events.next().await;
        match look(engine, node).await {
            Ok(Ok(now)) if now.id != found.id => return,
            Ok(Err(_)) => return,
            Ok(Ok(now)) if now.phase == Phase::Running => {
                screen.say("started").await;
                *started = Some(now);
                return std::future::pending().await;
            }
            // the end of the stream reports other changes
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}

async fn resize(engine: &Engine, tty: Tty<'_>, size: Size) {
    // a program that has ended has no size
    let _ = engine.resize(tty, size).await;
}

/// Makes a full-screen program redraw: it does so only when the size changes.
async fn redraw(engine: &Engine, tty: Tty<'_>, size: Option<Size>) {
    if let Some(size) = size {
        resize(engine, tty, Size { rows: size.rows.saturating_add(1), ..size }).await;
        resize(engine, tty, size).await;
    }
}
