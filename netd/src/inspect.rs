//! `netd inspect`: prints facts about this host's network for `xdock why`. A separate process that runs as root, not the
//! daemon: it enters the container's network namespace and probes from there. It changes nothing.
//!
//! ```text
//! target.rs    the destinations of probes
//! records.rs   the container's endpoint records
//! stack.rs     interfaces, routes and neighbours of a network namespace
//! find.rs      finds the container's network namespace
//! probe.rs     probes
//! names.rs     asks netd's name server in the container
//! filter.rs    packet filters
//! nftables.rs  chains of nftables outside of iptables
//! switch.rs    Open vSwitch
//! listeners.rs programs that listen on ports of the host
//! ```

mod filter;
mod find;
mod listeners;
mod names;
mod nftables;
mod probe;
mod records;
mod stack;
mod switch;
mod target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chain::chain;
use hostnet::netns::Namespace;
use hostnet::{Kernel, NetError};
use inspection::{Daemon, FdbEntry, Inspection, Probe, Published, Resolved, SnapshotId, Stack};
use inventory::snapshot::StoredSnapshot;
use inventory::{Fabric, MacAddr, NodeName, Protocol};

use crate::args::Inspect;
use crate::client;
use crate::serve::STATUS;
use crate::state::Endpoint;
use crate::status::Status;
use probe::Task;
use stack::Selection;

pub(crate) use target::Target;

/// The daemon answers from memory.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(1);

/// Collects all facts. Facts that cannot be read are listed with the reason.
pub(crate) async fn inspect(socket: &Path, snapshot: &Path, asked: Inspect) -> Inspection {
    let mut unknown = Vec::new();
    let records = match &asked.node {
        Some(node) => records::of(&asked.run, node, &mut unknown),
        None => Vec::new(),
    };
    let uses_switch = asked.switch || records.iter().any(|endpoint| endpoint.fabric == Fabric::Ovs);
    let before = status(socket).await;
    let (daemon, snapshot) = daemon(&before, snapshot);
    let (filters, chains, probed) =
        tokio::join!(filter::observe(), nftables::observe(), probe_from(&asked, &records));
    let mut facts = Inspection { daemon, snapshot, ..Inspection::default() };
    let found = noted(probed, &mut unknown).unwrap_or_default();
    facts.filters = noted(filters, &mut unknown).unwrap_or_default();
    facts.chains = noted(chains, &mut unknown).unwrap_or_default();
    facts.endpoints = records.iter().map(|record| found.endpoint(record)).collect();
    if before.is_ok() && !records.is_empty() {
        let after = status(socket).await;
        for endpoint in &mut facts.endpoints {
            let (before, after) = (dropped(&before, &endpoint.port), dropped(&after, &endpoint.port));
            endpoint.dropped = after;
            endpoint.dropped_by_probe = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        }
    }
    facts.published = published(&before, &asked.ports);
    facts.listeners = listeners::observe(&asked.ports);
    facts.container = found.stack;
    // a container that started before its host had the name server does not use it
    if serves_names(&before, &records) {
        facts.names = found.names;
    }
    facts.probes = found.probes;
    let selection = selection(&asked, &records);
    // hosts have no MAC in the tables: that of their neighbour entry is looked up
    let seen = facts.container.iter().flat_map(|stack| &stack.neighbours).chain(&found.neighbours);
    let macs: Vec<MacAddr> = asked.macs.iter().copied().chain(seen.filter_map(|entry| entry.mac)).collect();
    // after the probes, which fill these tables
    match host(&selection, &macs).await {
        Ok((stack, fdb)) => (facts.host, facts.fdb) = (stack, fdb),
        Err(error) => unknown.push(chain(&error)),
    }
    if uses_switch {
        facts.switch = Some(switch::observe(&asked.ovsdb, &selection, &macs).await);
    }
    facts.host.neighbours.extend(found.neighbours);
    facts.unknown = unknown;
    facts
}

/// The ports and addresses that matter.
fn selection(asked: &Inspect, records: &[Endpoint]) -> Selection {
    Selection {
        ports: records.iter().map(Endpoint::port).collect(),
        addresses: asked.probes.iter().map(|target| target.address).collect(),
    }
}

fn noted<T>(result: Result<T, String>, unknown: &mut Vec<String>) -> Option<T> {
    result.map_err(|error| unknown.push(error)).ok()
}

/// What the daemon reports, and the active snapshot. Without a daemon it is the file that the next one will load.
fn daemon(status: &Result<Status, String>, snapshot: &Path) -> (Daemon, Option<SnapshotId>) {
    match status {
        Ok(Status { snapshot, problems, .. }) => {
            let id = snapshot.as_ref().map(|loaded| SnapshotId {
                version: loaded.version,
                digest: loaded.digest.clone(),
                withheld: loaded.withheld.clone(),
            });
            (Daemon { error: None, problems: problems.clone() }, id)
        }
        Err(error) => {
            let stored = StoredSnapshot::read(snapshot).snapshot.map(|stored| SnapshotId {
                version: stored.version,
                digest: stored.digest,
                withheld: stored.withheld,
            });
            (Daemon { error: Some(error.clone()), problems: Vec::new() }, stored)
        }
    }
}

