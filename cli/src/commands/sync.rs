//! `sync`: delivers the tables to hosts. Other commands do this when the snapshot of a host is out of date.

use std::cell::OnceCell;
use std::path::Path;

use durable::FileError;
use inventory::compile::{Cluster, HostError};
use inventory::{DockerHost, Inventory, InventoryError, NodeName, Snapshot, Stamp};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::app::App;
use crate::args::NoderangeArg;
use crate::delivery::{self, Delivery, DeliveryError, is_in_the_way, objection, version_now};
use crate::engine::EngineError;
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::origin::ManagementNode;
use crate::targets;

/// Hint in netd's refusals that newer tables may resolve.
const REMEDY: &str = "xdock sync";

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
            let brought = tables.enforce(&group.host).await;
            if brought.is_ok() {
                let left_out = tables.left_out(&group.host.name);
                let tell = |text: &String| {
                    group.members.iter().for_each(|host| replies.tell(host, Answer::Step(text.clone())));
                };
                left_out.iter().for_each(tell);
            }
            replies.end_all(&group.members, &told(&brought));
        }
    };
    Ok(Done::of(fleet::run(targets, &hosts, Sequence::Noderange, &mut app.printer, work).await))
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

/// Snapshot of a host after `sync`.
#[derive(Debug, PartialEq, Eq)]
enum Synced {
    /// It had this snapshot.
    Already(u64),
    /// Delivered.
    Delivered(u64),
    /// Delivered, and replaced a snapshot that a normal delivery keeps.
    Replaced { new: Stamp, old: Stamp },
}

