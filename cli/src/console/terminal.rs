//! Our terminal: raw while a console is open, and restored however the console ends.
//!
//! The mode is restored when the [`Terminal`] is dropped, when a thread panics (before its message is printed), and
//! around a stop signal. After SIGKILL run `stty sane`.

use std::io::{self, Stdin, stdin};
use std::panic;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::engine::Size;

/// A terminal in raw mode.
#[derive(Debug)]
pub(super) struct Terminal {
    stdin: Stdin,
    before: Termios,
    raw: Termios,
}

impl Terminal {
    /// Sets our terminal to raw mode.
    pub(super) fn raw() -> io::Result<Self> {
        let stdin = stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        let terminal = Self { stdin, before, raw };
        terminal.restore_on_panic();
        terminal.enter()?;
        Ok(terminal)
    }

    /// Sets raw mode, even if another program changed it while we were stopped.
    pub(super) fn enter(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.stdin, OptionalActions::Now, &self.raw)?)
    }

    /// Restores the mode without waiting, because a blocked terminal must not delay us.
    pub(super) fn leave(&self) {
        // fails only if the terminal was closed
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }

    /// Its size; `None`: unknown, as for console servers.
    pub(super) fn size(&self) -> Option<Size> {
        let size = tcgetwinsize(&self.stdin).ok()?;
        (size.ws_row > 0 && size.ws_col > 0).then_some(Size { rows: size.ws_row, columns: size.ws_col })
    }

    fn restore_on_panic(&self) {
        let (before, hook) = (self.before.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
            hook(info);
        }));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}
