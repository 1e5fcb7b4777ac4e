//! Reconciliation: at the start, on events, on a timer, on demand; always the same pass.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{Daemon, Message, Scope};
use crate::moment::Moment;
use crate::reconcile::{Observed, Plan, Step, needs_switch, plan};
use crate::state::Change;
use crate::status::Reconciled;

/// How long changes of the host may go on before it is looked at: a container's start alone makes a dozen, over half a
/// second, and a look in the middle of it would only take the processor from it.
const SETTLE: Duration = Duration::from_secs(1);

/// How many repairs are remembered for `netd status`.
const REMEMBERED: usize = 20;

/// Where reconciliation is.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// A pass is on its way.
    running: bool,
    /// What to look at when it has ended.
    again: Option<Scope>,
    /// What to look at when changes have settled.
    changed: Option<Scope>,
    /// Who waits for a pass that begins from now on.
    waiting: Vec<oneshot::Sender<Reconciled>>,
    /// Who waits for the pass on its way.
    served: Vec<oneshot::Sender<Reconciled>>,
    /// What the pass on its way did so far.
    done: Vec<String>,
    /// The last repairs.
    pub(super) repairs: VecDeque<(Moment, String)>,
    /// What the last pass could do nothing about.
    pub(super) problems: Vec<String>,
    /// What it could not do.
    pub(super) failures: Vec<String>,
}

impl Upkeep {
    /// Remembers and logs a repair.
    pub(super) fn repaired(&mut self, text: String) {
        info!("repaired: {text}");
        self.done.push(text.clone());
        self.repairs.push_back((Moment::now(), text));
        if self.repairs.len() > REMEMBERED {
            self.repairs.pop_front();
        }
    }
}

impl Daemon {
    /// Something changed: look at it when it has settled.
    pub(super) fn changed(&mut self, scope: Scope) {
        if self.upkeep.changed.is_none() {
            let inbox = self.inbox();
            tokio::spawn(async move {
                tokio::time::sleep(SETTLE).await;
                inbox.send(Message::Settled)
            });
        }
        self.upkeep.changed = self.upkeep.changed.max(Some(scope));
    }

    pub(super) fn settled(&mut self) {
        if let Some(scope) = self.upkeep.changed.take() {
            self.observe(scope);
        }
    }

    pub(super) fn reconcile(&mut self, waiting: oneshot::Sender<Reconciled>) {
        self.upkeep.waiting.push(waiting);
        self.observe(Scope::All);
    }

    /// Begins a pass, now or after the one on its way.
    pub(super) fn observe(&mut self, scope: Scope) {
        if self.upkeep.running {
            self.upkeep.again = self.upkeep.again.max(Some(scope));
            return;
        }
        self.upkeep.running = true;
        self.upkeep.done.clear();
        if scope == Scope::All {
            self.upkeep.served.append(&mut self.upkeep.waiting);
        }
        self.host.observe(scope, needs_switch(&self.state));
    }

    pub(super) fn observed(&mut self, observed: Result<Observed, String>) {
        match observed {
            Ok(observed) => self.repair(plan(&self.state, &observed)),
            Err(problem) => {
                error!("{problem}");
                self.upkeep.problems = vec![problem];
                self.ended();
            }
        }
    }

    fn repair(&mut self, plan: Plan) {
        let Plan { moved, retired, steps, problems } = plan;
        for problem in problems.iter().filter(|problem| !self.upkeep.problems.contains(problem)) {
            warn!("{problem}");
        }
        self.upkeep.problems = problems;
        for moved in moved {
            // an error was logged, and the next pass moves it again
            let text = moved.to_string();
            if self.commit(vec![Change::Endpoint(moved.endpoint)]).is_ok() {
                self.upkeep.repaired(text);
            }
        }
        for gone in retired {
            if self.commit(vec![Change::NoEndpoint(gone.endpoint.clone())]).is_ok() {
                self.upkeep.repaired(gone.to_string());
            }
        }
        if steps.is_empty() {
            self.upkeep.failures.clear();
            self.ended();
        } else {
            self.host.execute(steps);
        }
    }

    pub(super) fn executed(&mut self, done: Vec<(Step, Result<bool, String>)>) {
        let mut failures = Vec::new();
        for (step, result) in done {
            match result {
                Ok(true) => self.upkeep.repaired(step.to_string()),
                Ok(false) => {}
                Err(failure) => failures.push(failure),
            }
        }
        for failure in failures.iter().filter(|failure| !self.upkeep.failures.contains(failure)) {
            warn!("{failure}");
        }
        self.upkeep.failures = failures;
        self.ended();
    }

    fn ended(&mut self) {
        self.upkeep.running = false;
        let upkeep = &mut self.upkeep;
        let problems = upkeep.problems.iter().chain(&upkeep.failures).cloned().collect();
        let told = Reconciled { repairs: std::mem::take(&mut upkeep.done), problems };
        for waiting in self.upkeep.served.drain(..) {
            let _ = waiting.send(told.clone());
        }
        let again = self.upkeep.again.take();
        if let Some(scope) = again {
            self.observe(scope);
        }
    }
}
