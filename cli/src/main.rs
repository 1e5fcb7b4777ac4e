//! `xdock`: the administrator's command. Parses the command line and runs a command, which prints one line per node
//! and returns an exit status.

mod app;
mod args;
mod commands;
mod console;
mod delivery;
mod engine;
mod enroll;
mod error;
mod fleet;
mod host;
mod origin;
mod plan;
mod printer;
mod settings;
mod tables;
mod targets;
mod why;
mod xcat;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    match xcat::Request::of(&words) {
        Some(request) => xcat::run(request),
        None => commands::run(args::Cli::parse()),
    }
}
