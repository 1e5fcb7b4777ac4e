//! `power`: starts and stops containers and shows their states.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::args::{PowerAction, PowerArgs};
use crate::commands::mk::execute::Shared;
use crate::commands::mk::steps::{self, Site};
use crate::delivery::{TableSync, Tables};
use crate::engine::{Container, ContainerId, Effect, EngineError};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Member, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::plan::{self, NotOwn, Rejoin, Step};
use crate::targets;

use crate::commands::start_check;

pub(super) async fn run(args: &PowerArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let targets = targets::containers(&nodes, app, &inventory)?;
    let tables = Tables::new(&inventory, &app.settings.installdir);
    let action = args.action;
    let work = |group: Group, replies: Replies| {
        let tables = &tables;
        async move {
            match action {
                PowerAction::State => states(&group, &replies).await,
                _ => change(group, &replies, action, tables).await,
            }
        }
    };
    Ok(Done::of(fleet::run(targets, &nodes, Sequence::Noderange, &mut app.printer, work).await))
}

/// Sends one request per host for all its containers.
async fn states(group: &Group, replies: &Replies) {
    let listed = match group.host.engine.containers().await {
        Ok(listed) => listed,
        Err(error) => return replies.end_all(&group.members, &Outcome::failed(&error)),
    };
    for member in &group.members {
        replies.end(
            member,
            match own(member, &group.host, &listed) {
                Ok(container) => Outcome::status(container.state.clone()),
                Err(error) => none(&error),
            },
        );
    }
}

/// The container of a node in the list of its host.
pub(super) fn own<'a>(
    member: &Member,
    host: &Host,
    listed: &'a [Container],
) -> Result<&'a Container, NotOwn> {
    let node = member.node.as_str();
    plan::belonging(node, listed).own(node, host.name.as_str())
}

/// Outcome for a missing container, if that is a valid state.
pub(super) fn none(error: &NotOwn) -> Outcome {
    match error {
        NotOwn::Absent(_) => Outcome::Refused(error.to_string(), None),
        _ => Outcome::Failed(error.to_string(), None),
    }
}

async fn change(group: Group, replies: &Replies, action: PowerAction, tables: &Tables<'_>) {
    let Group { host, members } = group;
    let site = Site::new(&host, TableSync::new(tables, &host, None));
    // one failed request per dead engine, not one per node
    let (listed, rejoins) = match observe(&site, &members, action).await {
        Ok(observed) => observed,
        Err(error) => return replies.end_all(&members, &Outcome::failed(&error)),
    };
    let shared = networks(&site, &rejoins, tables).await;
    let all = members.len();
    fleet::each(members, all, |member| {
        let one = One { host: &host, tables: &site.tables };
        let (found, rejoin) = (own(&member, &host, &listed), rejoins.get(&member.index));
        let (site, shared) = (&site, &shared);
        async move {
            let node = member.node.as_str();
            let done = async {
                let container = found.map_err(|error| super::not_own(&error))?;
                if let Some(rejoin) = rejoin {
                    joined(site, &member, rejoin, shared, replies).await?;
                }
                Ok(one.node(node, &container.id, action).await)
            };
            replies.end(&member, done.await.unwrap_or_else(|failure| failure));
        }
    })
    .await;
}

/// Lists the containers of a host, with the repairs of their networks if they are to be started.
async fn observe(
    site: &Site<'_, '_>,
    members: &[Member],
    action: PowerAction,
) -> Result<(Vec<Container>, HashMap<usize, Rejoin>), EngineError> {
    let host = site.host;
    if !matches!(action, PowerAction::On | PowerAction::Reset | PowerAction::Restart) {
        return Ok((host.engine.containers().await?, HashMap::new()));
    }
    let (listed, networks, api) =
        tokio::try_join!(host.engine.containers(), host.engine.networks(), host.engine.version())?;
    site.knows(&networks);
    let rejoin = |member: &Member| {
        let found = own(member, host, &listed).ok()?;
        Some((member.index, plan::rejoin(found, &networks, api)?))
    };
    let rejoins = members.iter().filter_map(rejoin).collect();
    Ok((listed, rejoins))
}

/// Creates missing networks.
async fn networks(
    site: &Site<'_, '_>,
    rejoins: &HashMap<usize, Rejoin>,
    tables: &Tables<'_>,
) -> Result<Shared, Outcome> {
    let names: BTreeSet<&str> =
        rejoins.values().flat_map(|rejoin| &rejoin.networks).map(String::as_str).collect();
    if names.is_empty() {
        return Ok(Shared::default());
    }
    let cluster = tables.cluster().map_err(|error| Outcome::failed(&error))?;
    let row = |name: &&str| cluster.networks().iter().find(|network| network.name.as_str() == *name);
    let shared = Shared::make(site, names.iter().filter_map(row).map(Step::create_network).collect()).await;
    let gone = names.into_iter().filter(|name| row(name).is_none());
    Ok(gone.fold(shared, |shared, name| shared.without_row(name, &site.host.name)))
}

