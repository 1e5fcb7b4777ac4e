//! Executes the decisions about dockerd's calls.

use std::time::Duration;

use plugin::{Call, EndpointId, NetworkCall, PortBinding, Reply};
use tracing::{debug, warn};

use super::Daemon;
use super::pending::{PendingAnswer, Progress};
use crate::boot_time::BootTime;
use crate::fabric::probes_before_attach;
use crate::filter::Filters;
use crate::grant::{Decision, decide};
use crate::message::{Conflict, LinkState, Message, ReplySender, Scope};
use crate::reconcile::is_alive;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, Phase};

/// How long a start waits until the node's previous endpoint is gone, and how often it checks.
const CONFLICT_TIMEOUT: Duration = Duration::from_secs(2);
const CONFLICT_INTERVAL: Duration = Duration::from_millis(50);

impl Daemon {
    pub(super) fn call(&mut self, call: Call, answer: ReplySender) {
        let deadline = BootTime::now().after(CONFLICT_TIMEOUT);
        self.call_until(call, answer, deadline);
    }

    fn call_until(&mut self, call: Call, answer: ReplySender, deadline: BootTime) {
        match decide(&self.state, &call, BootTime::now()) {
            Err(refusal) => refuse(answer, &self.reason(&call, &refusal)),
            Ok(Decision::Conflict { with, refusal }) => {
                self.check_conflict(Conflict { call, answer, with, refusal, deadline }, Duration::ZERO);
            }
            Ok(decision) => {
                debug!("{call:?}");
                self.execute(decision, answer);
            }
        }
    }

    /// If the probe found the address in use, the endpoint is gone when `Join` comes. The probe's result is
    /// the reason then.
    fn reason(&self, call: &Call, refusal: &Refusal) -> String {
        let failed = match call {
            Call::Network(NetworkCall::Join(join)) => self.pending.failure(&join.id.endpoint),
            _ => None,
        };
        failed.map_or_else(|| refusal.to_string(), str::to_owned)
    }

    fn execute(&mut self, decision: Decision, answer: ReplySender) {
        match decision {
            Decision::Answer(reply, changes) => {
                let done = self.commit(changes).map(|()| reply);
                // fails if dockerd was killed
                let _ = answer.send(done);
            }
            Decision::Attach { endpoint, bindings, before, reply } => {
                match self.record_start(&endpoint, &bindings, before) {
                    Ok(endpoint) => self.attach(&endpoint, reply, answer),
                    Err(reason) => refuse(answer, &reason),
                }
            }
            Decision::Repeated { endpoint, reply } => {
                self.answer_when_ready(&endpoint, PendingAnswer::CreateEndpoint(reply, answer));
            }
            Decision::Join { joined, reply } => {
                let id = joined.id.clone();
                self.answer_when_ready(&id, PendingAnswer::Join(Box::new(joined), reply, answer));
            }
            Decision::CheckStale { endpoint, reply } => {
                let _ = answer.send(Ok(reply));
                self.check_stale(endpoint);
            }
            Decision::Conflict { refusal, .. } => refuse(answer, &refusal.to_string()),
        }
    }

    /// Writes the record of a start before anything is created, so that netd finds it if it is killed in between.
    fn record_start(
        &mut self,
        endpoint: &Endpoint,
        bindings: &[PortBinding],
        before: Vec<Change>,
    ) -> Result<Endpoint, String> {
        self.commit(before)?;
        let reserved = self.reserve_ports(endpoint, bindings).map_err(|refusal| refusal.to_string());
        let recorded = reserved
            .and_then(|endpoint| self.commit(vec![Change::PutEndpoint(endpoint.clone())]).map(|()| endpoint));
        if recorded.is_err() {
            // releases what was reserved
            self.ports_changed();
        }
        recorded
    }

    fn attach(&mut self, endpoint: &Endpoint, reply: Reply, answer: ReplySender) {
        let recent = self.state.recently_released(&endpoint.node, &endpoint.addresses, BootTime::now());
        let probe = self.host.probes() && !recent;
        let progress = Progress { attached: false, probed: !probe, published: !endpoint.publishes() };
        self.pending.begin(endpoint.id.clone(), progress);
        self.answer_when_ready(&endpoint.id, PendingAnswer::CreateEndpoint(reply, answer));
        self.host.attach(endpoint, Filters::new(self.state.snapshot.as_deref()).of(endpoint));
        if endpoint.publishes() {
            self.host.report_published(endpoint.id.clone());
        }
        if probe && probes_before_attach(endpoint.fabric) {
            // most of the probe window passes while dockerd creates the container's namespace
            self.host.probe(endpoint);
        }
    }

