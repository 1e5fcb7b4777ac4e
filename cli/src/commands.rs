//! The commands, one a file, and how they end.

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
mod sync;

use std::io;
use std::process::ExitCode;

use inventory::{InventoryError, NodeName, SourceError};
use thiserror::Error;

use crate::app::{self, App};
use crate::args::{Cli, Command};
use crate::engine::EngineError;
use crate::enroll::{AuthorityError, LedgerError};
use crate::fleet::Outcome;
use crate::plan::NotOwn;
use crate::printer::Printer;
use crate::settings::SettingsError;
use crate::tables::TablesError;
use crate::targets;
use chain::chain;

/// How a command that did something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// All of it.
    All,
    /// Some nodes failed, or the tables have errors.
    Partly,
    /// Somebody else's program ended so: its exit status is ours.
    Ended(u8),
}

impl Done {
    fn of(failed: usize) -> Self {
        if failed == 0 { Self::All } else { Self::Partly }
    }
}

/// Why a command did nothing.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// The program itself could not begin.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// Nobody but systemd runs `knock`.
    #[error("standard input is not a TCP connection; xdock-knock.socket starts this command")]
    NoConnection(#[source] io::Error),
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Which tables to read.
    #[error(transparent)]
    Where(#[from] TablesError),
    /// The tables.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// A noderange.
    #[error(transparent)]
    Noderange(#[from] inventory::NoderangeError),
    /// A noderange without nodes: an empty group, a pattern that no name fits, or `site.excludenodes` takes all away.
    #[error("noderange {noderange:?} selects no node: nothing was done")]
    Nobody {
        /// As given.
        noderange: String,
    },
    /// The stanza file.
    #[error(transparent)]
    Stanza(#[from] inventory::stanza::StanzaError),
    /// xCAT's tables have their own commands.
    #[error("{url} are xCAT's tables, which xdock does not write: use {instead}")]
    ReadOnly {
        /// The tables.
        url: String,
        /// xCAT's command.
        instead: &'static str,
    },
    /// A word of the command line.
    #[error("{0}")]
    Usage(String),
    /// Rows that can not be used, each with its node.
    #[error("nothing was done: the tables have invalid values for {}", nodes(.0.len()))]
    Nodes(Vec<(NodeName, String)>),
    /// A host's columns.
    #[error(transparent)]
    Host(#[from] inventory::compile::HostError),
    /// The authority of `host enroll`.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// What it has issued.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What `init` lays out.
    #[error(transparent)]
    Init(#[from] init::InitError),
    /// A file that was not written.
    #[error(transparent)]
    File(#[from] durable::FileError),
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

/// Runs what the command line says; its status is that of the process.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let printer = Printer::new(cli.options.json, app::volume(&cli.options));
    // a user without rights runs it, who may read no settings
    if matches!(cli.command, Command::Knock) {
        return ended(wait(knock::run()), true, printer);
    }
    let (done, tables_said, printer) = match App::new(&cli.options, printer) {
        Ok(mut app) => (dispatch(cli.command, &mut app), app.settings.inventory.is_some(), app.printer),
        Err((error, printer)) => (Err(*error), true, printer),
    };
    ended(done, tables_said, printer)
}

fn ended(done: Result<Done, CommandError>, tables_said: bool, mut printer: Printer) -> ExitCode {
    match done {
        Ok(Done::All) => ExitCode::SUCCESS,
        Ok(Done::Partly) => ExitCode::from(1),
        Ok(Done::Ended(status)) => ExitCode::from(status),
        Err(error) => {
            report(&error, tables_said, &mut printer);
            ExitCode::from(2)
        }
    }
}

fn report(error: &CommandError, tables_said: bool, printer: &mut Printer) {
    if let CommandError::Nodes(wrong) = error {
        for (node, text) in wrong {
            printer.node_error(node.as_str(), text, None);
        }
    }
    printer.error(&chain(error));
    match error {
        CommandError::Nodes(_) => printer.hint(targets::CHECK),
        // a database's messages say what to do
        CommandError::Inventory(InventoryError::Source(SourceError::Database(_))) => {}
        CommandError::Inventory(InventoryError::Source(_)) if !tables_said => {
            printer.hint("set the location of the tables with --inventory, XDOCK_INVENTORY or the settings; xdock def creates the first table");
        }
        _ => {}
    }
}

/// A refusal in the engine's words, with what to do where there is something.
fn failed(error: &EngineError) -> Outcome {
    let hint = match error {
        // running, paused or restarting: each has its own words, this is what they share
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

/// That a node has no container that can be used, with what to do.
fn not_own(error: &NotOwn) -> Outcome {
    match error {
        NotOwn::Absent(_) => Outcome::Refused(error.to_string(), Some(MK.to_owned())),
        _ => Outcome::Failed(error.to_string(), None),
    }
}

const MK: &str = "xdock mk creates it";

/// Does what a command says.
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
    }
}

/// One thread is enough: the engines do the work.
fn wait(command: impl Future<Output = Result<Done, CommandError>>) -> Result<Done, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CommandError::Start)?.block_on(command)
}
