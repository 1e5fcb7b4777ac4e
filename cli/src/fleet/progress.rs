//! Progress bar for terminals.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::printer::Printer;

/// A bar, or nothing without a terminal.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn new(nodes: usize, printer: &Printer) -> Self {
        // one node needs no bar
        if nodes < 2 || !printer.shows_progress() {
            return Self(None);
        }
        let bar = ProgressBar::new(nodes as u64);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} nodes, {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    /// Prints without damaging the bar.
    pub(super) fn beside(&self, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(super) fn step(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
