//! Owns standard output and standard error. Data goes to standard output, messages to standard error. A closed output
//! is not an error and never stops work.

mod json;
mod message;
mod text;
mod xcat;

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use message::Message;
use message::OutputLine;
pub(crate) use xcat::XcatFormat;

/// Output volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Volume {
    /// Only errors.
    Quiet,
    /// Normal output.
    Normal,
    /// Also progress.
    Verbose,
}

/// Format of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Format {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// As xCAT's commands.
    Xcat(XcatFormat),
}

/// Standard output and standard error.
pub(crate) struct Printer {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    format: Format,
    volume: Volume,
    reader_left: bool,
}

impl Printer {
    /// Uses the process's outputs.
    pub(crate) fn new(json: bool, volume: Volume) -> Self {
        let format = if json { Format::Json } else { Format::Text };
        Self::over(Box::new(io::stdout()), Box::new(io::stderr()), format, volume)
    }

    /// Uses the process's outputs in the format of xCAT's commands.
    pub(crate) fn for_xcat(format: XcatFormat) -> Self {
        Self { format: Format::Xcat(format), ..Self::new(false, Volume::Normal) }
    }

    fn over(out: Box<dyn Write>, err: Box<dyn Write>, format: Format, volume: Volume) -> Self {
        Self { out, err, format, volume, reader_left: false }
    }

    /// Whether standard output is closed.
    pub(crate) fn is_unread(&self) -> bool {
        self.reader_left
    }

    /// Whether the output is text for users, not JSON or xCAT's.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == Format::Text
    }

    /// Whether the output has the format of xCAT's commands.
    pub(crate) fn is_xcat_format(&self) -> bool {
        matches!(self.format, Format::Xcat(_))
    }

    /// Whether to show a progress bar.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.is_json() && self.volume != Volume::Quiet && io::stderr().is_terminal()
    }

    /// Whether standard output is a terminal.
    pub(crate) fn shows_tables(&self) -> bool {
        !self.is_json() && io::stdout().is_terminal()
    }

    /// Whether to use colours (no-color.org).
    pub(crate) fn shows_colours(&self) -> bool {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        self.shows_tables() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
    }

    /// Prints a message.
    pub(crate) fn print(&mut self, message: &Message<'_>) {
        if self.is_suppressed(message) {
            return;
        }
        let line = match &self.format {
            Format::Text => text::line(message),
            Format::Json => json::line(message),
            Format::Xcat(format) => format.line(message),
        };
        match line {
            OutputLine::Out(text) => self.data(&text),
            OutputLine::Err(text) => self.log(&text),
        }
    }

    /// Success and progress are not printed when quiet. JSON keeps the progress: programs read it.
    fn is_suppressed(&self, message: &Message<'_>) -> bool {
        self.volume == Volume::Quiet
            && match message {
                Message::Done { .. } => true,
                Message::Step { .. } => !self.is_json(),
                _ => false,
            }
    }

    /// Success of a node, with more fields in JSON.
    pub(crate) fn node(&mut self, node: &str, status: &str, fields: &Map<String, Value>) {
        self.print(&Message::Done { node, status, fields });
    }

    /// Failure of a node. The hint is for JSON, where each object is complete.
    pub(crate) fn node_error(&mut self, node: &str, error: &str, hint: Option<&str>) {
        self.print(&Message::Failed { node, error, hint });
    }

    /// Failure of a node with the message of its engine.
    pub(crate) fn node_refused(&mut self, node: &str, message: &str, hint: Option<&str>) {
        self.print(&Message::Refused { node, message, hint });
    }

    /// Failure of a node whose engine is unreachable.
    pub(crate) fn node_unavailable(&mut self, node: &str, error: &str) {
        self.print(&Message::Unavailable { node, error });
    }

    /// Progress of a node.
    pub(crate) fn step(&mut self, node: &str, text: &str) {
        self.print(&Message::Step { node, text });
    }

    /// Failure of the command.
    pub(crate) fn error(&mut self, error: &str) {
        self.print(&Message::Error(error));
    }

    /// A line of data, even when quiet.
    pub(crate) fn line(&mut self, text: &str) {
        match self.format {
            Format::Xcat(_) => self.print(&Message::Line(text)),
            Format::Text | Format::Json => self.data(text),
        }
    }

    /// Hint for the user.
    pub(crate) fn hint(&mut self, hint: &str) {
        if self.volume > Volume::Quiet && self.is_for_people() {
            self.log(&format!("hint: {hint}"));
        }
    }

    /// Summary for users, after the data.
    pub(crate) fn summary(&mut self, text: &str) {
        if self.volume > Volume::Quiet {
            self.log(text);
        }
    }

    /// A line of a program's standard error, even when quiet.
    pub(crate) fn error_line(&mut self, text: &str) {
        self.log(text);
    }

    /// A JSON object, on one line.
    pub(crate) fn object<T: Serialize>(&mut self, object: &T) {
        match serde_json::to_string(object) {
            Ok(text) => self.data(&text),
            Err(error) => self.log(&format!("Error: cannot print an answer as JSON: {error}")),
        }
    }

    /// Output volume.
    pub(crate) fn volume(&self) -> Volume {
        self.volume
    }

    /// Whether answers are JSON objects.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    fn data(&mut self, text: &str) {
        if !self.reader_left {
            self.reader_left = writeln!(self.out, "{text}").is_err();
        }
    }

    fn log(&mut self, text: &str) {
        // errors of standard error cannot be reported
        let _ = writeln!(self.err, "{text}");
    }
}

#[cfg(test)]
mod tests;
