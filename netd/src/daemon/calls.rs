//! dockerd's calls: verdicts carried out.

use std::time::Duration;

use plugin::{Call, EndpointId, NetworkCall, Reply};
use tracing::{debug, warn};

use super::pending::Waiting;
use super::{Answer, Daemon, Message};
use crate::fabric::rules;
use crate::grant::{Verdict, decide};
use crate::host::Look;
use crate::moment::Moment;
use crate::reconcile::is_alive;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint, Phase};

/// How long a start waits for the end of the same node's last run, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A start that another endpoint is in the way of.
#[derive(Debug)]
pub(crate) struct Contest {
    call: Call,
    answer: Answer,
    by: EndpointId,
    refusal: Refusal,
    until: Moment,
}

impl Daemon {
    pub(super) fn call(&mut self, call: Call, answer: Answer) {
        let until = Moment::now().after(PATIENCE);
        self.call_until(call, answer, until);
    }

    fn call_until(&mut self, call: Call, answer: Answer, until: Moment) {
        match decide(&self.state, &call, Moment::now()) {
            Err(refusal) => refuse(answer, &self.reason(&call, &refusal)),
            Ok(Verdict::Occupied { by, refusal }) => {
                self.contest(Contest { call, answer, by, refusal, until }, Duration::ZERO);
            }
            Ok(verdict) => {
                debug!("{call:?}");
                self.carry_out(verdict, answer);
            }
        }
    }

    /// `Join` finds no endpoint where the wire's answer came before it: then that is the reason.
    fn reason(&self, call: &Call, refusal: &Refusal) -> String {
        let failed = match call {
            Call::Network(NetworkCall::Join(join)) => self.pending.failure(&join.id.endpoint),
            _ => None,
        };
        failed.map_or_else(|| refusal.to_string(), str::to_owned)
    }

    fn carry_out(&mut self, verdict: Verdict, answer: Answer) {
        match verdict {
            Verdict::Answer(reply, changes) => {
                let done = self.commit(changes).map(|()| reply);
                // nobody waits: dockerd was killed
                let _ = answer.send(done);
            }
            Verdict::Attach { endpoint, before, reply } => self.attach(&endpoint, before, reply, answer),
            Verdict::Created { endpoint, reply } => self.wait(&endpoint, Waiting::Created(reply, answer)),
            Verdict::Join { joined, reply } => {
                let id = joined.id.clone();
                self.wait(&id, Waiting::Join(Box::new(joined), reply, answer));
            }
            Verdict::Suspect { endpoint, reply } => {
                let _ = answer.send(Ok(reply));
                self.suspect(endpoint);
            }
            Verdict::Occupied { refusal, .. } => refuse(answer, &refusal.to_string()),
        }
    }

    /// The record is written before the pair is made, so that a netd that is killed in between finds it.
    fn attach(&mut self, endpoint: &Endpoint, before: Vec<Change>, reply: Reply, answer: Answer) {
        let recorded =
            self.commit(before).and_then(|()| self.commit(vec![Change::Endpoint(endpoint.clone())]));
        if let Err(error) = recorded {
            return refuse(answer, &error);
        }
        let known = self.state.had_lately(&endpoint.node, &endpoint.addresses, Moment::now());
        let probe = self.host.probes() && !known;
        self.pending.begin(endpoint.id.clone(), false, !probe);
        self.wait(&endpoint.id, Waiting::Created(reply, answer));
        self.host.attach(endpoint);
        if probe && rules(endpoint.fabric).asks_early() {
            // now, so that most of the window passes while dockerd makes the container's namespace
            self.host.probe(endpoint);
        }
    }

    pub(super) fn attached(&mut self, made: &Endpoint, done: Result<(), String>) {
        let id = &made.id;
        let Some(endpoint) = self.state.endpoints.get(id) else {
            // it was deleted while the pair was made
            return self.host.detach(made);
        };
        let created = Endpoint { phase: Phase::Created, since: Moment::now(), ..endpoint.clone() };
        match done.and_then(|()| self.commit(vec![Change::Endpoint(created)])) {
            Ok(()) => {
                if self.pending.lacks_probe(id) && !rules(made.fabric).asks_early() {
                    self.host.probe(made);
                }
                self.answer_all(|pending| pending.attached(id));
            }
            Err(error) => self.give_up(id, &error),
        }
    }

    pub(super) fn probed(&mut self, id: &EndpointId, squatter: Option<Refusal>) {
        match squatter {
            None => self.answer_all(|pending| pending.probed(id)),
            Some(refusal) => self.give_up(id, &refusal.to_string()),
        }
    }

    /// A start that failed on the host: nothing of it stays, and who waits is told.
    fn give_up(&mut self, id: &EndpointId, why: &str) {
        warn!("refused: {why}");
        self.pending.fail_for_good(id, why);
        // an error was logged, and reconciliation comes back to it
        let _ = self.commit(vec![Change::NoEndpoint(id.clone())]);
    }

    fn wait(&mut self, id: &EndpointId, waiting: Waiting) {
        self.answer_all(|pending| pending.wait(id, waiting).into_iter().collect());
    }

    fn answer_all(&mut self, ready: impl FnOnce(&mut super::Pending) -> Vec<Waiting>) {
        for waiting in ready(&mut self.pending) {
            match waiting {
                Waiting::Created(reply, answer) => drop(answer.send(Ok(reply))),
                Waiting::Join(endpoint, reply, answer) => self.join(*endpoint, reply, answer),
            }
        }
    }

    fn join(&mut self, endpoint: Endpoint, reply: Reply, answer: Answer) {
        let joined = Endpoint { since: Moment::now(), ..endpoint };
        let done = self.commit(vec![Change::Endpoint(joined.clone())]);
        let _ = answer.send(done.map(|()| reply));
        self.host.announce(&joined);
    }

    fn contest(&self, contest: Contest, wait: Duration) {
        let port = crate::interface::ends(contest.by.as_str()).0;
        self.host.look(port, wait, |look| Message::Contested(Box::new(contest), look));
    }

    /// The one in the way is dead: it goes. It lives: it has until the end of our patience to go by itself.
    pub(super) fn contested(&mut self, contest: Contest, look: &Look) {
        let now = Moment::now();
        let dead = |by: &Endpoint| matches!(look, Ok(link) if !is_alive(by, link.as_ref(), now));
        match self.state.endpoints.get(&contest.by) {
            Some(by) if by.phase == Phase::Joined && dead(by) => {
                self.retire(&contest.by, "no container has it");
                self.call_until(contest.call, contest.answer, contest.until);
            }
            Some(_) if now >= contest.until => refuse(contest.answer, &contest.refusal.to_string()),
            Some(by) if matches!(by.phase, Phase::Joined | Phase::Created | Phase::Intended) => {
                self.contest(contest, LOOK_EVERY);
            }
            _ => self.call_until(contest.call, contest.answer, contest.until),
        }
    }

    fn suspect(&self, id: EndpointId) {
        let port = crate::interface::ends(id.as_str()).0;
        self.host.look(port, Duration::ZERO, |look| Message::Looked(id, look));
    }

    pub(super) fn looked(&mut self, id: &EndpointId, look: &Look) {
        let dead = match (self.state.endpoints.get(id), look) {
            (Some(endpoint), Ok(link)) => !is_alive(endpoint, link.as_ref(), Moment::now()),
            _ => false,
        };
        if dead {
            self.retire(id, "Docker released its address");
        }
    }
}

fn refuse(answer: Answer, why: &str) {
    warn!("refused: {why}");
    let _ = answer.send(Err(why.to_owned()));
}
