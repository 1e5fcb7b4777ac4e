//! `xdockhost restore`: restores the parts of the confirmed network that no network manager restores. Open
//! vSwitch keeps its bridges in its own database, but not the host's addresses and routes. A userspace
//! datapath loses those whenever ovs-vswitchd ends, and a deleted database has no bridges. Units run this at
//! boot and after each start of ovs-vswitchd.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hostnet::ovs;
use tokio::time::{Instant, sleep};

use super::backend::HostBackend;
use super::error::NetworkError;
use super::execute::{Backends, apply};
use super::guard::StateDir;
use super::guard::roll_back::roll_back_switch;
use super::heal;
use super::host_state::{HostPaths, observe_network};
use super::observe::Observed;
use super::plan::{KernelStep, Step, plan};
use super::resolved::{Kind, ResolvedNetwork};
use super::saved;
use crate::log::Log;

const NAME: &str = "network";
/// Timeout of ovsdb-server and of the manager's devices after the start.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Time in which the network manager may restore addresses itself at boot: ifup fails if an address already
/// exists.
const MANAGER_TIMEOUT: Duration = Duration::from_secs(5);
/// Marks that restore has run since boot. From then on, it does not wait for the network manager.
const RESTORED_MARK: &str = "/run/xdock/network-restored";

/// Restores the saved network and returns the executed steps; `None` if nothing was missing. `manager` is the
/// time that the network manager has to restore its part.
///
/// # Errors
/// See [`NetworkError`].
pub async fn restore(
    host: &HostPaths,
    remote: &str,
    manager: Duration,
) -> Result<Option<String>, NetworkError> {
    let network = saved_network(host)?;
    restore_network(ovs_components(&network), remote, manager).await
}

fn saved_network(host: &HostPaths) -> Result<ResolvedNetwork, NetworkError> {
    saved::read(&host.state)?
        .ok_or_else(|| NetworkError::NothingSaved(saved::path(&host.state).display().to_string()))
}

async fn restore_network(
    network: ResolvedNetwork,
    remote: &str,
    manager: Duration,
) -> Result<Option<String>, NetworkError> {
    if network.devices.is_empty() {
        return Ok(None);
    }
    let backends = Backends::open(remote).map_err(NetworkError::Observe)?;
    let (begun, end) = (Instant::now(), Instant::now() + SWITCH_TIMEOUT);
    let mut done: Vec<String> = Vec::new();
    loop {
        let observed = wait(&backends, &network, end).await?;
        let steps = plan(&network, &observed);
        if steps.is_empty() {
            break;
        }
        if begun.elapsed() < manager && steps.iter().any(is_for_manager) {
            sleep(POLL_INTERVAL).await;
            continue;
        }
        match apply(&backends, &steps, |_| {}).await {
            Ok(()) => {
                done.extend(steps.iter().map(ToString::to_string));
                // another program reverts the steps again and again
                if Instant::now() >= end {
                    break;
                }
            }
            // the switch is still starting
            Err(_) if Instant::now() < end => sleep(POLL_INTERVAL).await,
            Err(error) => return Err(NetworkError::Restore(error)),
        }
    }
    Ok((!done.is_empty()).then(|| done.join(", ")))
}

/// Whether a network manager may execute the step itself. No manager isolates the NIC of a userspace
/// datapath.
fn is_for_manager(step: &Step) -> bool {
    !matches!(step, Step::Kernel(KernelStep::SetHostIpFilter { .. }))
}

/// Restores this host's network and logs the steps. First it rolls back what a change has left in Open
/// vSwitch's database if the change was rolled back at boot. Without a confirmed network that may be all.
pub async fn run(log: &Log) -> ExitCode {
    let state_dir = StateDir::host();
    if state_dir.change().exists() {
        // a running change or rollback creates its own bridges
        return ExitCode::SUCCESS;
    }
    let late = match HostBackend::open() {
        Ok(backend) => {
            let late = roll_back_switch(&state_dir, &backend).await;
            late.inspect_err(|error| log.failure(NAME, error)).ok().flatten()
        }
        Err(error) => {
            log.failure(NAME, &error);
            None
        }
    };
    let host = HostPaths::host();
    let first = !Path::new(RESTORED_MARK).exists();
    let manager = if first { MANAGER_TIMEOUT } else { Duration::ZERO };
    let restored = match (saved::path(&host.state).exists(), &late) {
        (false, Some(_)) => Ok(None),
        // Open vSwitch may have had the name or NIC of a bridge that the manager could therefore not create
        (true, Some(_)) => match saved_network(&host) {
            Ok(network) => restore_network(network, ovs::REMOTE, manager).await,
            Err(error) => Err(error),
        },
        _ => restore(&host, ovs::REMOTE, manager).await,
    };
    match restored {
        Ok(done) => {
            // without the mark the next run only takes some seconds longer
            let _ = durable::replace(Path::new(RESTORED_MARK), b"", 0o644);
            if let Some(done) = late.into_iter().chain(done).reduce(|a, b| format!("{a}, {b}")) {
                log.summary(NAME, done);
            }
            restore_rest(log).await
        }
        Err(error) => {
            log.failure(NAME, &error);
            ExitCode::FAILURE
        }
    }
}

/// All devices, if the host does not boot: then the manager brings up those without Open vSwitch.
async fn restore_rest(log: &Log) -> ExitCode {
    match heal::restore_now(ovs::REMOTE).await {
        Ok(done) => {
            done.into_iter().for_each(|done| log.summary(NAME, done));
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.failure(NAME, &error);
            ExitCode::FAILURE
        }
    }
}

/// Open vSwitch's bridges with all devices below and above them. The manager restores the others.
fn ovs_components(network: &ResolvedNetwork) -> ResolvedNetwork {
    let components = network.components().into_iter();
    let with_ovs = components
        .filter(|component| component.iter().any(|device| matches!(device.kind, Kind::OvsBridge { .. })));
    ResolvedNetwork { devices: with_ovs.flatten().cloned().collect() }
}

/// Waits until the switch answers and the ports of its bridges exist. Ports that are missing at the end are
/// created.
async fn wait(
    backends: &Backends,
    network: &ResolvedNetwork,
    end: Instant,
) -> Result<Observed, NetworkError> {
    loop {
        let observed = observe_network(backends, true).await?;
        let is_late = Instant::now() >= end;
        if observed.switch.is_some() && (is_late || ports_exist(network, &observed)) {
            return Ok(observed);
        }
        if is_late {
            return Err(NetworkError::NoSwitch(SWITCH_TIMEOUT.as_secs()));
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn ports_exist(network: &ResolvedNetwork, observed: &Observed) -> bool {
    let bridges = network.devices.iter().filter(|device| matches!(device.kind, Kind::OvsBridge { .. }));
    bridges.flat_map(|bridge| network.below(&bridge.name)).all(|lower| observed.link(lower).is_some())
}
