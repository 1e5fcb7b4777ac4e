//! netd's own requests: status, and loading a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inventory::snapshot;
use inventory::{Fabric, HostNetwork, IfName, Snapshot};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::{Daemon, host_network};
use crate::accept::{LoadResult, check_snapshot};
use crate::boot_time::BootTime;
use crate::filter::Filters;
use crate::message::{LoadSnapshot, Scope};
use crate::state::Endpoint;
use crate::status::{EndpointStatus, NamesStatus, NetworkStatus, Repair, SnapshotStatus, Status};
use chain::chain;

impl Daemon {
    /// Loads a snapshot: checks it, writes it to disk, then uses it. Running containers are not affected
    /// until their next start.
    pub(super) fn load_snapshot(&mut self, request: &LoadSnapshot) -> Result<LoadResult, String> {
        let LoadSnapshot { path, replaces } = request;
        let read = Snapshot::read(path).map_err(|error| chain(&error))?;
        let new = read.ok_or_else(|| format!("no snapshot at {}", path.display()))?;
        let loaded =
            LoadResult::of(check_snapshot(self.state.snapshot.as_deref(), &new, None, replaces.as_ref()));
        match &loaded {
            Ok(LoadResult::Delivered(_)) => self.use_snapshot(new)?,
            Ok(LoadResult::Already(_)) => self.rewrite_damaged()?,
            Ok(LoadResult::Kept(_, refusal)) | Err(refusal) => warn!("refused: {refusal}"),
        }
        loaded
    }

    fn use_snapshot(&mut self, new: Snapshot) -> Result<(), String> {
        let new = Arc::new(new.succeeding(self.state.snapshot.as_deref()));
        snapshot::store(&self.snapshot, &new).map_err(|error| chain(&error))?;
        info!(
            "snapshot {} for {}: {} nodes, made by {}",
            new.version,
            new.host,
            new.nodes.len(),
            new.stamp().maker()
        );
        for node in &new.withheld {
            let is_carried = new.node(node.as_str()).is_some();
            let what = if is_carried { "it keeps what it had" } else { "it cannot start" };
            warn!("the rows of {node} cannot be used: {what} (xdock check)");
        }
        self.host.names.use_tables(&new);
        self.state.snapshot = Some(new);
        self.broken_snapshot = None;
        self.observe(Scope::All);
        Ok(())
    }

    /// Writes a damaged snapshot file again when a delivery confirms its content.
    fn rewrite_damaged(&mut self) -> Result<(), String> {
        if let (Some(current), Some(_)) = (&self.state.snapshot, &self.broken_snapshot) {
            snapshot::store(&self.snapshot, current).map_err(|error| chain(&error))?;
            info!("snapshot {} written again: {} was damaged", current.version, self.snapshot.display());
            self.broken_snapshot = None;
        }
        Ok(())
    }

    pub(super) fn count_drops(&self, to: oneshot::Sender<Status>) {
        let snapshot = self.state.snapshot.as_deref();
        let on_switch = self.state.endpoints.values().filter(|endpoint| endpoint.fabric == Fabric::Ovs);
        let filters = Filters::new(snapshot);
        let on_switch = on_switch.map(|endpoint| (endpoint.clone(), filters.of(endpoint))).collect();
        self.host.count_drops(on_switch, to);
    }

    /// The status, with the number of dropped frames of each port.
    pub(super) fn status(&self, dropped: &BTreeMap<IfName, u64>) -> Status {
        let now = BootTime::now();
        let endpoints = self.state.endpoints.values();
        let filters = Filters::new(self.state.snapshot.as_deref());
        let networks = self.state.snapshot.iter().flat_map(|snapshot| &snapshot.networks);
        let repairs = self
            .reconciler
            .repairs
            .iter()
            .map(|(when, text)| Repair { seconds_ago: now.since(*when).as_secs(), text: text.clone() });
        let broken = self.broken_snapshot.iter().chain(&self.broken_records);
        let own = broken.chain(&self.reconciler.problems).chain(&self.reconciler.failures);
        let problems = own.cloned().chain(host_network::problems());
        Status {
            netd: env!("CARGO_PKG_VERSION").to_owned(),
            snapshot: self.state.snapshot.as_deref().map(snapshot_status),
            networks: networks.map(|on| self.network_status(on)).collect(),
            endpoints: endpoints.map(|endpoint| self.endpoint_status(endpoint, &filters, dropped)).collect(),
            repairs: repairs.collect(),
            problems: problems.collect(),
        }
    }

    fn network_status(&self, on: &HostNetwork) -> NetworkStatus {
        let docker = self.state.networks.values().filter(|record| record.network == on.network.name);
        NetworkStatus {
            network: on.network.name.clone(),
            bridge: on.bridge.clone(),
            subnets: on.network.subnets.clone(),
            docker: docker.map(|record| record.id.to_string()).collect(),
        }
    }

    /// As of the last pass of reconciliation.
    fn names_status(&self, endpoint: &Endpoint) -> Option<NamesStatus> {
        let state = self.reconciler.sandboxes.get(endpoint.sandbox.as_ref()?)?;
        Some(NamesStatus { open: state.served.is_some(), counts: state.counts.clone() })
    }

    fn endpoint_status(
        &self,
        endpoint: &Endpoint,
        filters: &Filters<'_>,
        dropped: &BTreeMap<IfName, u64>,
    ) -> EndpointStatus {
        EndpointStatus {
            node: endpoint.node.clone(),
            network: endpoint.on.clone(),
            addresses: endpoint.addresses.clone(),
            mac: endpoint.mac,
            port: endpoint.port(),
            state: endpoint.phase,
            ports: endpoint.ports.clone(),
            orphan: self.state.is_orphan(endpoint),
            antispoof: filters.of(endpoint).identity.is_some(),
            dropped: dropped.get(&endpoint.port()).copied(),
            names: self.names_status(endpoint),
        }
    }
}

fn snapshot_status(snapshot: &Snapshot) -> SnapshotStatus {
    let (read, now) = (Duration::from_millis(snapshot.version), SystemTime::now());
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    SnapshotStatus {
        host: snapshot.host.clone(),
        version: snapshot.version,
        digest: snapshot.digest.clone(),
        age_seconds: now.saturating_sub(read).as_secs(),
        ahead_seconds: read.saturating_sub(now).as_secs(),
        made_by: snapshot.origin.as_ref().map(|origin| origin.name.clone()),
        nodes: snapshot.nodes.len(),
        withheld: snapshot.withheld.clone(),
    }
}
