//! Owns standard output and standard error. Data goes to standard output, messages to standard error. A closed output
//! is not an error and never stops work.

mod xcat;

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use xcat::OutputLine;
pub(crate) use xcat::{Message, OutputFormat};

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

/// Standard output and standard error.
pub(crate) struct Printer {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    json: bool,
    volume: Volume,
    reader_left: bool,
    xcat: Option<OutputFormat>,
}

impl Printer {
    /// Uses the process's outputs.
    pub(crate) fn new(json: bool, volume: Volume) -> Self {
        Self::over(Box::new(io::stdout()), Box::new(io::stderr()), json, volume)
    }

    /// Uses the process's outputs in the format of xCAT's commands.
    pub(crate) fn for_xcat(format: OutputFormat) -> Self {
        Self { xcat: Some(format), ..Self::new(false, Volume::Normal) }
    }

    fn over(out: Box<dyn Write>, err: Box<dyn Write>, json: bool, volume: Volume) -> Self {
        Self { out, err, json, volume, reader_left: false, xcat: None }
    }

    /// Whether standard output is closed.
    pub(crate) fn is_unread(&self) -> bool {
        self.reader_left
    }

    /// Whether the output has the format of xCAT's commands.
    pub(crate) fn is_xcat_format(&self) -> bool {
        self.xcat.is_some()
    }

    /// Whether the output is text for users, not JSON or xCAT's plugin protocol.
    pub(crate) fn is_for_people(&self) -> bool {
        !self.json && self.xcat.is_none()
    }

    /// Whether to show a progress bar.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.json && self.volume != Volume::Quiet && io::stderr().is_terminal()
    }

    /// Whether standard output is a terminal.
    pub(crate) fn shows_tables(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Whether to use colours (no-color.org).
    pub(crate) fn shows_colours(&self) -> bool {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        self.shows_tables() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
    }

    /// Success of a node: `NODE: TEXT`, with more fields in JSON.
    pub(crate) fn node(&mut self, node: &str, status: &str, fields: &Map<String, Value>) {
        if self.volume == Volume::Quiet || self.try_print_xcat(&Message::Data(node, status)) {
            return;
        }
        if self.json {
            let mut object = Map::new();
            object.insert("node".into(), node.into());
            object.insert("status".into(), status.into());
            object.extend(fields.clone());
            self.object(&object);
        } else {
            self.data(&format!("{node}: {status}"));
        }
    }

    /// Failure of a node: `NODE: Error: TEXT`, further lines as `NODE: LINE`. The hint is for JSON, where each object
    /// is complete.
    pub(crate) fn node_error(&mut self, node: &str, error: &str, hint: Option<&str>) {
        if self.try_print_xcat(&Message::Failed(node, error)) {
            return;
        }
        if self.json {
            return self.object(&match hint {
                Some(hint) => json!({"node": node, "error": error, "hint": hint}),
                None => json!({"node": node, "error": error}),
            });
        }
        let lines: Vec<&str> = error.lines().collect();
        self.words(&format!("{node}: Error: {}", lines.join(&format!("\n{node}: "))));
    }

    /// Failure of a node with the message of its engine.
    pub(crate) fn node_refused(&mut self, node: &str, message: &str, hint: Option<&str>) {
        if !self.try_print_xcat(&Message::Refused(node, message)) {
            self.node_error(node, message, hint);
        }
    }

    /// Failure of a node whose engine is unreachable.
    pub(crate) fn node_unavailable(&mut self, node: &str, error: &str) {
        if !self.try_print_xcat(&Message::Unavailable(node, error)) {
            self.node_error(node, error, None);
        }
    }

    /// Progress of a node: `NODE: TEXT`.
    pub(crate) fn step(&mut self, node: &str, text: &str) {
        if self.try_print_xcat(&Message::Data(node, text)) {
            return;
        }
        if self.json {
            self.object(&json!({"node": node, "step": text}));
        } else if self.volume > Volume::Quiet {
            self.data(&format!("{node}: {text}"));
        }
    }

    /// Failure of the command: `Error: TEXT`.
    pub(crate) fn error(&mut self, error: &str) {
        if self.try_print_xcat(&Message::Wrong(error)) {
            return;
        }
        if self.json {
            self.object(&json!({ "error": error }));
        } else {
            self.words(&format!("Error: {error}"));
        }
    }

    /// Hint for the user.
    pub(crate) fn hint(&mut self, hint: &str) {
        if self.volume > Volume::Quiet && !self.json && self.xcat.is_none() {
            self.words(&format!("hint: {hint}"));
        }
    }

    /// Summary for users, after the data.
    pub(crate) fn summary(&mut self, text: &str) {
        if self.volume > Volume::Quiet {
            self.words(text);
        }
    }

    /// A line of data, even when quiet.
    pub(crate) fn line(&mut self, text: &str) {
        if !self.try_print_xcat(&Message::Line(text)) {
            self.data(text);
        }
    }

    /// A line of a program's standard error, even when quiet.
    pub(crate) fn error_line(&mut self, text: &str) {
        self.words(text);
    }

    /// Prints the message if the format is xCAT's; `false`: it is not.
    pub(crate) fn try_print_xcat(&mut self, message: &Message<'_>) -> bool {
        match self.xcat.as_ref().map(|format| format.line(message)) {
            Some(OutputLine::Out(text)) => self.data(&text),
            Some(OutputLine::Err(text)) => self.words(&text),
            None => return false,
        }
        true
    }

    /// A JSON object, on one line.
    pub(crate) fn object<T: Serialize>(&mut self, object: &T) {
        match serde_json::to_string(object) {
            Ok(text) => self.data(&text),
            Err(error) => self.words(&format!("Error: cannot print an answer as JSON: {error}")),
        }
    }

    /// Output volume.
    pub(crate) fn volume(&self) -> Volume {
        self.volume
    }

    /// Whether answers are JSON objects.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    fn data(&mut self, text: &str) {
        if !self.reader_left {
            self.reader_left = writeln!(self.out, "{text}").is_err();
        }
    }

    fn words(&mut self, text: &str) {
        // errors of standard error cannot be reported
        let _ = writeln!(self.err, "{text}");
    }
}

#[cfg(test)]
mod tests;
