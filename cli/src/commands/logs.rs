//! `logs`: logs of containers.

mod lines;

use futures_util::StreamExt as _;

use super::power;
use crate::app::App;
use crate::args::LogsArgs;
use crate::engine::{ContainerId, EngineError};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Member, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::targets;

pub(super) use lines::Lines;

pub(super) async fn run(args: &LogsArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let targets = targets::containers(&nodes, app, &inventory)?;
    let (tail, follow, json) = (args.tail, args.follow, app.printer.is_json());
    let work = |group: Group, replies: Replies| async move {
        let Group { host, members } = group;
        let listed = match host.engine.containers().await {
            Ok(listed) => listed,
            Err(error) => return replies.end_all(&members, &Outcome::failed(&error)),
        };
        // followed logs do not end, so they must not wait for each other
        let limit = if follow { members.len() } else { host.requests };
        fleet::each(members, limit, |member| {
            let (host, replies) = (&host, &replies);
            let found = power::own(&member, host, &listed).map(|own| own.id.clone());
            async move {
                let outcome = match found {
                    Ok(id) => {
                        let shown =
                            show(host, &member, &id, replies, LogOptions { tail, follow, json }).await;
                        shown.map_or_else(|error| super::failed(&error), |()| Outcome::Silent)
                    }
                    Err(error) => super::not_own(&error),
                };
                replies.end(&member, outcome);
            }
        })
        .await;
    };
    let sequence = if follow { Sequence::Arrival } else { Sequence::Noderange };
    Ok(Done::of(fleet::run(targets, &nodes, sequence, &mut app.printer, work).await))
}

#[derive(Clone, Copy)]
struct LogOptions {
    tail: Option<u64>,
    follow: bool,
    json: bool,
}

async fn show(
    host: &Host,
    member: &Member,
    id: &ContainerId,
    replies: &Replies,
    options: LogOptions,
) -> Result<(), EngineError> {
    let node = member.node.as_str();
    let mut pieces = std::pin::pin!(host.engine.logs(id, options.tail, options.follow));
    // one partial line per stream: a program may write to both at the same time
    let mut halves = [Lines::default(), Lines::default()];
    let say = |from_stderr: bool, line: String| {
        let stream = if from_stderr { "stderr" } else { "stdout" };
        let text = match options.json {
            true => serde_json::json!({ "node": node, "stream": stream, "line": line }).to_string(),
            false => format!("{node}: {line}"),
        };
        replies.send(member, Answer::Line(text));
    };
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let [out, err] = &mut halves;
        let half = if piece.from_stderr { err } else { out };
        half.take(&piece.bytes).into_iter().for_each(|line| say(piece.from_stderr, line));
    }
    let [out, err] = halves;
    out.rest().into_iter().for_each(|line| say(false, line));
    err.rest().into_iter().for_each(|line| say(true, line));
    Ok(())
}
