//! The command `lab`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;
use lab::sweep::Chain;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {}", Chain(&error));
            ExitCode::from(error.status())
        }
    }
}
