//! `rm`: removes containers.

use super::{CommandError, Done};
use crate::app::App;
use crate::args::RmArgs;
use crate::engine::{Container, Engine, EngineError, Removal};
use crate::fleet::{self, Group, Outcome, Replies, Sequence};
use crate::plan;
use crate::targets;

pub(super) async fn run(args: &RmArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let groups = targets::groups(&targets::places(&nodes, &inventory)?, app, &inventory)?;
    let how = Removal { force: args.force, volumes: args.volumes };
    let work = |group: Group, replies: Replies| async move { remove(group, &replies, how).await };
    Ok(Done::of(fleet::run(groups, &nodes, Sequence::Noderange, &mut app.printer, work).await))
}

async fn remove(group: Group, replies: &Replies, how: Removal) {
    let Group { host, members } = group;
    let listed = match host.engine.containers().await {
        Ok(listed) => listed,
        Err(error) => return replies.end_all(&members, &Outcome::failed(&error)),
    };
    let there = |name: &str| listed.iter().find(|container| container.name == name);
    fleet::each(members, host.requests, |member| {
        let engine = &host.engine;
        async move {
            let aside = plan::aside(&member.node);
            let removed = async {
                // what an interrupted mk --replace left goes with the node's own
                if let Some(left) = there(&aside) {
                    one(engine, left, how).await?;
                }
                match there(member.node.as_str()) {
                    None if there(&aside).is_some() => Ok(()),
                    None => engine.remove(member.node.as_str(), how).await.map(drop),
                    Some(own) => one(engine, own, how).await,
                }
            };
            let outcome = removed.await.map_or_else(|error| super::failed(&error), |()| Outcome::success());
            replies.end(&member, outcome);
        }
    })
    .await;
}

/// A container, and with `volumes` those that nobody named, also where it came to them by `mk --replace`: the engine takes
/// these for named ones.
async fn one(engine: &Engine, container: &Container, how: Removal) -> Result<(), EngineError> {
    engine.remove(&container.name, how).await?;
    if how.volumes {
        for (volume, _) in &container.anonymous {
            engine.remove_volume(volume).await?;
        }
    }
    Ok(())
}
