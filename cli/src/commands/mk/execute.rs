//! Does what a plan says: first what several nodes wait for, then each node's own part.

use std::collections::HashMap;

use futures_util::future::join_all;
use inventory::NodeName;

use crate::engine::EngineError;
use crate::fleet::{Answer, Member, Outcome, Replies};
use crate::plan::{Step, Verdict};
use chain::chain;

use super::steps::{self, Site};

/// How what several nodes wait for ended: nothing, or why it failed.
#[derive(Debug, Default)]
pub(super) struct Shared {
    networks: HashMap<String, Option<String>>,
    images: HashMap<String, Option<String>>,
}

impl Shared {
    /// Makes networks and pulls images, side by side.
    pub(super) async fn make(site: &Site<'_, '_>, steps: Vec<Step>) -> Self {
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

    fn failure(&self, networks: &[String], pull: Option<&String>) -> Option<&String> {
        let mut of_networks = networks.iter().filter_map(|name| self.networks.get(name)?.as_ref());
        of_networks.next().or_else(|| self.images.get(pull?)?.as_ref())
    }
}

async fn one(site: &Site<'_, '_>, step: &Step) -> Option<String> {
    let host = site.slots.host;
    match step {
        Step::CreateNetwork { name, body, .. } => {
            // the engine asks netd, which makes only what the tables have
            if let Err(outcome) = site.tables.ended().await {
                return outcome.failure().ok().map(|(text, _)| text);
            }
            let made = match host.engine.create_network(body).await {
                Ok(id) => {
                    site.has(name, id);
                    Ok(())
                }
                // another command was faster with the same table row
                Err(EngineError::Refused { status: 409, .. }) => {
                    host.engine.networks().await.map(|listed| site.knows(&listed))
                }
                Err(error) => Err(error),
            };
            let failed = |error| format!("cannot make network {name} on {}: {}", host.name, chain(&error));
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

/// Says, as mkdocker does, that an image is on its way: it may take minutes.
pub(super) fn announce(members: &[Member], verdicts: &HashMap<NodeName, Verdict>, replies: &Replies) {
    for member in members {
        let Some(Verdict::Make { pull, replaces, .. }) = verdicts.get(&member.node) else { continue };
        if let Some(replaced) = replaces {
            replies.tell(member, Answer::Step(replaced.to_string()));
        }
        if let Some(image) = pull {
            replies.tell(member, Answer::Step(format!("Pull image {image} start")));
        }
    }
}

/// A node's own part.
pub(super) async fn node(
    site: &Site<'_, '_>,
    member: &Member,
    verdict: Verdict,
    shared: &Shared,
    replies: &Replies,
) -> Outcome {
    let say = |text: String| replies.tell(member, Answer::Step(text));
    match verdict {
        Verdict::Refused(text) => Outcome::Failed(text, None),
        Verdict::Already(steps) => match steps::run(site, member.node.as_str(), &steps, None, &say).await {
            Ok(()) => Outcome::status("already made"),
            Err(failure) => failure,
        },
        Verdict::Make { networks, pull, steps, replaces } => {
            if let Some(text) = shared.failure(&networks, pull.as_ref()) {
                return Outcome::Failed(text.clone(), None);
            }
            if let Some(image) = pull {
                replies.tell(member, Answer::Step(format!("Pull image {image} done")));
            }
            let made = steps::run(site, member.node.as_str(), &steps, replaces.as_ref(), &say).await;
            made.err().unwrap_or_else(Outcome::success)
        }
    }
}
