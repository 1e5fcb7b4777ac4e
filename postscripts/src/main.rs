//! `xdockhost`: turns a machine into a docker host. xCAT runs it on a node; see `xdockhost --help`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    postscripts::run(&postscripts::args::Arguments::parse())
}