    pub(super) fn attached(&mut self, attached: &Endpoint, done: Result<(), String>) {
        let id = &attached.id;
        let Some(endpoint) = self.state.endpoints.get(id) else {
            // the endpoint was deleted meanwhile
            return self.host.detach(attached);
        };
        let created = Endpoint { phase: Phase::Created, since: BootTime::now(), ..endpoint.clone() };
        match done.and_then(|()| self.commit(vec![Change::PutEndpoint(created)])) {
            Ok(()) => {
                if self.pending.lacks_probe(id) && !probes_before_attach(attached.fabric) {
                    self.host.probe(attached);
                }
                self.answer_all(|pending| pending.attached(id));
            }
            Err(error) => self.fail_start(id, &error),
        }
    }

    pub(super) fn probed(&mut self, id: &EndpointId, refusal: Option<Refusal>) {
        match refusal {
            None => self.answer_all(|pending| pending.probed(id)),
            Some(refusal) => self.fail_start(id, &refusal.to_string()),
        }
    }

    pub(super) fn published(&mut self, id: &EndpointId, done: Result<(), String>) {
        match done {
            Ok(()) => self.answer_all(|pending| pending.published(id)),
            Err(error) => self.fail_start(id, &error),
        }
    }

    /// Rolls back a start that failed on the host, and answers its pending calls.
    fn fail_start(&mut self, id: &EndpointId, reason: &str) {
        warn!("refused: {reason}");
        self.pending.fail_start(id, reason);
        // commit logs an error, and reconciliation retries
        let _ = self.commit(vec![Change::RemoveEndpoint(id.clone())]);
    }

    fn answer_when_ready(&mut self, id: &EndpointId, answer: PendingAnswer) {
        self.answer_all(|pending| pending.add(id, answer).into_iter().collect());
    }

    fn answer_all(&mut self, ready: impl FnOnce(&mut super::Pending) -> Vec<PendingAnswer>) {
        for answer in ready(&mut self.pending) {
            match answer {
                PendingAnswer::CreateEndpoint(reply, answer) => drop(answer.send(Ok(reply))),
                PendingAnswer::Join(endpoint, reply, answer) => self.join(*endpoint, reply, answer),
            }
        }
    }

    fn join(&mut self, endpoint: Endpoint, reply: Reply, answer: ReplySender) {
        let joined = Endpoint { since: BootTime::now(), ..endpoint };
        let done = self.commit(vec![Change::PutEndpoint(joined.clone())]);
        self.host.join_names(&joined, done.map(|()| reply), answer);
        self.host.announce(&joined);
        if joined.publishes() {
            // a port that cannot be published changes nothing on the host, and so causes no event
            self.changed(Scope::All);
        }
    }

    fn check_conflict(&self, conflict: Conflict, delay: Duration) {
        let port = crate::interface::ends(conflict.with.as_str()).0;
        self.host.check_link(port, delay, |link| Message::ConflictChecked(Box::new(conflict), link));
    }

    /// Removes the existing endpoint if no container uses it. Otherwise checks again until the deadline.
    pub(super) fn conflict_checked(&mut self, conflict: Conflict, link: &LinkState) {
        let now = BootTime::now();
        let is_dead =
            |endpoint: &Endpoint| matches!(link, Ok(link) if !is_alive(endpoint, link.as_ref(), now));
        match self.state.endpoints.get(&conflict.with) {
            Some(existing) if existing.phase == Phase::Joined && is_dead(existing) => {
                self.remove_stale(&conflict.with, "no container uses it");
                self.call_until(conflict.call, conflict.answer, conflict.deadline);
            }
            Some(_) if now >= conflict.deadline => refuse(conflict.answer, &conflict.refusal.to_string()),
            Some(existing) if matches!(existing.phase, Phase::Joined | Phase::Created | Phase::Intended) => {
                self.check_conflict(conflict, CONFLICT_INTERVAL);
            }
            _ => self.call_until(conflict.call, conflict.answer, conflict.deadline),
        }
    }

    fn check_stale(&self, id: EndpointId) {
        let port = crate::interface::ends(id.as_str()).0;
        self.host.check_link(port, Duration::ZERO, |link| Message::StaleChecked(id, link));
    }

    pub(super) fn stale_checked(&mut self, id: &EndpointId, link: &LinkState) {
        let is_dead = match (self.state.endpoints.get(id), link) {
            (Some(endpoint), Ok(link)) => !is_alive(endpoint, link.as_ref(), BootTime::now()),
            _ => false,
        };
        if is_dead {
            self.remove_stale(id, "Docker released its address");
        }
    }
}

fn refuse(answer: ReplySender, reason: &str) {
    warn!("refused: {reason}");
    let _ = answer.send(Err(reason.to_owned()));
}
