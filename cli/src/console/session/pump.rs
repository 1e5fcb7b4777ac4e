//! Bytes both ways. Each way goes at its own pace, and neither keeps a signal or a changed window waiting.

use std::io;
use std::time::SystemTime;

use rustix::process::Signal;

use super::happenings::Happenings;
use super::{ConsoleError, Next, Session};
use crate::console::Left;
use crate::console::gap::Past;
use crate::console::keyboard::{Keyboard, Keys};
use crate::console::look::look;
use crate::console::screen::Screen;
use crate::console::words::Situation;
use crate::engine::{Channel, Engine, Exec, Found, Input, Output, Phase, Size, Tty};

impl Session<'_> {
    /// Until the terminal's stream ends, or somebody leaves.
    pub(super) async fn pump_terminal(
        &mut self,
        found: &Found,
        channel: Channel,
    ) -> Result<Next, ConsoleError> {
        let (engine, screen, node) = (self.engine, self.screen, self.node);
        let Channel { mut output, mut input } = channel;
        let tty = Tty::Container(&found.id);
        let runs = found.phase == Phase::Running;
        let size = self.desk.size();
        if runs && let Err(left) = self.desk.soon(screen, redraw(engine, tty, size)).await {
            return Ok(Next::Leave(left));
        }
        let (mut last, mut started) = (None, None);
        let (keyboard, mut watch) = self.desk.parts();
        let next = tokio::select! {
            _ = show(&mut output, screen, |bytes| { self.seen.take(bytes); last = Some(SystemTime::now()); }) => Next::Again,
            left = typed(keyboard, &mut input, false) => left,
            left = watch.next(|size| resize(engine, tty, size)) => Next::Leave(left),
            () = screen.left() => Next::Leave(Left::Reader),
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

    /// Until the program ends (`None`), or somebody leaves.
    pub(super) async fn pump_shell(&mut self, exec: &Exec, channel: Channel) -> Option<Left> {
        let (engine, screen) = (self.engine, self.screen);
        let Channel { mut output, mut input } = channel;
        let tty = Tty::Exec(exec);
        if let Some(size) = self.desk.size()
            && let Err(left) = self.desk.soon(screen, resize(engine, tty, size)).await
        {
            return Some(left);
        }
        let half_close = !self.desk.keyboard.interactive;
        let (keyboard, mut watch) = self.desk.parts();
        let next = tokio::select! {
            _ = show(&mut output, screen, |_| {}) => return None,
            next = typed(keyboard, &mut input, half_close) => next,
            left = watch.next(|size| resize(engine, tty, size)) => return Some(left),
            () = screen.left() => return Some(Left::Reader),
        };
        match next {
            Next::Leave(left) => Some(left),
            Next::Again => None,
        }
    }
}

/// Shows all that comes until there is no more.
async fn show(output: &mut Output, screen: &Screen, mut note: impl FnMut(&[u8])) -> io::Result<()> {
    while let Some(piece) = output.next().await? {
        note(&piece.bytes);
        screen.show(piece).await;
    }
    Ok(())
}

/// Gives on what is typed. At the end of a pipe a program is told so where that does not end what it writes
/// (`half_close`); its output goes on.
async fn typed(keyboard: &mut Keyboard, input: &mut Input, half_close: bool) -> Next {
    loop {
        match keyboard.next().await {
            Keys::Typed(bytes) => match input.write(&bytes).await {
                Ok(()) => keyboard.taken(),
                // what was written before is still to come: the other way tells the end
                Err(_) => return std::future::pending().await,
            },
            Keys::Escape => return Next::Leave(Left::Keys),
            Keys::End if keyboard.interactive => return Next::Leave(Left::Signal(Signal::HUP.as_raw())),
            Keys::End => {
                if half_close {
                    let _ = input.close().await;
                }
                return std::future::pending().await;
            }
        }
    }
}

/// Tells when a container that was attached to before its start has started (`started` is then the container), and ends when
/// another one, or none, has its name: the engine goes on waiting for one that is removed.
async fn herald(
    engine: &Engine,
    (node, found): (&str, &Found),
    screen: &Screen,
    started: &mut Option<Found>,
) {
    let mut happenings = Happenings::new(engine, node);
    loop {
        happenings.next().await;
        match look(engine, node).await {
            Ok(Ok(now)) if now.id != found.id => return,
            Ok(Err(_)) => return,
            Ok(Ok(now)) if now.phase == Phase::Running => {
                screen.say("started").await;
                *started = Some(now);
                return std::future::pending().await;
            }
            // the stream's end tells what else may be
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}

async fn resize(engine: &Engine, tty: Tty<'_>, size: Size) {
    // a program that ended meanwhile has no size
    let _ = engine.resize(tty, size).await;
}

/// A program that paints its screen paints it again when the size changes, and only then.
async fn redraw(engine: &Engine, tty: Tty<'_>, size: Option<Size>) {
    if let Some(size) = size {
        resize(engine, tty, Size { rows: size.rows.saturating_add(1), ..size }).await;
        resize(engine, tty, size).await;
    }
}
