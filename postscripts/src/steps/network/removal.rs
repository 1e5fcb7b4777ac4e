//! Second change: removes devices that are no longer in the tables, with its own guard. If it fails, the
//! first change stays in effect and the next run tries again.

use std::time::Duration;

use inventory::HostPlan;
use tokio::time::{Instant, sleep};

use super::change::NetworkChange;
use super::execute::Backends;
use super::host_state::{HostPaths, HostState};
use super::plan::{KernelStep, Removal, Step, SwitchStep};
use super::references::Survey;
use super::{NetworkError, Outcome, Run, saved};

/// Timeout of netd to move containers to a new bridge. netd starts a second after the change.
const MOVE_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Removes unused devices and reports those that are still in use.
pub(super) async fn remove(
    done: NetworkChange,
    backends: &Backends,
    run: &Run,
    host: &HostPaths,
    plan: &HostPlan,
) -> Result<Outcome, NetworkError> {
    if done.created.devices_not_in(&done.network).next().is_none() {
        return Ok(Outcome::NothingToDo);
    }
    let found = observe_moved(&done, backends, host, plan).await?;
    let removal = done.removal(&found.observed);
    let summary = summary_of(&removal);
    // in the order of a plan: each after the devices below it
    let still_in_use =
        removal.still_in_use.into_iter().rev().map(|still_in_use| still_in_use.device).collect();
    let saved = saved::desired_files(&host.state, &done.network, still_in_use)?;
    // the probes must be answered before and after
    let change = NetworkChange {
        steps: removal.steps,
        files: Vec::new(),
        saved,
        is_repair: false,
        // these devices have no address of the host
        moved: Vec::new(),
        survey: Survey::default(),
        summary: Some(summary.clone()),
        ..done
    };
    if !change.steps.is_empty() {
        return change.execute(backends, &run.templates, &found.observed).await;
    }
    change.save()?;
    // devices in use are reported at each run
    Ok(if summary.is_empty() { Outcome::NothingToDo } else { Outcome::Done(summary) })
}

/// Observes the host after netd has moved the containers of a replaced bridge. After the timeout the
/// containers keep the bridge.
async fn observe_moved(
    done: &NetworkChange,
    backends: &Backends,
    host: &HostPaths,
    plan: &HostPlan,
) -> Result<HostState, NetworkError> {
    let end = Instant::now() + MOVE_TIMEOUT;
    loop {
        let found = HostState::collect(backends, host, plan).await?;
        let waits = done.has_replaced && !done.removal(&found.observed).still_in_use.is_empty();
        if !waits || Instant::now() >= end {
            return Ok(found);
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn summary_of(removal: &Removal) -> String {
    let removed = removal.steps.iter().filter_map(|step| match step {
        Step::Kernel(KernelStep::RemoveBridge(spec)) => Some(&spec.name),
        Step::Kernel(KernelStep::RemoveBond(spec)) => Some(&spec.name),
        Step::Kernel(KernelStep::RemoveVlan(spec)) => Some(&spec.name),
        Step::Switch(SwitchStep::RemoveBridge(spec)) => Some(&spec.name),
        _ => None,
    });
    let removed = removed.map(|name| format!("removed {name}"));
    removed.chain(removal.still_in_use.iter().map(ToString::to_string)).collect::<Vec<_>>().join("; ")
}
