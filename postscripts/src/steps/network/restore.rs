//! `xdockhost restore`: what no network manager brings back of the confirmed network. Open vSwitch's bridges are in its own
//! database, but its addresses and routes are the host's; a switch in user space loses them with every end of ovs-vswitchd, and
//! a database that was deleted has no bridges either. Units run this at boot and whenever ovs-vswitchd has started.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hostnet::ovs;
use tokio::time::{Instant, sleep};

use super::error::NetworkError;
use super::execute::{Means, apply};
use super::found::{Host, look};
use super::guard::Place;
use super::guard::take_back::take_back_late;
use super::hands::ThisMachine;
use super::observe::Observed;
use super::plan::{Step, plan};
use super::saved;
use super::stack::{Kind, Stack};
use crate::log::Log;

const NAME: &str = "network";
/// How long ovsdb-server and the manager's devices may take after the start.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(100);
/// How long the network manager has at boot for what it can do itself: a second address of the same sort is an error to ifup.
const MANAGER: Duration = Duration::from_secs(5);
/// There from the first time in a boot on: after that, what is missing is missed by nobody else.
const DONE: &str = "/run/xdock/network-restored";

/// What was done; `None`: nothing was to do. `manager`: how long others have to do it.
///
/// # Errors
/// See [`NetworkError`].
pub async fn restore(host: &Host, remote: &str, manager: Duration) -> Result<Option<String>, NetworkError> {
    let stack = saved_stack(host)?;
    bring_back(of_switch(&stack), remote, manager).await
}

fn saved_stack(host: &Host) -> Result<Stack, NetworkError> {
    saved::read(&host.state)?
        .ok_or_else(|| NetworkError::NothingSaved(saved::path(&host.state).display().to_string()))
}

async fn bring_back(stack: Stack, remote: &str, manager: Duration) -> Result<Option<String>, NetworkError> {
    if stack.devices.is_empty() {
        return Ok(None);
    }
    let means = Means::open(remote).map_err(NetworkError::Observe)?;
    let (begun, end) = (Instant::now(), Instant::now() + PATIENCE);
    let mut done: Vec<String> = Vec::new();
    loop {
        let observed = wait(&means, &stack, end).await?;
        let steps = plan(&stack, &observed);
        if steps.is_empty() {
            break;
        }
        if begun.elapsed() < manager && steps.iter().any(is_managers) {
            sleep(AGAIN).await;
            continue;
        }
        match apply(&means, &steps, |_| {}).await {
            Ok(()) => {
                done.extend(steps.iter().map(ToString::to_string));
                // undone by somebody else as often as it is done
                if Instant::now() >= end {
                    break;
                }
            }
            // a switch that is still starting
            Err(_) if Instant::now() < end => sleep(AGAIN).await,
            Err(error) => return Err(NetworkError::Restore(error)),
        }
    }
    Ok((!done.is_empty()).then(|| done.join(", ")))
}

/// Whether a network manager may do it: none knows of a switch in user space.
fn is_managers(step: &Step) -> bool {
    !matches!(step, Step::SetHearing { .. })
}

/// Restores this machine's, and tells what was done. First what a change that was taken back at boot has left in the switch:
/// that may be all, where no network was ever confirmed.
pub async fn run(log: &Log) -> ExitCode {
    let place = Place::host();
    if place.change().exists() {
        // who makes the change, or takes it back, brings its own bridges
        return ExitCode::SUCCESS;
    }
    let late = match ThisMachine::open() {
        Ok(hands) => {
            let late = take_back_late(&place, &hands).await;
            late.inspect_err(|error| log.failure(NAME, error)).ok().flatten()
        }
        Err(error) => {
            log.failure(NAME, &error);
            None
        }
    };
    let host = Host::this();
    let first = !Path::new(DONE).exists();
    let manager = if first { MANAGER } else { Duration::ZERO };
    let restored = match (saved::path(&host.state).exists(), &late) {
        (false, Some(_)) => Ok(None),
        // the switch may have had the name or the NIC of a bridge that the manager then could not make
        (true, Some(_)) => match saved_stack(&host) {
            Ok(stack) => bring_back(stack, ovs::REMOTE, manager).await,
            Err(error) => Err(error),
        },
        _ => restore(&host, ovs::REMOTE, manager).await,
    };
    match restored {
        Ok(done) => {
            // only said to ourselves: where it can not be, the next time takes some seconds longer
            let _ = durable::replace(Path::new(DONE), b"", 0o644);
            if let Some(done) = late.into_iter().chain(done).reduce(|a, b| format!("{a}, {b}")) {
                log.summary(NAME, done);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.failure(NAME, &error);
            ExitCode::FAILURE
        }
    }
}

/// Open vSwitch's bridges and what stands with them; the rest is the manager's.
fn of_switch(stack: &Stack) -> Stack {
    let towers = stack.towers().into_iter();
    let with_switch =
        towers.filter(|tower| tower.iter().any(|device| matches!(device.kind, Kind::OvsBridge { .. })));
    Stack { devices: with_switch.flatten().cloned().collect() }
}

/// Until the switch answers and what its bridges stand on is there; what is still missing then is made.
async fn wait(means: &Means, stack: &Stack, end: Instant) -> Result<Observed, NetworkError> {
    loop {
        let observed = look(means, true).await?;
        let is_late = Instant::now() >= end;
        if observed.switch.is_some() && (is_late || stands(stack, &observed)) {
            return Ok(observed);
        }
        if is_late {
            return Err(NetworkError::NoSwitch(PATIENCE.as_secs()));
        }
        sleep(AGAIN).await;
    }
}

fn stands(stack: &Stack, observed: &Observed) -> bool {
    let bridges = stack.devices.iter().filter(|device| matches!(device.kind, Kind::OvsBridge { .. }));
    bridges.flat_map(|bridge| stack.below(&bridge.name)).all(|lower| observed.link(lower).is_some())
}
