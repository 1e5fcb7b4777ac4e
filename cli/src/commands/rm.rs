//! `rm`: removes containers.

use super::{CommandError, Done};
use crate::app::App;
use crate::args::RmArgs;
use crate::engine::Removal;
use crate::fleet::{self, Group, Outcome, Replies, Sequence};
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
    if let Err(error) = host.engine.version().await {
        return replies.end_all(&members, &Outcome::failed(&error));
    }
    fleet::each(members, host.requests, |member| {
        let host = &host;
        async move {
            let removed = host.engine.remove(member.node.as_str(), how).await;
            replies.end(
                &member,
                match &removed {
                    Ok(_) => Outcome::success(),
                    Err(error) => super::failed(error),
                },
            );
        }
    })
    .await;
}
