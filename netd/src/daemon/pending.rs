//! Answers that wait until an endpoint is attached and its addresses are probed.

use std::collections::{BTreeMap, VecDeque};

use plugin::{EndpointId, Reply};

use crate::message::ReplySender;
use crate::state::Endpoint;

/// How many failed starts are remembered for `Join`, which comes within a second or not at all.
const MAX_FAILED: usize = 64;

/// Endpoints that are being attached or probed. All others are ready.
#[derive(Debug, Default)]
pub(super) struct Pending {
    endpoints: BTreeMap<EndpointId, Start>,
    /// Starts that failed after the answer to `CreateEndpoint`: the answer to `Join` contains the reason.
    failed: VecDeque<(EndpointId, String)>,
}

/// What is done of an endpoint's start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// Its veth pair exists.
    pub(super) attached: bool,
    /// No other machine uses its addresses.
    pub(super) probed: bool,
    /// Its ports are published.
    pub(super) published: bool,
}

/// The start of an endpoint, and the answers that wait for the rest of it.
#[derive(Debug)]
struct Start {
    progress: Progress,
    answers: Vec<PendingAnswer>,
}

/// An answer that is sent when its endpoint is ready.
#[derive(Debug)]
pub(super) enum PendingAnswer {
    /// To `CreateEndpoint`. Waits until the endpoint is attached.
    CreateEndpoint(Reply, ReplySender),
    /// To `Join`. Waits until the endpoint is attached and probed, and its ports are published.
    Join(Box<Endpoint>, Reply, ReplySender),
}

impl PendingAnswer {
    fn sender(self) -> ReplySender {
        match self {
            Self::CreateEndpoint(_, sender) | Self::Join(_, _, sender) => sender,
        }
    }
}

impl Pending {
    /// Adds an endpoint.
    pub(super) fn begin(&mut self, id: EndpointId, progress: Progress) {
        self.endpoints.insert(id, Start { progress, answers: Vec::new() });
    }

    /// Whether an endpoint's probe is not complete.
    pub(super) fn lacks_probe(&self, id: &EndpointId) -> bool {
        self.endpoints.get(id).is_some_and(|start| !start.progress.probed)
    }

    /// Adds an answer. Returns it if it need not wait.
    pub(super) fn add(&mut self, id: &EndpointId, answer: PendingAnswer) -> Option<PendingAnswer> {
        match self.endpoints.get_mut(id) {
            Some(start) if !start.progress.satisfies(&answer) => {
                start.answers.push(answer);
                None
            }
            _ => Some(answer),
        }
    }

    /// The endpoint is attached. Returns the answers to send now.
    pub(super) fn attached(&mut self, id: &EndpointId) -> Vec<PendingAnswer> {
        self.update(id, |progress| progress.attached = true)
    }

    /// The addresses are free. Returns the answers to send now.
    pub(super) fn probed(&mut self, id: &EndpointId) -> Vec<PendingAnswer> {
        self.update(id, |progress| progress.probed = true)
    }

    /// The ports are published. Returns the answers to send now.
    pub(super) fn published(&mut self, id: &EndpointId) -> Vec<PendingAnswer> {
        self.update(id, |progress| progress.published = true)
    }

    /// Removes an endpoint, and sends `reason` as the error of its pending answers.
    pub(super) fn fail(&mut self, id: &EndpointId, reason: &str) {
        let start = self.endpoints.remove(id);
        for answer in start.into_iter().flat_map(|start| start.answers) {
            let _ = answer.sender().send(Err(reason.to_owned()));
        }
    }

    /// Like [`Self::fail`], and remembers the reason for a `Join` that comes later.
    pub(super) fn fail_start(&mut self, id: &EndpointId, reason: &str) {
        self.fail(id, reason);
        if self.failed.len() == MAX_FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back((id.clone(), reason.to_owned()));
    }

    /// Why the start of an endpoint failed, if it did.
    pub(super) fn failure(&self, id: &EndpointId) -> Option<&str> {
        self.failed.iter().rev().find(|(failed, _)| failed == id).map(|(_, reason)| reason.as_str())
    }

    fn update(&mut self, id: &EndpointId, change: impl FnOnce(&mut Progress)) -> Vec<PendingAnswer> {
        let Some(start) = self.endpoints.get_mut(id) else { return Vec::new() };
        change(&mut start.progress);
        let progress = start.progress;
        let (ready, waiting) =
            std::mem::take(&mut start.answers).into_iter().partition(|answer| progress.satisfies(answer));
        start.answers = waiting;
        if progress.is_complete() {
            self.endpoints.remove(id);
        }
        ready
    }
}

impl Progress {
    fn satisfies(self, answer: &PendingAnswer) -> bool {
        match answer {
            PendingAnswer::CreateEndpoint(..) => self.attached,
            PendingAnswer::Join(..) => self.is_complete(),
        }
    }

    fn is_complete(self) -> bool {
        self.attached && self.probed && self.published
    }
}
