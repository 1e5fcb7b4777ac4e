//! Connects our terminal to a container: its state determines the next action ([`step`]), a [`session::Session`]
//! executes it, and output that was missed is read from the log ([`log_backfill`]).

mod keyboard;
mod log_backfill;
mod log_overlap;
mod look;
mod reopen_tty;
mod screen;
mod session;
mod shell;
mod signals;
mod status;
mod step;
mod terminal;

use std::io::IsTerminal as _;

use crate::engine::EngineError;
use crate::host::Host;

pub(crate) use session::ConsoleError;

/// Options of a console.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConsoleOptions {
    /// Program to run instead of the container's terminal; empty: a shell.
    pub(crate) exec: Option<Vec<String>>,
    /// Number of log lines to show first.
    pub(crate) log: Option<u64>,
    /// Run for a console server: no escape key, and retry forever.
    pub(crate) server: bool,
    /// No messages of xdock.
    pub(crate) quiet: bool,
}

/// Why a console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitReason {
    /// Ctrl-].
    Keys,
    /// Standard output was closed.
    OutputClosed,
    /// Signal.
    Signal(i32),
    /// Exit status of the program.
    Ended(i64),
}

impl ExitReason {
    /// Exit status; for a signal like a shell (128 plus its number).
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Keys | Self::OutputClosed => 0,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
            Self::Ended(code) => u8::try_from(code).unwrap_or(u8::MAX),
        }
    }
}

/// Connects our terminal or pipes to a container until the user leaves.
pub(crate) async fn run(
    host: &Host,
    node: &str,
    options: &ConsoleOptions,
) -> Result<ExitReason, ConsoleError> {
    let interactive = std::io::stdin().is_terminal();
    let signals = signals::Signals::new().map_err(ConsoleError::Signals)?;
    let terminal = match interactive {
        true => Some(terminal::Terminal::raw().map_err(ConsoleError::Terminal)?),
        false => None,
    };
    let escape = interactive && !options.server;
    let screen = screen::Screen::open(node, terminal.is_some(), options.quiet);
    let local =
        signals::TerminalInput { keyboard: keyboard::Keyboard::open(interactive, escape), signals, terminal };
    let session = session::Session::new(&host.engine, node, options, local, &screen);
    let left = session.run().await;
    if let Ok(ExitReason::Keys) = left {
        screen.say_at_last("detached; the container keeps running").await;
    }
    // a blocked terminal must not delay the exit
    let patient = matches!(left, Ok(ExitReason::Ended(_)) | Err(_));
    screen.close(patient).await;
    left
}

/// Whether a retry may succeed.
fn may_pass(error: &EngineError) -> bool {
    match error {
        EngineError::Unreachable { .. } | EngineError::Silent { .. } | EngineError::Answer { .. } => true,
        // the state changed after the last look
        EngineError::Refused { status, .. } => matches!(status, 404 | 409),
        EngineError::Body(_) | EngineError::UnknownKey { .. } | EngineError::NoId { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_is_no_failure_and_a_signal_is_told_as_shells_do() {
        let all = [
            ExitReason::Keys,
            ExitReason::OutputClosed,
            ExitReason::Signal(15),
            ExitReason::Ended(3),
            ExitReason::Ended(-1),
        ];
        assert_eq!(all.map(ExitReason::status), [0, 0, 143, 3, 255]);
    }
}
