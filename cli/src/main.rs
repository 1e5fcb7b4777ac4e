//! `xdock`: the administrator's command. Flags become settings, settings and tables become a command, a command prints
//! one line a node and ends with a status.

mod app;
mod args;
mod commands;
mod console;
mod delivery;
mod engine;
mod fleet;
mod host;
mod plan;
mod printer;
mod settings;
mod targets;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    commands::run(args::Cli::parse())
}
