//! `netd`: the daemon on each docker host that gives each container exactly the address and MAC of the
//! cluster's tables.

mod accept;
mod args;
mod boot_time;
mod client;
mod commands;
mod daemon;
mod fabric;
mod filter;
mod grant;
mod host;
mod inspect;
mod interface;
mod message;
mod names;
mod publish;
mod reconcile;
mod refusal;
mod serve;
mod state;
mod status;
mod store;
mod tables;

use std::process::ExitCode;

use clap::Parser as _;

/// Number of threads for blocking calls, and their stack size: keeps the memory footprint small.
const MAX_BLOCKING_THREADS: usize = 4;
const THREAD_STACK_SIZE: usize = 256 * 1024;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    // one thread: one owner of the state, and a start in milliseconds on a small machine
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // the kernel needs milliseconds to close a packet socket: other threads do that
    builder.enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).thread_stack_size(THREAD_STACK_SIZE);
    let runtime = builder.build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(error) => Err(format!("cannot start the runtime: {error}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netd: {error}");
            ExitCode::FAILURE
        }
    }
}
