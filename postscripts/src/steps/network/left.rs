//! A second change, after the one that did without them: devices that left the tables go, under a guard of its own. When it is
//! taken back, or its run is killed, what the first one made stays; the next run tries again.

use std::time::Duration;

use inventory::HostPlan;
use tokio::time::{Instant, sleep};

use super::change::Work;
use super::execute::Means;
use super::found::{Found, Host};
use super::plan::{Leaving, Step};
use super::references::Survey;
use super::{NetworkError, Outcome, Run, saved};

/// How long netd may take to move containers to a new bridge: it looks a second after a change.
const MOVED: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(200);

/// Removes what nobody uses; what somebody uses is told.
pub(super) async fn remove(
    done: Work,
    means: &Means,
    run: &Run,
    host: &Host,
    plan: &HostPlan,
) -> Result<Outcome, NetworkError> {
    if done.made.made_beyond(&done.stack).next().is_none() {
        return Ok(Outcome::NothingToDo);
    }
    let found = look(&done, means, host, plan).await?;
    let leaving = done.left(&found.observed);
    let summary = told(&leaving);
    // each after those that it stands on, as in a plan
    let stays = leaving.stays.into_iter().rev().map(|stays| stays.device).collect();
    let saved = saved::wanted(&host.state, &done.stack, stays)?;
    // not a repair: who must answer has to, before and after
    let work = Work {
        steps: leaving.steps,
        files: Vec::new(),
        saved,
        is_repair: false,
        // nothing of the host's own is on them
        moved: Vec::new(),
        survey: Survey::default(),
        summary: Some(summary.clone()),
        ..done
    };
    if !work.steps.is_empty() {
        return work.execute(means, &run.templates, &found.observed).await;
    }
    work.keep()?;
    // what stays is told at each run
    Ok(if summary.is_empty() { Outcome::NothingToDo } else { Outcome::Done(summary) })
}

/// The machine, once netd has moved the containers of a bridge that was replaced. Where it does not, they keep the bridge.
async fn look(done: &Work, means: &Means, host: &Host, plan: &HostPlan) -> Result<Found, NetworkError> {
    let end = Instant::now() + MOVED;
    loop {
        let found = Found::look(means, host, plan).await?;
        let waits = done.has_replaced && !done.left(&found.observed).stays.is_empty();
        if !waits || Instant::now() >= end {
            return Ok(found);
        }
        sleep(AGAIN).await;
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
    removed.chain(leaving.stays.iter().map(ToString::to_string)).collect::<Vec<_>>().join("; ")
}
