//! Runs a request: checks rows, then runs one of our commands for the valid nodes. The exit status is xCAT's: 1 for
//! all errors.

use std::process::ExitCode;

use chain::chain;
use clap::Parser as _;
use inventory::{InventoryError, NodeName};

use super::command::{Command, Kind};
use super::own_command::OwnCommand;
use super::request::{Common, Request};
use super::rows::Rows;
use crate::app::{App, machine_name};
use crate::args::{Cli, Options};
use crate::commands;
use crate::error::{CommandError, Done};
use crate::printer::{Message, Printer, XcatFormat};

const FAILED: ExitCode = ExitCode::FAILURE;

/// Runs a request and returns the exit status of the process.
pub(crate) fn run(request: Request) -> ExitCode {
    let mut printer = Printer::for_xcat(output_format(&request));
    let command = match request.command {
        Ok(command) => command,
        Err(name) => return failed(&mut printer, &Message::Error(&format!("xdock has no {name}"))),
    };
    match request.common {
        Common::Help => {
            printer.line(&command.usage());
            return ExitCode::SUCCESS;
        }
        Common::Version => {
            printer.line(concat!("xdock ", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Common::Verbose | Common::None => {}
    }
    let own = match command.parse(&request.words) {
        Ok(own) => own,
        Err(text) => return failed(&mut printer, &Message::Error(&text)),
    };
    if let Some(text) = own.warning {
        printer.print(&Message::Warning(text));
    }
    let Some(noderange) = request.nodes else {
        let text = format!("no noderange is given\n{}", command.usage());
        return failed(&mut printer, &Message::NoNodes(&text));
    };
    begin(command, &own, &noderange, printer)
}

fn failed(printer: &mut Printer, message: &Message<'_>) -> ExitCode {
    printer.print(message);
    FAILED
}

fn output_format(request: &Request) -> XcatFormat {
    if request.from_plugin {
        return XcatFormat::Plugin;
    }
    let machine = machine_name().split('.').next().unwrap_or_default().to_owned();
    XcatFormat::Client { machine, verbose: request.common == Common::Verbose }
}

fn begin(command: Command, own: &OwnCommand, noderange: &str, printer: Printer) -> ExitCode {
    let mut app = match App::new(&Options::from_environment(), printer) {
        Ok(app) => app,
        Err((error, mut printer)) => return report(&error, &mut printer),
    };
    let ended = match command.kind {
        // cons also rejects hosts
        Kind::Cons => dispatch(own, noderange, &mut app),
        _ => answer(command, own, noderange, &mut app),
    };
    match ended {
        Ok(Done::All) => ExitCode::SUCCESS,
        Ok(Done::Ended(status)) => ExitCode::from(status),
        Ok(Done::Partly) => FAILED,
        Err(error) => report(&error, &mut app.printer),
    }
}

fn answer(command: Command, own: &OwnCommand, noderange: &str, app: &mut App) -> Result<Done, CommandError> {
    let tables = app.inventory()?;
    let nodes = app.select(&tables, noderange)?;
    let Rows { mut good, others, missing } = Rows::sort(command, own, nodes, &tables)?;
    let mut refused = !missing.is_empty();
    for text in missing {
        app.printer.error(&text);
    }
    match (command.kind, own.command, others.first()) {
        (Kind::Ls, "logs", Some(host)) => {
            return Err(CommandError::Usage(format!(" -l is not support for {host}")));
        }
        // hosts have their own lists
        (Kind::Ls, ..) => good.extend(others),
        _ => {
            refused |= !others.is_empty();
            others.iter().for_each(|node| no_container(node, &tables, app));
        }
    }
    let done = if good.is_empty() { Done::All } else { dispatch(own, &joined(&good), app)? };
    Ok(if refused && done == Done::All { Done::Partly } else { done })
}

fn no_container(node: &NodeName, tables: &inventory::Inventory, app: &mut App) {
    let of = tables.value(node.as_str(), "nodehm.mgt").ok().flatten().filter(|mgt| !mgt.is_empty());
    let mgt = of.unwrap_or_else(|| "empty".to_owned());
    let text = format!("nodehm.mgt of {node} is {mgt}, not docker: it is not a container");
    app.printer.node_error(node.as_str(), &text, None);
}

fn joined(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(",")
}

fn dispatch(own: &OwnCommand, noderange: &str, app: &mut App) -> Result<Done, CommandError> {
    let cli = parse(own, noderange).map_err(|error| CommandError::Usage(error.to_string()))?;
    commands::dispatch(cli.command, app)
}

/// Parses the arguments of our command.
fn parse(own: &OwnCommand, noderange: &str) -> Result<Cli, clap::Error> {
    let options = own.options.iter().copied();
    let behind = own.words.iter().map(String::as_str);
    Cli::try_parse_from(["xdock", own.command].into_iter().chain(options).chain([noderange]).chain(behind))
}

fn report(error: &CommandError, printer: &mut Printer) -> ExitCode {
    if let CommandError::Nodes(wrong) = error {
        wrong.iter().for_each(|(node, text)| printer.node_error(node.as_str(), text, None));
    }
    match error {
        CommandError::Noderange(error) | CommandError::Inventory(InventoryError::Noderange(error)) => {
            failed(printer, &Message::NoNodes(&chain(error)))
        }
        // like xCAT for an empty group (NodeRange.pm: no node, no error)
        CommandError::Nobody { .. } => ExitCode::SUCCESS,
        error => failed(printer, &Message::Error(&chain(error))),
    }
}
