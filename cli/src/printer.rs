//! The one owner of standard output and standard error. Data goes to the one, words to the other; a reader that went
//! away is no failure, and never keeps work from being done.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::xcat::{Said, Spoken, Tongue};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Volume {
    /// Only errors.
    Quiet,
    /// What was asked for.
    Normal,
    /// Also what is done on the way.
    Verbose,
}

/// Standard output and standard error.
pub(crate) struct Printer {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    json: bool,
    volume: Volume,
    reader_left: bool,
    xcat: Option<Tongue>,
}

impl Printer {
    /// The process's own.
    pub(crate) fn new(json: bool, volume: Volume) -> Self {
        Self::over(Box::new(io::stdout()), Box::new(io::stderr()), json, volume)
    }

    /// The process's own, which says everything as xCAT's commands do.
    pub(crate) fn of_xcat(tongue: Tongue) -> Self {
        Self { xcat: Some(tongue), ..Self::new(false, Volume::Normal) }
    }

    fn over(out: Box<dyn Write>, err: Box<dyn Write>, json: bool, volume: Volume) -> Self {
        Self { out, err, json, volume, reader_left: false, xcat: None }
    }

    /// Whether nobody reads standard output any more.
    pub(crate) fn is_unread(&self) -> bool {
        self.reader_left
    }

    /// Whether what is printed is read by people and programs that know xCAT's commands.
    pub(crate) fn is_of_xcat(&self) -> bool {
        self.xcat.is_some()
    }

    /// Whether a person reads it, not a program that takes each line for itself.
    pub(crate) fn is_for_people(&self) -> bool {
        !self.json && self.xcat.is_none()
    }

    /// Whether a progress bar has a place.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.json && self.volume != Volume::Quiet && io::stderr().is_terminal()
    }

    /// Whether a person reads standard output.
    pub(crate) fn shows_tables(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Whether colours are seen there and wanted (no-color.org).
    pub(crate) fn shows_colours(&self) -> bool {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        self.shows_tables() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
    }

    /// A node's good answer: `NODE: TEXT`, with more fields in JSON.
    pub(crate) fn node(&mut self, node: &str, status: &str, fields: &Map<String, Value>) {
        if self.volume == Volume::Quiet || self.is_said(&Said::Data(node, status)) {
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

    /// A node's failure: `NODE: Error: TEXT`, further lines of it as `NODE: LINE`. The hint is for JSON, where each object stands for itself.
    pub(crate) fn node_error(&mut self, node: &str, error: &str, hint: Option<&str>) {
        if self.is_said(&Said::Failed(node, error)) {
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

    /// The same in the words of its engine.
    pub(crate) fn node_refused(&mut self, node: &str, message: &str, hint: Option<&str>) {
        if !self.is_said(&Said::Refused(node, message)) {
            self.node_error(node, message, hint);
        }
    }

    /// The same where there is no engine to speak to.
    pub(crate) fn node_unavailable(&mut self, node: &str, error: &str) {
        if !self.is_said(&Said::Unavailable(node, error)) {
            self.node_error(node, error, None);
        }
    }

    /// A step of a node's work: `NODE: TEXT`.
    pub(crate) fn step(&mut self, node: &str, text: &str) {
        if self.is_said(&Said::Data(node, text)) {
            return;
        }
        if self.json {
            self.object(&json!({"node": node, "step": text}));
        } else if self.volume > Volume::Quiet {
            self.data(&format!("{node}: {text}"));
        }
    }

    /// A failure of the whole command: `Error: TEXT`.
    pub(crate) fn error(&mut self, error: &str) {
        if self.is_said(&Said::Wrong(error)) {
            return;
        }
        if self.json {
            self.object(&json!({ "error": error }));
        } else {
            self.words(&format!("Error: {error}"));
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&mut self, hint: &str) {
        if self.volume > Volume::Quiet && !self.json && self.xcat.is_none() {
            self.words(&format!("hint: {hint}"));
        }
    }

    /// The last word of a command whose lines say all: for a person.
    pub(crate) fn summary(&mut self, text: &str) {
        if self.volume > Volume::Quiet {
            self.words(text);
        }
    }

    /// A line of data, also when quiet: it is what was asked for.
    pub(crate) fn line(&mut self, text: &str) {
        if !self.is_said(&Said::Line(text)) {
            self.data(text);
        }
    }

    /// A line that a program wrote to its standard error: to ours, also when quiet.
    pub(crate) fn error_line(&mut self, text: &str) {
        self.words(text);
    }

    /// Whether it was said as xCAT says it.
    pub(crate) fn is_said(&mut self, said: &Said<'_>) -> bool {
        match self.xcat.as_ref().map(|tongue| tongue.say(said)) {
            Some(Spoken::Out(text)) => self.data(&text),
            Some(Spoken::Err(text)) => self.words(&text),
            None => return false,
        }
        true
    }

    /// A JSON object on a line.
    pub(crate) fn object<T: Serialize>(&mut self, object: &T) {
        match serde_json::to_string(object) {
            Ok(text) => self.data(&text),
            Err(error) => self.words(&format!("Error: cannot print an answer as JSON: {error}")),
        }
    }

    /// How much is said.
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
        // where standard error is gone there is nobody left to tell
        let _ = writeln!(self.err, "{text}");
    }
}

#[cfg(test)]
mod tests;
