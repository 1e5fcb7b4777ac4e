//! Executes a plan: first the steps that several nodes share, then the steps of each node.

use std::cell::RefCell;
use std::collections::HashMap;

use futures_util::future::join_all;
use inventory::NodeName;
use serde_json::Map;

use crate::engine::EngineError;
use crate::fleet::{Answer, Member, Outcome, Replies};
use crate::plan::{Step, Verdict};
use chain::chain;

use super::steps::{self, Site};

/// Results of the shared steps: nothing, or the error.
#[derive(Debug, Default)]
pub(in crate::commands) struct Shared {
    networks: HashMap<String, Option<String>>,
    images: HashMap<String, Option<String>>,
}

impl Shared {
    /// Creates networks and pulls images in parallel.
    pub(in crate::commands) async fn make(site: &Site<'_, '_>, steps: Vec<Step>) -> Self {
        let mut shared = Self::default();
        let made = join_all(steps.iter().map(|step| one(site, step))).await;
        for (step, failure) in steps.into_iter().zip(made) {
            match step {
                Step::CreateNetwork { name, .. } => drop(shared.networks.insert(name, failure)),
                Step::PullImage(image) => drop(shared.images.insert(image, failure)),
                _ => {}
            }
        }
        shared
    }

    /// Adds an error for a network that the tables do not define.
    pub(in crate::commands) fn without_row(mut self, network: &str, host: &NodeName) -> Self {
        let text = format!(
            "network {network} was removed on {host}, and the tables no longer define it; define it again"
        );
        self.networks.insert(network.to_owned(), Some(text));
        self
    }

    pub(in crate::commands) fn failure(&self, networks: &[String], pull: Option<&String>) -> Option<&String> {
        let mut of_networks = networks.iter().filter_map(|name| self.networks.get(name)?.as_ref());
        of_networks.next().or_else(|| self.images.get(pull?)?.as_ref())
    }
}

async fn one(site: &Site<'_, '_>, step: &Step) -> Option<String> {
    let host = site.host;
    match step {
        Step::CreateNetwork { name, body, .. } => {
            // the engine asks netd, which only creates networks of the tables
            if let Err(outcome) = site.tables.done().await {
                return outcome.failure().ok().map(|(text, _)| text);
            }
            let made = match host.engine.create_network(body).await {
                Ok(id) => {
                    site.has(name, id);
                    Ok(())
                }
                // another command has created it from the same row
                Err(EngineError::Refused { status: 409, .. }) => {
                    host.engine.networks().await.map(|listed| site.knows(&listed))
                }
                Err(error) => Err(error),
            };
            let failed = |error| format!("cannot create network {name} on {}: {}", host.name, chain(&error));
            made.err().map(failed)
        }
        Step::PullImage(image) => {
            let pulled = host.engine.pull(image).await;
            pulled.err().map(|error| {
                let host = &host.name;
                format!(
                    "image {image} is not on {host}, and its engine cannot pull it ({}); \
                     load it there (docker load) or make the registry reachable",
                    chain(&error)
                )
            })
        }
        _ => None,
    }
}

/// Prints that an image is being pulled, like mkdocker: it can take minutes.
pub(super) fn announce(members: &[Member], verdicts: &HashMap<NodeName, Verdict>, replies: &Replies) {
    for member in members {
        let Some(Verdict::Make { pull, replaces, .. }) = verdicts.get(&member.node) else { continue };
        if let Some(replaced) = replaces {
            replies.send(member, Answer::Step(replaced.to_string()));
        }
        if let Some(image) = pull {
            replies.send(member, Answer::Step(format!("Pull image {image} start")));
        }
    }
}

/// Executes the steps of a node.
pub(super) async fn node(
    site: &Site<'_, '_>,
    verdict: Verdict,
    shared: &Shared,
    warnings: &Warnings<'_>,
) -> Outcome {
    let Warnings { member, replies, .. } = warnings;
    let say = |text: String| warnings.add(text);
    match verdict {
        Verdict::Refused(text) => Outcome::Failed(text, None),
        Verdict::Already { networks, faults, runs, steps } => {
            if let Some(text) = shared.failure(&networks, None) {
                return Outcome::Failed(text.clone(), None);
            }
            let done = steps::run(site, member.node.as_str(), &steps, None, &say).await;
            done.map_or_else(
                |failure| failure,
                |()| {
                    let tell = |text: String| replies.send(member, Answer::Step(text));
                    steps::reported((&faults, runs), &tell, &say);
                    warnings.end("already created")
                },
            )
        }
        Verdict::Make { networks, pull, steps, replaces } => {
            if let Some(text) = shared.failure(&networks, pull.as_ref()) {
                return Outcome::Failed(text.clone(), None);
            }
            if let Some(image) = pull {
                replies.send(member, Answer::Step(format!("Pull image {image} done")));
            }
            let made = steps::run(site, member.node.as_str(), &steps, replaces.as_ref(), &say).await;
            made.map_or_else(|failure| failure, |()| warnings.end("success"))
        }
    }
}

/// Deviations of a created container. With `--strict` they are an error.
pub(super) struct Warnings<'a> {
    member: &'a Member,
    replies: &'a Replies,
    strict: bool,
    all: RefCell<Vec<String>>,
}

impl<'a> Warnings<'a> {
    pub(super) fn new(member: &'a Member, replies: &'a Replies, strict: bool) -> Self {
        Self { member, replies, strict, all: RefCell::default() }
    }

    fn add(&self, text: String) {
        if !self.strict {
            self.replies.send(self.member, Answer::Step(text.clone()));
        }
        self.all.borrow_mut().push(text);
    }

    fn end(&self, status: &str) -> Outcome {
        let all = self.all.take();
        if self.strict && !all.is_empty() {
            return Outcome::Failed(format!("{status}, with warnings: {}", all.join("; ")), None);
        }
        let fields = Map::from_iter([("warnings".to_owned(), all.into())]);
        Outcome::Status(status.to_owned(), fields)
    }
}
