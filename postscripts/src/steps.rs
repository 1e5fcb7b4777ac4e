//! The steps. Each computes the desired state, the observed state and a plan (pure), then executes the plan
//! or prints it.

pub mod docker;
pub mod netd;
pub mod network;
pub mod status;

use std::error::Error;
use std::fmt::Display;

use crate::args::{RunOptions, Step};
use crate::environment::Environment;
use crate::files::DesiredFile;
use crate::log::{Log, say};
use crate::render::Templates;

/// Input of every step.
#[derive(Debug)]
pub struct Run {
    /// xCAT's variables.
    pub environment: Environment,
    /// The command line.
    pub options: RunOptions,
    /// The templates of files.
    pub templates: Templates,
    /// Output.
    pub log: Log,
}

/// Result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing differed.
    NothingToDo,
    /// Changes were made; the summary.
    Done(String),
    /// Nothing was changed; the plan.
    Planned(Plan),
}

impl Outcome {
    /// Combines the results of two parts.
    pub fn and(self, then: Self) -> Self {
        match (self, then) {
            (Self::Done(first), Self::Done(second)) => Self::Done(format!("{first}; {second}")),
            (Self::NothingToDo, then) => then,
            (first, _) => first,
        }
    }
}

/// The plan of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<String>,
    files: Vec<DesiredFile>,
    /// Remarks before the plan is executed.
    notes: Vec<String>,
}

/// Runs one step and reports its result; `false` if it failed.
pub async fn run(step: Step, run: &Run) -> bool {
    let name = step.name();
    let outcome = outcome(step, run).await;
    match &outcome {
        Ok(Outcome::NothingToDo) => run.log.summary(name, "nothing to do"),
        Ok(Outcome::Done(text)) => run.log.summary(name, text),
        Ok(Outcome::Planned(plan)) => plan.print(name),
        Err(error) => run.log.failure(name, &**error),
    }
    outcome.is_ok()
}

async fn outcome(step: Step, run: &Run) -> Result<Outcome, Box<dyn Error>> {
    match step {
        Step::Docker => docker::run(run).await.map_err(Box::from),
        Step::Network => network::run(run).await.map_err(Box::from),
        Step::Netd => netd::run(run).await.map_err(Box::from),
    }
}

impl Plan {
    /// The steps as text, and the files that differ.
    pub fn new<S: Display>(steps: &[S], files: Vec<DesiredFile>) -> Self {
        Self { steps: steps.iter().map(ToString::to_string).collect(), files, notes: Vec::new() }
    }

    /// Adds remarks, one line each.
    #[must_use]
    pub fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// One line per step and file.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let files = self.files.iter().map(|file| match file.absent {
            true => format!("remove {}", file.path.display()),
            false => format!("write {}", file.path.display()),
        });
        self.steps.iter().cloned().chain(files)
    }

    /// Prints one line per step, then the difference of each file.
    fn print(&self, name: &str) {
        if self.steps.is_empty() && self.files.is_empty() {
            say(&format!("xdock: {name}: nothing to do"));
        }
        for note in &self.notes {
            say(&format!("xdock: {name}: note: {note}"));
        }
        for line in self.lines().take(self.steps.len()) {
            say(&format!("xdock: {name}: would {line}"));
        }
        for (line, file) in self.lines().skip(self.steps.len()).zip(&self.files) {
            say(&format!("xdock: {name}: would {line}"));
            match file.difference() {
                Ok(difference) => say(difference.trim_end()),
                Err(error) => say(&format!("xdock: {name}: {}", chain::chain(&error))),
            }
        }
    }
}