/// Whether the container has a name server of netd; unknown without the daemon.
fn serves_names(status: &Result<Status, String>, records: &[Endpoint]) -> bool {
    let Ok(status) = status else { return true };
    let mut own =
        status.endpoints.iter().filter(|found| records.iter().any(|record| record.port() == found.port));
    own.any(|endpoint| endpoint.names.is_some())
}

/// The TCP ports that netd publishes.
fn published(status: &Result<Status, String>, ports: &[u16]) -> Vec<Published> {
    let endpoints = status.as_ref().map(|status| status.endpoints.as_slice()).unwrap_or_default();
    let of = |endpoint: &crate::status::EndpointStatus| {
        let tcp =
            endpoint.ports.iter().filter(|port| port.protocol == Protocol::Tcp && ports.contains(&port.host));
        let node = endpoint.node.clone();
        tcp.map(move |port| Published { port: port.host, node: node.clone(), container: port.container })
            .collect::<Vec<_>>()
    };
    endpoints.iter().flat_map(of).collect()
}

/// How many frames of a port were dropped.
fn dropped(status: &Result<Status, String>, port: &inventory::IfName) -> Option<u64> {
    let endpoints = &status.as_ref().ok()?.endpoints;
    endpoints.iter().find(|endpoint| endpoint.port == *port)?.dropped
}

async fn status(socket: &Path) -> Result<Status, String> {
    let asked = tokio::time::timeout(DAEMON_TIMEOUT, client::call(socket, STATUS, String::new())).await;
    let silent = |_| format!("netd does not answer within {} s", DAEMON_TIMEOUT.as_secs());
    let answer = asked.map_err(silent)?.map_err(|error| chain(&error))?;
    serde_json::from_value(answer).map_err(|error| error.to_string())
}

/// The host's interfaces and forwarding databases.
async fn host(selection: &Selection, macs: &[MacAddr]) -> Result<(Stack, Vec<FdbEntry>), NetError> {
    let kernel = Kernel::open()?;
    let links = kernel.links().await?;
    let stack = stack::read(&kernel, &links, selection).await?;
    let fdb = stack::fdb(&kernel, &links, macs).await?;
    Ok((stack, fdb))
}

/// What was found and probed from where the packets of the subject come from.
#[derive(Debug, Default)]
struct Found {
    /// The container's interfaces.
    stack: Option<Stack>,
    /// Names of the container ends inside the container, by host end.
    ends: Vec<(inventory::IfName, inventory::IfName)>,
    probes: Vec<Probe>,
    names: Vec<Resolved>,
    neighbours: Vec<inspection::Neighbour>,
}

impl Found {
    fn endpoint(&self, record: &Endpoint) -> inspection::Endpoint {
        let port = record.port();
        let inside = self.ends.iter().find(|(host_end, _)| *host_end == port).map(|(_, end)| end.clone());
        inspection::Endpoint {
            network: record.on.clone(),
            port,
            mac: record.mac,
            addresses: record.addresses.clone(),
            bridge: record.bridge.clone(),
            fabric: record.fabric,
            tag: record.tag,
            phase: record.phase.to_string(),
            inside,
            dropped: None,
            dropped_by_probe: None,
        }
    }
}

/// Probes from the container's namespace, or from the host's if no node was asked for.
async fn probe_from(asked: &Inspect, records: &[Endpoint]) -> Result<Found, String> {
    let Some(node) = &asked.node else {
        return from_namespace(None, asked, Vec::new()).await;
    };
    let kernel = Kernel::open().map_err(|error| chain(&error))?;
    let links = kernel.links().await.map_err(|error| chain(&error))?;
    match find::namespace(records, &links) {
        Some((path, ends)) => from_namespace(Some(path), asked, ends).await,
        None => Err(not_found(node)),
    }
}

fn not_found(node: &NodeName) -> String {
    format!("no network namespace of {node} on this host")
}

async fn from_namespace(
    namespace: Option<PathBuf>,
    asked: &Inspect,
    ends: Vec<(inventory::IfName, inventory::IfName)>,
) -> Result<Found, String> {
    let task = Task { targets: asked.probes.clone(), macs: asked.macs.clone(), names: asked.names.clone() };
    let work = move || match namespace {
        None => probe::run(&task, None),
        Some(path) => {
            let entered = Namespace::open(&path).and_then(|namespace| {
                let name = path.to_string_lossy().into_owned();
                namespace.run(|| probe::run(&task, Some(name)))
            });
            entered.map_err(|error| chain(&error))?
        }
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())??;
    let is_container = done.stack.namespace.is_some();
    Ok(Found {
        neighbours: if is_container { Vec::new() } else { done.stack.neighbours.clone() },
        stack: is_container.then_some(done.stack),
        ends,
        probes: done.probes,
        names: done.names,
    })
}