fn told(synced: &Result<Synced, SyncError>) -> Outcome {
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

/// The first reasons; `xdock check` shows all.
pub(super) fn listed(mut reasons: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 5;
    // two rows with the same address have the same reason
    reasons.dedup();
    let more = reasons.len().saturating_sub(SHOWN);
    if more > 0 {
        reasons.truncate(SHOWN);
        reasons.push(format!("left out: {more} more; run \"xdock check\""));
    }
    reasons
}

/// Why a host does not get the tables.
#[derive(Debug, Error)]
pub(super) enum SyncError {
    /// The tables cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The tables are not valid for this host.
    #[error(transparent)]
    Compile(#[from] HostError),
    /// The origin of this management node cannot be read.
    #[error(transparent)]
    Origin(#[from] FileError),
    /// The delivery failed.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

/// Tables for hosts: read once, compiled for each host when needed.
pub(super) struct Tables<'a> {
    inventory: &'a Inventory,
    installdir: &'a Path,
    cluster: OnceCell<Cluster<'a>>,
    origin: OnceCell<ManagementNode>,
    version: u64,
}

/// Delivery to a host: runs once per command, and all nodes of the host wait for its result.
pub(super) struct TableSync<'a, 't> {
    tables: &'a Tables<'t>,
    host: &'a Host,
    compiled: Option<&'a Snapshot>,
    done: tokio::sync::OnceCell<Result<(), Outcome>>,
}

impl<'a, 't> TableSync<'a, 't> {
    /// Creates a delivery; it starts with the first [`done`](Self::done). `compiled`: the snapshot, if it exists.
    pub(super) fn new(tables: &'a Tables<'t>, host: &'a Host, compiled: Option<&'a Snapshot>) -> Self {
        Self { tables, host, compiled, done: tokio::sync::OnceCell::new() }
    }

    /// Waits for the delivery. The error is that of all nodes of the host.
    pub(super) async fn done(&self) -> Result<(), Outcome> {
        let sync_host = || async {
            let brought = match self.compiled {
                Some(snapshot) => self.tables.sync_snapshot(self.host, snapshot).await,
                None => self.tables.sync_host(self.host).await,
            };
            brought.map_err(|error| Outcome::failed(&error).of_host())
        };
        self.done.get_or_init(sync_host).await.clone()
    }
}

/// Attempts when the snapshot of a host changes during the delivery.
const ATTEMPTS: usize = 4;

/// Whether the answer of a host completes `sync`; otherwise the snapshot to replace.
fn decided(host: &Host, new: &Stamp, answered: Delivery) -> Result<Synced, Stamp> {
    let now = version_now();
    match answered {
        Delivery::Delivered(version) => Ok(Synced::Delivered(version)),
        Delivery::Already(_, Some(held)) if is_in_the_way(new, &held, now) => Err(held),
        Delivery::Already(version, _) => Ok(Synced::Already(version)),
        Delivery::Kept(held) => match objection(host.name.as_str(), new, &held, now) {
            Some(_) => Err(held),
            None => Ok(Synced::Already(held.version)),
        },
    }
}

impl<'a> Tables<'a> {
    pub(super) fn new(inventory: &'a Inventory, installdir: &'a Path) -> Self {
        let (cluster, origin) = (OnceCell::new(), OnceCell::new());
        Self { inventory, installdir, cluster, origin, version: version_now() }
    }

    pub(super) fn cluster(&self) -> Result<&Cluster<'a>, InventoryError> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(cluster);
        }
        let read = self.inventory.cluster()?;
        Ok(self.cluster.get_or_init(|| read))
    }

    pub(super) fn snapshot(&self, host: &NodeName) -> Result<Snapshot, SyncError> {
        let origin = self.origin()?.origin();
        Ok(self.cluster()?.snapshot(host, self.version)?.made_by(Some(origin)))
    }

    /// Containers that are not in a host's snapshot, each with the reason.
    fn left_out(&self, host: &NodeName) -> Vec<String> {
        let Ok(cluster) = self.cluster() else { return Vec::new() };
        listed(cluster.withheld(host).map(|(_, why)| format!("left out: {why}")).collect())
    }

    fn origin(&self) -> Result<&ManagementNode, FileError> {
        if let Some(origin) = self.origin.get() {
            return Ok(origin);
        }
        let read = ManagementNode::this()?;
        Ok(self.origin.get_or_init(|| read))
    }

    /// Compiles and delivers.
    async fn sync_host(&self, host: &Host) -> Result<(), SyncError> {
        self.sync_snapshot(host, &self.snapshot(&host.name)?).await
    }

    /// Delivers a snapshot if it is newer than that of the host.
    async fn sync_snapshot(&self, host: &Host, snapshot: &Snapshot) -> Result<(), SyncError> {
        delivery::publish(self.installdir, snapshot)?;
        let kept = match delivery::deliver(host, snapshot, None).await? {
            Delivery::Kept(held) => objection(host.name.as_str(), &snapshot.stamp(), &held, version_now()),
            Delivery::Delivered(_) | Delivery::Already(..) => None,
        };
        kept.map_or(Ok(()), |objection| Err(DeliveryError::Objection(Box::new(objection)).into()))
    }

    /// Compiles and delivers; replaces any snapshot of the host.
    async fn enforce(&self, host: &Host) -> Result<Synced, SyncError> {
        let mut replaces: Option<Stamp> = None;
        for _ in 0..ATTEMPTS {
            let snapshot = self.snapshot(&host.name)?;
            delivery::publish(self.installdir, &snapshot)?;
            let delivered = delivery::deliver(host, &snapshot, replaces.as_ref()).await?;
            match (decided(host, &snapshot.stamp(), delivered), replaces) {
                (Err(held), _) => {
                    self.origin()?.overrule(&held, self.version)?;
                    replaces = Some(held);
                }
                (Ok(Synced::Delivered(_)), Some(old)) => {
                    return Ok(Synced::Replaced { new: snapshot.stamp(), old });
                }
                (Ok(synced), _) => return Ok(synced),
            }
        }
        Err(DeliveryError::Contended { host: host.name.to_string() }.into())
    }

    /// Whether newer tables would change the answer.
    pub(super) fn is_behind(error: &EngineError) -> bool {
        matches!(error, EngineError::Refused { message, .. } if message.contains(REMEDY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(new: &str, old: &str) -> String {
        let synced = Synced::Replaced { new: new.parse().unwrap(), old: old.parse().unwrap() };
        let Outcome::Status(text, _) = told(&Ok(synced)) else { panic!() };
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
