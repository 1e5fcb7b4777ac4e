//! Answers that wait for a pair to be made, and for the wire to be silent.

use std::collections::{BTreeMap, VecDeque};

use plugin::{EndpointId, Reply};

use super::Answer;
use crate::state::Endpoint;

/// How many failed starts are remembered: dockerd comes to `Join` within the second, or never.
const REMEMBERED: usize = 64;

/// The endpoints whose pair is being made or whose addresses are being probed. What is not here is ready.
#[derive(Debug, Default)]
pub(super) struct Pending {
    works: BTreeMap<EndpointId, Work>,
    /// Starts that failed after `CreateEndpoint` was answered: `Join` has to say why.
    failed: VecDeque<(EndpointId, String)>,
}

/// What an endpoint still lacks, and who waits for it.
#[derive(Debug)]
struct Work {
    attached: bool,
    probed: bool,
    waiting: Vec<Waiting>,
}

/// An answer that is ready but for the work.
#[derive(Debug)]
pub(super) enum Waiting {
    /// To `CreateEndpoint`: the pair must be there.
    Created(Reply, Answer),
    /// To `Join`: and nobody may claim the addresses.
    Join(Box<Endpoint>, Reply, Answer),
}

impl Waiting {
    fn answer(self) -> Answer {
        match self {
            Self::Created(_, answer) | Self::Join(_, _, answer) => answer,
        }
    }
}

impl Pending {
    /// Work begins on an endpoint.
    pub(super) fn begin(&mut self, id: EndpointId, attached: bool, probed: bool) {
        self.works.insert(id, Work { attached, probed, waiting: Vec::new() });
    }

    /// Whether nobody has asked the wire yet for an endpoint, or the answer is not there.
    pub(super) fn lacks_probe(&self, id: &EndpointId) -> bool {
        self.works.get(id).is_some_and(|work| !work.probed)
    }

    /// Has an answer wait. It comes back at once where there is nothing to wait for.
    pub(super) fn wait(&mut self, id: &EndpointId, waiting: Waiting) -> Option<Waiting> {
        match self.works.get_mut(id) {
            Some(work) if !work.satisfies(&waiting) => {
                work.waiting.push(waiting);
                None
            }
            _ => Some(waiting),
        }
    }

    /// The pair is there; returns the answers that waited for no more than that.
    pub(super) fn attached(&mut self, id: &EndpointId) -> Vec<Waiting> {
        self.came_further(id, |work| work.attached = true)
    }

    /// Nobody claims the addresses.
    pub(super) fn probed(&mut self, id: &EndpointId) -> Vec<Waiting> {
        self.came_further(id, |work| work.probed = true)
    }

    /// It came to nothing: all who wait are told why.
    pub(super) fn fail(&mut self, id: &EndpointId, why: &str) {
        let work = self.works.remove(id);
        for waiting in work.into_iter().flat_map(|work| work.waiting) {
            let _ = waiting.answer().send(Err(why.to_owned()));
        }
    }

    /// The same, and who comes to `Join` later is told too.
    pub(super) fn fail_for_good(&mut self, id: &EndpointId, why: &str) {
        self.fail(id, why);
        if self.failed.len() == REMEMBERED {
            self.failed.pop_front();
        }
        self.failed.push_back((id.clone(), why.to_owned()));
    }

    /// Why the start of an endpoint failed, if it did.
    pub(super) fn failure(&self, id: &EndpointId) -> Option<&str> {
        self.failed.iter().rev().find(|(failed, _)| failed == id).map(|(_, why)| why.as_str())
    }

    fn came_further(&mut self, id: &EndpointId, step: impl FnOnce(&mut Work)) -> Vec<Waiting> {
        let Some(work) = self.works.get_mut(id) else { return Vec::new() };
        step(work);
        let (ready, waiting) =
            std::mem::take(&mut work.waiting).into_iter().partition(|waiting| work.satisfies(waiting));
        work.waiting = waiting;
        if work.attached && work.probed {
            self.works.remove(id);
        }
        ready
    }
}

impl Work {
    fn satisfies(&self, waiting: &Waiting) -> bool {
        match waiting {
            Waiting::Created(..) => self.attached,
            Waiting::Join(..) => self.attached && self.probed,
        }
    }
}
