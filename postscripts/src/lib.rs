//! Turns a machine into a docker host: engine, network, netd. xCAT runs it as a postscript through the stub
//! `/install/postscripts/xdock`.
//!
//! It is one static file without a name service, idempotent, and prints one line per step.

pub mod args;
pub mod diff;
pub mod environment;
pub mod fetch;
pub mod files;
pub mod lock;
pub mod log;
pub mod old_call;
pub mod render;
pub mod steps;
pub mod syslog;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::args::{Arguments, Request, RunOptions};
use crate::environment::Environment;
use crate::log::Log;
use crate::render::Templates;
use crate::steps::Run;

/// Exit status of a wrong command line.
const USAGE: u8 = 2;

/// Executes the command line.
pub fn run(arguments: &Arguments) -> ExitCode {
    let environment = Environment::of_process();
    let log = Log::new(Path::new(log::PATH), environment.get("LOGLABEL"))
        .to(environment.get("MASTER_IP").and_then(|master| master.parse().ok()));
    let request = match arguments.request() {
        Ok(request) => request,
        Err(error) => {
            log.failure("usage", &error);
            return ExitCode::from(USAGE);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&log, &error),
    };
    match request {
        Request::Status { json } => runtime.block_on(steps::status::run(json, log)),
        Request::Job(job) => runtime.block_on(steps::network::guard::command::run(&job)),
        Request::Restore => runtime.block_on(steps::network::restore::run(&log)),
        Request::Watch => runtime.block_on(steps::network::heal::run(&log)),
        Request::Stopped => runtime.block_on(steps::docker::shutdown::stopped(&log)),
        Request::Shutdown => runtime.block_on(steps::docker::shutdown::run(&log)),
        Request::Engine(call) => runtime.block_on(steps::docker::secure::run(call, log)),
        Request::Run(options) => runtime.block_on(run_steps(options, environment, log)),
    }
}

/// Runs the steps in order and stops at the first failure.
async fn run_steps(options: RunOptions, environment: Environment, log: Log) -> ExitCode {
    let _locked = match lock::take(Path::new(lock::PATH)).await {
        Ok(locked) => locked,
        Err(error) => return failed(&log, &error),
    };
    let templates = Templates::new(Path::new(render::OVERRIDES));
    let environment = old_call::with(environment, &options.old_networks);
    let run = Run { environment, options, templates, log };
    if !run.options.dry_run
        && let Err(error) = run.environment.remember(Path::new(environment::REMEMBERED))
    {
        return failed(&run.log, &error);
    }
    for step in run.options.steps.iter().copied() {
        if !steps::run(step, &run).await {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn failed(log: &Log, error: &dyn Error) -> ExitCode {
    log.failure("start", error);
    ExitCode::FAILURE
}
