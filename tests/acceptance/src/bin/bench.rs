//! The figures of the product on this machine, as a table: each beside its peer, and what it must reach.

use std::process::ExitCode;

use acceptance::Failure;
use acceptance::bench::{Errand, Figure, Row, Stage};
use clap::{Parser, ValueEnum as _};
use lab::LabName;
use tokio::signal::unix::{SignalKind, signal};

/// Measures figures beside their peers, in hosts and namespaces of its own; 1 is the exit status where one misses.
#[derive(Parser)]
#[command(name = "bench", subcommand_precedence_over_arg = true, disable_help_subcommand = true)]
struct Arguments {
    /// Which figures; all without
    #[arg(value_name = "NAME", hide_possible_values = true)]
    figures: Vec<Figure>,
    /// One JSON object a line instead of the table
    #[arg(long)]
    json: bool,
    /// Only say which figures there are
    #[arg(long)]
    list: bool,
    /// Name of the lab; another one of that name is replaced
    #[arg(long, env = "XDOCK_LAB", value_name = "NAME")]
    lab: Option<LabName>,
    /// What is done on machines of the lab
    #[command(subcommand)]
    errand: Option<Errand>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match done(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {}", chain::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn done(arguments: &Arguments) -> Result<bool, Failure> {
    if let Some(errand) = &arguments.errand {
        println!("{}", errand.run()?);
        return Ok(true);
    }
    if arguments.list {
        for (name, help) in Figure::value_variants().iter().map(|figure| figure.described()) {
            println!("{name:<15} {help}");
        }
        return Ok(true);
    }
    tokio::runtime::Runtime::new()?.block_on(bench(arguments))
}

/// Whether all were reached. Whatever happens, nothing stays.
async fn bench(arguments: &Arguments) -> Result<bool, Failure> {
    let name = match &arguments.lab {
        Some(name) => name.clone(),
        None => format!("bench{}", std::process::id()).parse()?,
    };
    let stage = Stage::new(name);
    let measured = tokio::select! {
        measured = all(arguments, &stage) => measured,
        interrupted = interrupted() => Err(interrupted),
    };
    let down = stage.down().await;
    let reached = measured?;
    down.map(|()| reached)
}

async fn interrupted() -> Failure {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    "interrupted; nothing of the lab stays".into()
}

/// A figure that could not be measured does not keep the others from it.
async fn all(arguments: &Arguments, stage: &Stage) -> Result<bool, Failure> {
    let chosen = if arguments.figures.is_empty() { Figure::value_variants() } else { &*arguments.figures };
    if !arguments.json {
        println!("{}", Row::titles());
    }
    let mut reached = true;
    for figure in chosen {
        match figure.measure(stage).await {
            Ok(rows) => {
                rows.iter().for_each(|row| show(arguments, row));
                reached &= rows.iter().all(Row::is_reached);
            }
            Err(error) => {
                let ((name, _), error) = (figure.described(), chain::chain(&*error));
                eprintln!("bench: {name}: {error}");
                show(arguments, &Row::failed(&name, &error));
                reached = false;
            }
        }
    }
    Ok(reached)
}

fn show(arguments: &Arguments, row: &Row) {
    println!("{}", if arguments.json { row.json() } else { row.line() });
}
