//! Reconciliation: the same pass at the start, after events, on a timer and on demand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use inventory::IfName;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::Daemon;
use crate::boot_time::BootTime;
use crate::message::{Message, Scope};
use crate::names::{Container, Observed};
use crate::reconcile::{Observation, Plan, Step, ovs_bridges, plan};
use crate::state::Change;
use crate::status::Reconciled;

/// Delay between an event and the pass that it triggers. The start of a container causes a dozen events within half a
/// second, and a pass in between would only compete with it for the CPU.
const EVENT_DELAY: Duration = Duration::from_secs(1);

/// How many repairs `netd status` shows.
const MAX_REPAIRS: usize = 20;

/// The state of reconciliation.
#[derive(Debug, Default)]
pub(super) struct Reconciler {
    /// Whether a pass is running.
    running: bool,
    /// The scope of the next pass, which starts after the running one.
    next: Option<Scope>,
    /// The scope of the pass that starts after [`EVENT_DELAY`].
    changed: Option<Scope>,
    /// Bridges whose flows are watched.
    watched: BTreeSet<IfName>,
    /// Requests for a full pass that has not started yet.
    waiting: Vec<oneshot::Sender<Reconciled>>,
    /// Requests that the running pass answers.
    served: Vec<oneshot::Sender<Reconciled>>,
    /// Repairs of the running pass.
    done: Vec<String>,
    /// The last repairs.
    pub(super) repairs: VecDeque<(BootTime, String)>,
    /// Problems of the last pass that netd cannot repair.
    pub(super) problems: Vec<String>,
    /// Problems of published ports in the last pass that observed them.
    port_problems: Vec<String>,
    /// Repairs of the last pass that failed.
    pub(super) failures: Vec<String>,
    /// Sandboxes and their DNS sockets as of the last pass.
    pub(super) sandboxes: Observed,
    /// Docker's containers of the sandboxes. They do not change.
    containers: BTreeMap<PathBuf, Container>,
}

impl Reconciler {
    /// Logs a repair, and stores it for `netd status`.
    pub(super) fn repaired(&mut self, text: String) {
        info!("repaired: {text}");
        self.done.push(text.clone());
        self.repairs.push_back((BootTime::now(), text));
        if self.repairs.len() > MAX_REPAIRS {
            self.repairs.pop_front();
        }
    }
}

impl Daemon {
    /// The host changed: starts a pass after [`EVENT_DELAY`].
    pub(super) fn changed(&mut self, scope: Scope) {
        if self.reconciler.changed.is_none() {
            let inbox = self.inbox();
            tokio::spawn(async move {
                tokio::time::sleep(EVENT_DELAY).await;
                inbox.send(Message::Settled)
            });
        }
        self.reconciler.changed = self.reconciler.changed.max(Some(scope));
    }

    pub(super) fn settled(&mut self) {
        if let Some(scope) = self.reconciler.changed.take() {
            self.observe(scope);
        }
    }

    pub(super) fn reconcile(&mut self, waiting: oneshot::Sender<Reconciled>) {
        self.reconciler.waiting.push(waiting);
        self.observe(Scope::All);
    }

    /// Starts a pass, now or after the running one.
    pub(super) fn observe(&mut self, scope: Scope) {
        if self.reconciler.running {
            self.reconciler.next = self.reconciler.next.max(Some(scope));
            return;
        }
        self.reconciler.running = true;
        self.reconciler.done.clear();
        if scope == Scope::All {
            self.reconciler.served.append(&mut self.reconciler.waiting);
        }
        let bridges = ovs_bridges(&self.state);
        for bridge in &bridges {
            if self.reconciler.watched.insert(bridge.clone()) {
                self.host.watch_flows(bridge.clone());
            }
        }
        let sandboxes: Vec<PathBuf> = self.state.sandboxes().into_keys().map(PathBuf::from).collect();
        let known = &mut self.reconciler.containers;
        known.retain(|sandbox, _| sandboxes.contains(sandbox));
        self.host.observe(scope, bridges, sandboxes, known.clone());
    }

    pub(super) fn observed(&mut self, observed: Result<Box<Observation>, String>) {
        match observed {
            Ok(observation) => {
                let mut plan = plan(&self.state, &observation);
                if let Some(problems) = plan.port_problems.take() {
                    self.reconciler.port_problems = problems;
                }
                plan.problems.extend(self.reconciler.port_problems.iter().cloned());
                plan.problems.extend(self.missing_reservations());
                self.reconciler.sandboxes = observation.sandboxes;
                self.reconciler.containers = observation.hosts_files.containers;
                self.repair(plan);
            }
            Err(problem) => {
                error!("{problem}");
                self.reconciler.problems = vec![problem];
                self.pass_ended();
            }
        }
    }

    fn repair(&mut self, plan: Plan) {
        let Plan { moved, stale, steps, problems, port_problems: _ } = plan;
        for problem in problems.iter().filter(|problem| !self.reconciler.problems.contains(problem)) {
            warn!("{problem}");
        }
        self.reconciler.problems = problems;
        // commit logs an error, and the next pass retries
        for moved in moved {
            let text = moved.to_string();
            if self.commit(vec![Change::PutEndpoint(moved.endpoint)]).is_ok() {
                self.reconciler.repaired(text);
            }
        }
        for stale in stale {
            if self.commit(vec![Change::RemoveEndpoint(stale.endpoint.clone())]).is_ok() {
                self.reconciler.repaired(stale.to_string());
            }
        }
        if steps.is_empty() {
            self.reconciler.failures.clear();
            self.pass_ended();
        } else {
            self.host.execute(steps);
        }
    }

    pub(super) fn executed(&mut self, done: Vec<(Step, Result<bool, String>)>) {
        let mut failures = Vec::new();
        for (step, result) in done {
            match result {
                Ok(true) => self.reconciler.repaired(step.to_string()),
                Ok(false) => {}
                Err(failure) => failures.push(failure),
            }
        }
        for failure in failures.iter().filter(|failure| !self.reconciler.failures.contains(failure)) {
            warn!("{failure}");
        }
        self.reconciler.failures = failures;
        self.pass_ended();
    }

    fn pass_ended(&mut self) {
        self.reconciler.running = false;
        let reconciler = &mut self.reconciler;
        let problems = reconciler.problems.iter().chain(&reconciler.failures).cloned().collect();
        let result = Reconciled { repairs: std::mem::take(&mut reconciler.done), problems };
        for waiting in self.reconciler.served.drain(..) {
            let _ = waiting.send(result.clone());
        }
        let next = self.reconciler.next.take();
        if let Some(scope) = next {
            self.observe(scope);
        }
    }
}
