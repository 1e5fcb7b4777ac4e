//! A second change, after the one that did without them: devices that left the tables go, under a guard of its own. When it is
//! taken back, or its run is killed, what the first one made still_in_use; the next run tries again.

use std::time::Duration;

use inventory::HostPlan;
use tokio::time::{Instant, sleep};

use super::change::NetworkChange;
use super::execute::Backends;
use super::host_state::{HostPaths, HostState};
use super::plan::{KernelStep, Removal, Step, SwitchStep};
use super::references::Survey;
use super::{NetworkError, Outcome, Run, saved};

/// How long netd may take to move containers to a new bridge: it looks a second after a change.
const MOVE_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Removes what nobody uses; what somebody uses is told.
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
    let found = look(&done, backends, host, plan).await?;
    let removal = done.removal(&found.observed);
    let summary = summary_of(&removal);
    // each after those that it stands on, as in a plan
    let still_in_use =
        removal.still_in_use.into_iter().rev().map(|still_in_use| still_in_use.device).collect();
    let saved = saved::desired_files(&host.state, &done.network, still_in_use)?;
    // not a repair: who must answer has to, before and after
    let change = NetworkChange {
        steps: removal.steps,
        files: Vec::new(),
        saved,
        is_repair: false,
        // nothing of the host's own is on them
        moved: Vec::new(),
        survey: Survey::default(),
        summary: Some(summary.clone()),
        ..done
    };
    if !change.steps.is_empty() {
        return change.execute(backends, &run.templates, &found.observed).await;
    }
    change.save()?;
    // what still_in_use is told at each run
    Ok(if summary.is_empty() { Outcome::NothingToDo } else { Outcome::Done(summary) })
}

/// The machine, once netd has moved the containers of a bridge that was replaced. Where it does not, they keep the bridge.
async fn look(
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
