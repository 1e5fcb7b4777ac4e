//! Tables for hosts: compiled into snapshots and delivered.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;

use durable::FileError;
use inventory::compile::{Cluster, HostError};
use inventory::{Inventory, InventoryError, NodeName, Snapshot, Stamp};
use thiserror::Error;

use super::{Delivery, DeliveryError, Form, deliver, is_in_the_way, objection, publish, version_now};
use crate::engine::EngineError;
use crate::fleet::Outcome;
use crate::host::Host;
use crate::origin::ManagementNode;

/// Hint in netd's refusals that newer tables may resolve.
const REMEDY: &str = "xdock sync";

/// Snapshot of a host after `sync`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Synced {
    /// It had this snapshot.
    Already(u64),
    /// Delivered.
    Delivered(u64),
    /// Delivered, and replaced a snapshot that a normal delivery keeps.
    Replaced {
        /// The new snapshot.
        new: Stamp,
        /// The old snapshot.
        old: Stamp,
    },
}

/// The first reasons; `xdock check` shows all.
pub(crate) fn listed(mut reasons: Vec<String>) -> Vec<String> {
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
pub(crate) enum SyncError {
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
pub(crate) struct Tables<'a> {
    inventory: &'a Inventory,
    installdir: &'a Path,
    cluster: OnceCell<Cluster<'a>>,
    origin: OnceCell<ManagementNode>,
    version: u64,
    /// Hosts with a netd of an earlier release.
    outdated: RefCell<BTreeSet<NodeName>>,
}

/// Delivery to a host: runs once per command, and all nodes of the host wait for its result.
pub(crate) struct TableSync<'a, 't> {
    tables: &'a Tables<'t>,
    host: &'a Host,
    compiled: Option<&'a Snapshot>,
    done: tokio::sync::OnceCell<Result<(), Outcome>>,
}

impl<'a, 't> TableSync<'a, 't> {
    /// Creates a delivery; it starts with the first [`done`](Self::done). `compiled`: the snapshot, if it exists.
    pub(crate) fn new(tables: &'a Tables<'t>, host: &'a Host, compiled: Option<&'a Snapshot>) -> Self {
        Self { tables, host, compiled, done: tokio::sync::OnceCell::new() }
    }

    /// Waits for the delivery. The error is that of all nodes of the host.
    pub(crate) async fn done(&self) -> Result<(), Outcome> {
        let sync_host = || async {
            let result = match self.compiled {
                Some(snapshot) => self.tables.sync_snapshot(self.host, snapshot).await,
                None => self.tables.sync_host(self.host).await,
            };
            result.map_err(|error| Outcome::failed(&error).of_host())
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
    pub(crate) fn new(inventory: &'a Inventory, installdir: &'a Path) -> Self {
        let (cluster, origin) = (OnceCell::new(), OnceCell::new());
        let outdated = RefCell::default();
        Self { inventory, installdir, cluster, origin, version: version_now(), outdated }
    }

    pub(crate) fn cluster(&self) -> Result<&Cluster<'a>, InventoryError> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(cluster);
        }
        let read = self.inventory.cluster()?;
        Ok(self.cluster.get_or_init(|| read))
    }

    pub(crate) fn snapshot(&self, host: &NodeName) -> Result<Snapshot, SyncError> {
        let origin = self.origin()?.origin();
        Ok(self.cluster()?.snapshot(host, self.version)?.made_by(Some(origin)))
    }

    /// Containers that are not in a host's snapshot, each with the reason.
    pub(crate) fn left_out(&self, host: &NodeName) -> Vec<String> {
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

    async fn deliver(
        &self,
        host: &Host,
        snapshot: &Snapshot,
        replaces: Option<&Stamp>,
    ) -> Result<Delivery, DeliveryError> {
        let (delivery, form) = deliver(host, snapshot, replaces).await?;
        if form != Form::Complete {
            self.outdated.borrow_mut().insert(host.name.clone());
        }
        Ok(delivery)
    }

    /// A hint for each host whose netd is of an earlier release. Complete after the deliveries.
    pub(crate) fn outdated(&self) -> Vec<String> {
        let hint = |host: &NodeName| {
            format!(
                "netd of {host} is of an earlier release and does not answer names and links; run \"updatenode {host} -P xdock\", then restart its containers"
            )
        };
        self.outdated.borrow().iter().map(hint).collect()
    }

    /// Delivers a snapshot if it is newer than that of the host.
    async fn sync_snapshot(&self, host: &Host, snapshot: &Snapshot) -> Result<(), SyncError> {
        publish(self.installdir, snapshot)?;
        let kept = match self.deliver(host, snapshot, None).await? {
            Delivery::Kept(held) => objection(host.name.as_str(), &snapshot.stamp(), &held, version_now()),
            Delivery::Delivered(_) | Delivery::Already(..) => None,
        };
        kept.map_or(Ok(()), |objection| Err(DeliveryError::Objection(Box::new(objection)).into()))
    }

    /// Compiles and delivers; replaces any snapshot of the host.
    pub(crate) async fn enforce(&self, host: &Host) -> Result<Synced, SyncError> {
        let mut replaces: Option<Stamp> = None;
        for _ in 0..ATTEMPTS {
            let snapshot = self.snapshot(&host.name)?;
            publish(self.installdir, &snapshot)?;
            let delivered = self.deliver(host, &snapshot, replaces.as_ref()).await?;
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
    pub(crate) fn is_behind(error: &EngineError) -> bool {
        matches!(error, EngineError::Refused { message, .. } if message.contains(REMEDY))
    }
}
