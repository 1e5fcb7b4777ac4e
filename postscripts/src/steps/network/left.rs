//! A second change, after the one that did without them: devices that left the tables go, under a guard of its own. When it is
//! taken back, or its run is killed, what the first one made stays; the next run tries again.

use inventory::HostPlan;

use super::change::Work;
use super::execute::Means;
use super::found::{Found, Host};
use super::plan::{Leaving, Step};
use super::{NetworkError, Outcome, Run, saved};

/// Removes what nobody uses; what somebody uses is told.
pub(super) async fn remove(
    done: Work,
    means: &Means,
    run: &Run,
    host: &Host,
    plan: &HostPlan,
) -> Result<Outcome, NetworkError> {
    let left =
        done.made.devices.iter().any(|device| device.is_made() && done.stack.device(&device.name).is_none());
    if !left {
        return Ok(Outcome::NothingToDo);
    }
    let found = Found::look(means, host, plan).await?;
    let leaving = done.left(&found.observed);
    let summary = told(&leaving);
    let stays = !leaving.used.is_empty();
    // each after those that it stands on, as in a plan
    let used = leaving.used.into_iter().rev().map(|used| used.device).collect();
    let saved = saved::wanted(&host.state, &done.stack, used)?;
    // not a repair: who must answer has to, before and after
    let work = Work {
        steps: leaving.steps,
        files: Vec::new(),
        saved,
        is_repair: false,
        summary: Some(summary.clone()),
        ..done
    };
    match work.execute(means, &run.templates, &found.observed).await? {
        // what stays is told at each run
        Outcome::NothingToDo if stays => Ok(Outcome::Done(summary)),
        outcome => Ok(outcome),
    }
}

fn told(leaving: &Leaving) -> String {
    let removed = leaving.steps.iter().filter_map(|step| match step {
        Step::RemoveBridge(spec) => Some(&spec.name),
        Step::RemoveBond(spec) => Some(&spec.name),
        Step::RemoveVlan(spec) => Some(&spec.name),
        Step::RemoveOvs(spec) => Some(&spec.name),
        _ => None,
    });
    let removed = removed.map(|name| format!("removed {name}"));
    removed.chain(leaving.used.iter().map(ToString::to_string)).collect::<Vec<_>>().join("; ")
}
