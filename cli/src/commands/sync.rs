//! `sync`: delivers the tables to hosts. Other commands do this when the snapshot of a host is out of date.

use inventory::{DockerHost, Inventory, NodeName, Stamp};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::args::NoderangeArg;
use crate::delivery::{SyncError, Synced, Tables};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Outcome, Replies, Sequence};
use crate::targets;

pub(super) async fn run(args: &NoderangeArg, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let hosts = app.select(&inventory, &args.noderange)?;
    refuse_containers(&hosts, &inventory, "sync")?;
    let locations: Vec<_> =
        hosts.iter().map(|host| (host.clone(), DockerHost { name: host.clone(), port: None })).collect();
    let targets = targets::groups(&locations, &hosts, app, &inventory)?;
    let tables = Tables::new(&inventory, &app.settings.installdir);
    let work = |group: Group, replies: Replies| {
        let tables = &tables;
        async move {
            let result = tables.enforce(&group.host).await;
            if result.is_ok() {
                let left_out = tables.left_out(&group.host.name);
                let tell = |text: &String| {
                    group.members.iter().for_each(|host| replies.send(host, Answer::Step(text.clone())));
                };
                left_out.iter().for_each(tell);
            }
            replies.end_all(&group.members, &outcome(&result));
        }
    };
    let failed = fleet::run(targets, &hosts, Sequence::Noderange, &mut app.printer, work).await;
    tables.outdated().iter().for_each(|text| app.printer.hint(text));
    Ok(Done::of(failed))
}

/// Rejects container nodes.
pub(super) fn refuse_containers(
    hosts: &[NodeName],
    inventory: &Inventory,
    command: &str,
) -> Result<(), CommandError> {
    let mut wrong = Vec::new();
    for host in hosts {
        if inventory.is_container(host)? {
            wrong.push((host.clone(), format!("{host} is a container node; {command} needs docker hosts")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(CommandError::Nodes(wrong)) }
}

fn outcome(synced: &Result<Synced, SyncError>) -> Outcome {
    let (version, text) = match synced {
        Err(error) => return Outcome::failed(error),
        Ok(Synced::Already(version)) => (*version, format!("snapshot {version} already")),
        Ok(Synced::Delivered(version)) => (*version, format!("snapshot {version} delivered")),
        Ok(Synced::Replaced { new, old }) => (new.version, replaced(new, old)),
    };
    let mut fields = Map::from_iter([("snapshot".to_owned(), Value::from(version))]);
    if let Ok(Synced::Replaced { old, .. }) = synced {
        fields.insert("replaced".into(), json!({ "snapshot": old.version, "made_by": old.maker() }));
    }
    Outcome::Status(text, fields)
}

/// If two management nodes deliver to one host, the administrators of both must know.
fn replaced(new: &Stamp, old: &Stamp) -> String {
    let foreign = match (&new.origin, &old.origin) {
        (Some(new), Some(old)) => !new.is_same(old),
        _ => false,
    };
    let (version, when) = (new.version, old.when());
    if foreign {
        format!(
            "snapshot {version} of {} delivered; it replaces tables of management node {}, of {when}: both deliver tables to this host",
            new.maker(),
            old.maker()
        )
    } else {
        format!("snapshot {version} delivered; it replaces the snapshot of {when} by {}", old.maker())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(new: &str, old: &str) -> String {
        let synced = Synced::Replaced { new: new.parse().unwrap(), old: old.parse().unwrap() };
        let Outcome::Status(text, _) = outcome(&Ok(synced)) else { panic!() };
        text
    }

    #[test]
    fn what_sync_replaces_is_told_with_its_maker() {
        assert_eq!(
            text("20@sha256:ab by mn1 4f3a 1", "1795943403000@sha256:cd by mn1 4f3a 0"),
            "snapshot 20 delivered; it replaces the snapshot of 2026-11-29 09:10:03 UTC by mn1"
        );
        assert_eq!(
            text("20@sha256:ab by mn1 4f3a 1", "1795943403000@sha256:cd"),
            "snapshot 20 delivered; it replaces the snapshot of 2026-11-29 09:10:03 UTC by an earlier release of xdock"
        );
        assert_eq!(
            text("20@sha256:ab by mn1 4f3a 1", "1795943403000@sha256:cd by mn2 77 0"),
            "snapshot 20 of mn1 delivered; it replaces tables of management node mn2, of 2026-11-29 09:10:03 UTC: both deliver tables to this host"
        );
    }
}
