//! Commands, one per file, and their results.

mod check;
mod completion;
mod cons;
mod define;
mod exec;
mod host;
mod init;
mod knock;
mod logs;
mod ls;
mod man;
mod mk;
mod nodes;
mod plan;
mod power;
mod rm;
mod start_check;
mod sync;
mod why;

use std::process::ExitCode;

use crate::app::{self, App};
use crate::args::{Cli, Command};
use crate::engine::EngineError;
use crate::error::{CommandError, Done, report};
use crate::fleet::Outcome;
use crate::plan::NotOwn;
use crate::printer::Printer;

/// Runs the command line and returns the exit status of the process.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let printer = Printer::new(cli.options.json, app::volume(&cli.options));
    // knock runs as a user who cannot read the settings
    if matches!(cli.command, Command::Knock) {
        return ended(wait(knock::run()), true, printer);
    }
    let (done, tables_configured, printer) = match App::new(&cli.options, printer) {
        Ok(mut app) => (dispatch(cli.command, &mut app), app.settings.inventory.is_some(), app.printer),
        Err((error, printer)) => (Err(*error), true, printer),
    };
    ended(done, tables_configured, printer)
}

fn ended(done: Result<Done, CommandError>, tables_configured: bool, mut printer: Printer) -> ExitCode {
    match done {
        Ok(Done::All) => ExitCode::SUCCESS,
        Ok(Done::Partly) => ExitCode::from(1),
        Ok(Done::Ended(status)) => ExitCode::from(status),
        Err(error) => {
            report(&error, tables_configured, &mut printer);
            ExitCode::from(2)
        }
    }
}

/// Outcome of a request that the engine refused, with a hint if there is one.
fn failed(error: &EngineError) -> Outcome {
    let hint = match error {
        // common part of the messages for running, paused and restarting containers
        EngineError::Refused { message, .. } if message.contains("force remove") => {
            Some("xdock rm -f removes running containers too".to_owned())
        }
        EngineError::Refused { message, .. } if message.contains("No such container") => Some(MK.to_owned()),
        _ => None,
    };
    match Outcome::failed(error) {
        Outcome::Refused(text, _) => Outcome::Refused(text, hint),
        other => other,
    }
}

/// Outcome for a node without a usable container, with a hint.
fn not_own(error: &NotOwn) -> Outcome {
    match error {
        NotOwn::Absent(_) => Outcome::Refused(error.to_string(), Some(MK.to_owned())),
        _ => Outcome::Failed(error.to_string(), None),
    }
}

const MK: &str = "xdock mk creates it";

/// Runs a command.
pub(crate) fn dispatch(command: Command, app: &mut App) -> Result<Done, CommandError> {
    match command {
        Command::Nodes(args) => nodes::run(&args, app),
        Command::Def(args) => define::define(&args, app),
        Command::Undef(args) => define::undefine(&args, app),
        Command::Check => check::run(app),
        Command::Plan(args) => plan::run(&args, app),
        Command::Init(args) => wait(init::run(&args, app)),
        Command::Knock => wait(knock::run()),
        Command::Completion(args) => completion::run(&args, app),
        Command::Man(args) => man::run(&args, app),
        Command::Sync(args) => wait(sync::run(&args, app)),
        Command::Mk(args) => wait(mk::run(&args, app)),
        Command::Rm(args) => wait(rm::run(&args, app)),
        Command::Power(args) => wait(power::run(&args, app)),
        Command::Ls(args) => wait(ls::run(&args, app)),
        Command::Logs(args) => wait(logs::run(&args, app)),
        Command::Cons(args) => wait(cons::run(&args, app)),
        Command::Exec(args) => wait(exec::run(&args, app)),
        Command::Host(args) => wait(host::run(&args, app)),
        Command::Why(args) => wait(why::run(&args, app)),
    }
}

/// One thread is enough, because the engines do the work.
fn wait(command: impl Future<Output = Result<Done, CommandError>>) -> Result<Done, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CommandError::Start)?.block_on(command)
}
