//! `xdockhost`: makes a machine a docker host. What xCAT runs on a node; see `xdockhost --help`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    postscripts::run(&postscripts::args::Arguments::parse())
}
