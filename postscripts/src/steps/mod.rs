//! The steps. Each one: what shall be, what is, a plan (pure), and its execution; or only the plan, printed.

pub mod docker;
pub mod netd;
pub mod network;
pub mod status;

use std::fmt::Display;

use crate::args::{Step, Work};
use crate::environment::Environment;
use crate::files::Wanted;
use crate::log::{Log, say};
use crate::render::Templates;

/// What every step gets.
#[derive(Debug)]
pub struct Run {
    /// What xCAT exports.
    pub environment: Environment,
    /// What was typed.
    pub work: Work,
    /// The files' templates.
    pub templates: Templates,
    /// Where it is told.
    pub log: Log,
}

/// How a step ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was so already.
    NothingToDo,
    /// It was done; what is there now.
    Done(String),
    /// The plan was printed.
    Planned,
}

/// Runs one step and tells it; `false` when it failed.
pub async fn run(step: Step, run: &Run) -> bool {
    let name = step.name();
    let outcome = match step {
        Step::Docker => docker::run(run).await.map_err(|error| run.log.failure(name, &error)),
        Step::Network => network::run(run).await.map_err(|error| run.log.failure(name, &error)),
        Step::Netd => netd::run(run).await.map_err(|error| run.log.failure(name, &error)),
    };
    match &outcome {
        Ok(Outcome::NothingToDo) => run.log.summary(name, "nothing to do"),
        Ok(Outcome::Done(text)) => run.log.summary(name, text),
        Ok(Outcome::Planned) | Err(()) => {}
    }
    outcome.is_ok()
}

/// The plan of a step: a line a step, then the difference of each file.
fn print_plan<S: Display>(name: &str, steps: &[S], files: &[Wanted]) {
    if steps.is_empty() && files.is_empty() {
        say(&format!("xdock: {name}: nothing to do"));
        return;
    }
    for step in steps {
        say(&format!("xdock: {name}: would {step}"));
    }
    for file in files {
        say(&format!("xdock: {name}: would write {}", file.path.display()));
        say(file.difference().trim_end());
    }
}