/// Reconnects a container to its networks.
async fn joined(
    site: &Site<'_, '_>,
    member: &Member,
    rejoin: &Rejoin,
    shared: &Result<Shared, Outcome>,
    replies: &Replies,
) -> Result<(), Outcome> {
    let shared = shared.as_ref().map_err(Clone::clone)?;
    if let Some(text) = shared.failure(&rejoin.networks, None) {
        return Err(Outcome::Failed(text.clone(), None));
    }
    let say = |text: String| replies.send(member, Answer::Step(text));
    steps::run(site, member.node.as_str(), &rejoin.steps, None, &say).await?;
    steps::reported((&rejoin.faults, rejoin.runs), &say, &say);
    Ok(())
}

type Acted = (Result<Effect, EngineError>, Duration);

/// Power action of one node.
struct One<'a, 't> {
    host: &'a Host,
    tables: &'a TableSync<'a, 't>,
}

impl One<'_, '_> {
    async fn node(&self, node: &str, id: &ContainerId, action: PowerAction) -> Outcome {
        let (ended, took) = match self.act(id, action).await {
            Ok(acted) => acted,
            Err(outcome) => return outcome,
        };
        let Ok(effect) = &ended else { return outcome(action, &ended) };
        match self.verify((node, id), action, *effect, took).await {
            Ok(()) => outcome(action, &ended),
            Err(outcome) => outcome,
        }
    }

    /// Result of the engine, with the elapsed time.
    async fn act(&self, id: &ContainerId, action: PowerAction) -> Result<Acted, Outcome> {
        let _permit = self.host.request().await;
        let mut begun = Instant::now();
        let mut ended = once(self.host, id, action).await;
        if let Err(error) = &ended
            && Tables::is_behind(error)
        {
            self.tables.done().await?;
            begun = Instant::now();
            ended = once(self.host, id, action).await;
        }
        let took = begun.elapsed();
        if let Err(error) = ended {
            ended = Err(steps::named(&self.host.engine, error).await);
        }
        Ok((ended, took))
    }

    async fn verify(
        &self,
        (node, id): (&str, &ContainerId),
        action: PowerAction,
        effect: Effect,
        took: Duration,
    ) -> Result<(), Outcome> {
        match action {
            // the engine counts a container in a restart loop as started
            PowerAction::On if effect == Effect::Already => {
                start_check::ensure_state(self.host, id, &["running"]).await
            }
            PowerAction::On | PowerAction::Reset | PowerAction::Restart => {
                start_check::ensure_up(self.host, node, id, took).await
            }
            PowerAction::Off => {
                start_check::ensure_state(self.host, id, &["exited", "dead", "created"]).await
            }
            PowerAction::Pause => start_check::ensure_state(self.host, id, &["paused"]).await,
            PowerAction::Unpause => start_check::ensure_state(self.host, id, &["running"]).await,
            PowerAction::State => Ok(()),
        }
    }
}

async fn once(host: &Host, id: &ContainerId, action: PowerAction) -> Result<Effect, EngineError> {
    let engine = &host.engine;
    match action {
        PowerAction::On => engine.start(id).await,
        PowerAction::Off => engine.stop(id).await,
        // no grace period: immediate SIGKILL
        PowerAction::Reset => engine.restart(id, Some(0)).await,
        PowerAction::Restart => engine.restart(id, None).await,
        PowerAction::Pause => engine.pause(id).await,
        PowerAction::Unpause => engine.unpause(id).await,
        PowerAction::State => Ok(Effect::Done),
    }
}

fn outcome(action: PowerAction, ended: &Result<Effect, EngineError>) -> Outcome {
    match (ended, action) {
        (Ok(Effect::Done), _) => Outcome::success(),
        (Ok(Effect::Already), PowerAction::Off) => Outcome::status("container already stopped"),
        (Ok(Effect::Already), _) => Outcome::status("container already started"),
        (Err(error), _) => super::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_rpower() {
        let said = |action, ended| match outcome(action, &ended) {
            Outcome::Status(text, _) | Outcome::Refused(text, _) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(PowerAction::On, Ok(Effect::Done)), "success");
        assert_eq!(said(PowerAction::On, Ok(Effect::Already)), "container already started");
        assert_eq!(said(PowerAction::Off, Ok(Effect::Already)), "container already stopped");
        let absent = EngineError::Refused { status: 404, message: "No such container: d2".into() };
        assert_eq!(said(PowerAction::Pause, Err(absent)), "No such container: d2");
    }
}
