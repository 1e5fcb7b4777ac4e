//! `sync`: brings the tables to hosts. Other commands do the same when a host turns out to be behind.

use std::cell::OnceCell;
use std::path::Path;

use inventory::compile::{Cluster, CompileError};
use inventory::{DockerHost, Inventory, InventoryError, NodeName, Snapshot};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{CommandError, Done};
use crate::app::App;
use crate::args::NoderangeArg;
use crate::delivery::{self, Delivery, DeliveryError};
use crate::engine::EngineError;
use crate::fleet::{self, Group, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::targets;

/// What netd says, whatever it refuses, when newer tables would help (netd's refusals).
const REMEDY: &str = "xdock sync";

pub(super) async fn run(args: &NoderangeArg, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let hosts = app.select(&inventory, &args.noderange)?;
    refuse_containers(&hosts, &inventory, "sync")?;
    let places: Vec<_> =
        hosts.iter().map(|host| (host.clone(), DockerHost { name: host.clone(), port: None })).collect();
    let groups = targets::groups(&places, app, &inventory)?;
    let tables = Tables::new(&inventory, &app.settings.installdir);
    let work = |group: Group, replies: Replies| {
        let tables = &tables;
        async move {
            let brought = tables.bring(&group.host).await;
            replies.end_all(&group.members, &told(&brought));
        }
    };
    Ok(Done::of(fleet::run(groups, &hosts, Sequence::Noderange, &mut app.printer, work).await))
}

/// Containers are no hosts.
pub(super) fn refuse_containers(
    hosts: &[NodeName],
    inventory: &Inventory,
    command: &str,
) -> Result<(), CommandError> {
    let mut wrong = Vec::new();
    for host in hosts {
        if inventory.value(host.as_str(), "nodehm.mgt")?.as_deref() == Some("docker") {
            wrong.push((host.clone(), format!("{host} is a container node; {command} takes docker hosts")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(CommandError::Nodes(wrong)) }
}

fn told(brought: &Result<(u64, Delivery), SyncError>) -> Outcome {
    match brought {
        Ok((version, delivery)) => {
            let word = match delivery {
                Delivery::Delivered => "delivered",
                Delivery::Already => "already",
            };
            let fields = Map::from_iter([("snapshot".to_owned(), Value::from(*version))]);
            Outcome::Status(format!("snapshot {version} {word}"), fields)
        }
        Err(error) => Outcome::failed(error),
    }
}

/// Why a host does not get the tables.
#[derive(Debug, Error)]
pub(super) enum SyncError {
    /// The tables can not be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// They make no snapshot for this host.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// They do not reach it.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

/// The tables as hosts get them: read once, compiled for each host when it needs them.
pub(super) struct Tables<'a> {
    inventory: &'a Inventory,
    installdir: &'a Path,
    cluster: OnceCell<Cluster<'a>>,
    version: u64,
}

/// The tables on their way to a host: brought once a command, however many of its nodes wait for them, and all are told how
/// that ended.
pub(super) struct Bringing<'a, 't> {
    tables: &'a Tables<'t>,
    host: &'a Host,
    compiled: Option<&'a Snapshot>,
    ended: tokio::sync::OnceCell<Result<(), Outcome>>,
}

impl<'a, 't> Bringing<'a, 't> {
    /// Nothing is done before somebody waits; `compiled`: what is brought, where it was made before.
    pub(super) fn new(tables: &'a Tables<'t>, host: &'a Host, compiled: Option<&'a Snapshot>) -> Self {
        Self { tables, host, compiled, ended: tokio::sync::OnceCell::new() }
    }

    /// Until the host has them; else what each of its nodes is told.
    pub(super) async fn ended(&self) -> Result<(), Outcome> {
        let bring = || async {
            let brought = match self.compiled {
                Some(snapshot) => self.tables.bring_this(self.host, snapshot).await,
                None => self.tables.bring(self.host).await,
            };
            brought.map(|_| ()).map_err(|error| Outcome::failed(&error))
        };
        self.ended.get_or_init(bring).await.clone()
    }
}

impl<'a> Tables<'a> {
    pub(super) fn new(inventory: &'a Inventory, installdir: &'a Path) -> Self {
        Self { inventory, installdir, cluster: OnceCell::new(), version: delivery::version_now() }
    }

    pub(super) fn cluster(&self) -> Result<&Cluster<'a>, InventoryError> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(cluster);
        }
        let read = self.inventory.cluster()?;
        Ok(self.cluster.get_or_init(|| read))
    }

    pub(super) fn snapshot(&self, host: &NodeName) -> Result<Snapshot, SyncError> {
        Ok(self.cluster()?.snapshot(host, self.version)?)
    }

    /// Compiles and delivers.
    async fn bring(&self, host: &Host) -> Result<(u64, Delivery), SyncError> {
        self.bring_this(host, &self.snapshot(&host.name)?).await
    }

    /// Delivers what was compiled before; the version that the host then has.
    async fn bring_this(&self, host: &Host, snapshot: &Snapshot) -> Result<(u64, Delivery), SyncError> {
        delivery::leave(self.installdir, snapshot)?;
        Ok(delivery::deliver(host, snapshot).await?)
    }

    /// Whether newer tables would change the answer.
    pub(super) fn is_behind(error: &EngineError) -> bool {
        matches!(error, EngineError::Refused { message, .. } if message.contains(REMEDY))
    }
}
