//! The local side of a console: keys, signals, terminal.

use std::io;

use rustix::process::{Signal as Number, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ExitReason;
use super::keyboard::{Keyboard, Keys};
use super::screen::Screen;
use super::terminal::Terminal;
use crate::engine::Size;

/// Handled signals.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
    stop: Signal,
    window: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            // SIGTSTP, which has no name in tokio
            stop: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            window: signal(SignalKind::window_change())?,
        })
    }
}

/// Local side of a console.
#[derive(Debug)]
pub(super) struct TerminalInput {
    /// Input.
    pub(super) keyboard: Keyboard,
    /// Signals.
    pub(super) signals: Signals,
    /// Our terminal, if there is one.
    pub(super) terminal: Option<Terminal>,
}

/// The parts of a [`TerminalInput`] that are watched while its keyboard is in use.
pub(super) struct Watch<'a> {
    signals: &'a mut Signals,
    terminal: Option<&'a Terminal>,
}

impl TerminalInput {
    /// Splits keyboard and the rest, for concurrent use.
    pub(super) fn parts(&mut self) -> (&mut Keyboard, Watch<'_>) {
        let Self { keyboard, signals, terminal } = self;
        (keyboard, Watch { signals, terminal: terminal.as_ref() })
    }

    /// Size of our terminal, if it has one.
    pub(super) fn size(&self) -> Option<Size> {
        self.terminal.as_ref().and_then(Terminal::size)
    }

    /// Runs short work. The user may leave meanwhile, and input is kept.
    pub(super) async fn soon<T>(
        &mut self,
        screen: &Screen,
        work: impl Future<Output = T>,
    ) -> Result<T, ExitReason> {
        let (keyboard, mut watch) = self.parts();
        watch.unless_left(screen, ahead(keyboard), work).await
    }

    /// Runs long work. The user may leave meanwhile, and typed input is discarded.
    pub(super) async fn during<T>(
        &mut self,
        screen: &Screen,
        work: impl Future<Output = T>,
    ) -> Result<T, ExitReason> {
        let (keyboard, mut watch) = self.parts();
        watch.unless_left(screen, ignored(keyboard), work).await
    }
}

async fn ahead(keyboard: &mut Keyboard) -> ExitReason {
    if !keyboard.interactive {
        std::future::pending::<()>().await;
    }
    if keyboard.gather().await == Keys::Escape {
        ExitReason::Keys
    } else {
        ExitReason::Signal(Number::HUP.as_raw())
    }
}

/// Discards terminal input while nothing is attached, so that a program that starts later does not get it. A pipe is
/// not read.
async fn ignored(keyboard: &mut Keyboard) -> ExitReason {
    if !keyboard.interactive {
        std::future::pending::<()>().await;
    }
    loop {
        match keyboard.next().await {
            Keys::Typed(_) => keyboard.taken(),
            Keys::Escape => return ExitReason::Keys,
            Keys::End => return ExitReason::Signal(Number::HUP.as_raw()),
        }
    }
}

impl Watch<'_> {
    /// Runs work until a signal, `keys` or a closed output ends it.
    async fn unless_left<T>(
        &mut self,
        screen: &Screen,
        keys: impl Future<Output = ExitReason>,
        work: impl Future<Output = T>,
    ) -> Result<T, ExitReason> {
        tokio::select! {
            done = work => Ok(done),
            left = keys => Err(left),
            left = self.left() => Err(left),
            () = screen.closed() => Err(ExitReason::OutputClosed),
        }
    }

    /// Returns when a signal ends the console.
    pub(super) async fn left(&mut self) -> ExitReason {
        self.next(|_| std::future::ready(())).await
    }

    /// The same; calls `resized` when the terminal's size changes.
    pub(super) async fn next<F: Future<Output = ()>>(&mut self, resized: impl Fn(Size) -> F) -> ExitReason {
        let Signals { interrupt, terminate, hangup, quit, stop, window } = &mut *self.signals;
        loop {
            let number = tokio::select! {
                _ = interrupt.recv() => Number::INT,
                _ = terminate.recv() => Number::TERM,
                _ = hangup.recv() => Number::HUP,
                _ = quit.recv() => Number::QUIT,
                _ = stop.recv() => {
                    pause(self.terminal);
                    continue;
                }
                _ = window.recv() => {
                    if let Some(size) = self.terminal.and_then(Terminal::size) {
                        resized(size).await;
                    }
                    continue;
                }
            };
            return ExitReason::Signal(number.as_raw());
        }
    }
}

/// Stops the process, with the terminal mode of the shell.
fn pause(terminal: Option<&Terminal>) {
    if let Some(terminal) = terminal {
        terminal.leave();
    }
    // returns after SIGCONT
    let _ = kill_process(getpid(), Number::STOP);
    if let Some(terminal) = terminal {
        let _ = terminal.enter();
    }
}
