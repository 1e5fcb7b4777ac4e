//! `rm`: removes containers.

use super::power;
use crate::app::App;
use crate::args::RmArgs;
use crate::engine::{Container, Engine, EngineError, Removal};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Group, Member, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::plan::{self, NotOwn};
use crate::targets;

pub(super) async fn run(args: &RmArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let targets = targets::containers(&nodes, app, &inventory)?;
    let how = Removal { force: args.force, volumes: args.volumes };
    let work = |group: Group, replies: Replies| async move { remove(group, &replies, how).await };
    Ok(Done::of(fleet::run(targets, &nodes, Sequence::Noderange, &mut app.printer, work).await))
}

async fn remove(group: Group, replies: &Replies, how: Removal) {
    let Group { host, members } = group;
    let listed = match host.engine.containers().await {
        Ok(listed) => listed,
        Err(error) => return replies.end_all(&members, &Outcome::failed(&error)),
    };
    fleet::each(members, host.requests, |member| {
        let (engine, found) = (&host.engine, belongings(&member, &host, &listed));
        async move {
            let removed = async {
                for container in found.map_err(|error| super::not_own(&error))? {
                    one(engine, container, how).await.map_err(|error| super::failed(&error))?;
                }
                Ok(())
            };
            replies.end(&member, removed.await.err().unwrap_or_else(Outcome::success));
        }
    })
    .await;
}

/// Containers of the node; the leftover of an interrupted `mk --replace` comes first.
fn belongings<'a>(
    member: &Member,
    host: &Host,
    listed: &'a [Container],
) -> Result<Vec<&'a Container>, NotOwn> {
    let left = plan::left_aside(member.node.as_str(), listed);
    match power::own(member, host, listed) {
        Ok(own) => Ok(left.into_iter().chain([own]).collect()),
        Err(NotOwn::Absent(_)) if left.is_some() => Ok(left.into_iter().collect()),
        Err(error) => Err(error),
    }
}

/// Removes a container, and with `volumes` its anonymous volumes. After `mk --replace` the engine treats those as
/// named volumes, so they are removed separately.
async fn one(engine: &Engine, container: &Container, how: Removal) -> Result<(), EngineError> {
    engine.remove(&container.id, how).await?;
    if how.volumes {
        for (volume, _) in &container.anonymous {
            engine.remove_volume(volume).await?;
        }
    }
    Ok(())
}
