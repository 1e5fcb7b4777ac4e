//! netd's own calls: status, and a new snapshot.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inventory::snapshot;
use inventory::{HostNetwork, Snapshot};
use tracing::{info, warn};

use super::{Daemon, Scope};
use crate::accept::{Loaded, judge};
use crate::moment::Moment;
use crate::serve::LoadSnapshot;
use crate::state::Endpoint;
use crate::status::{EndpointStatus, NetworkStatus, Repair, SnapshotStatus, Status};
use chain::chain;

impl Daemon {
    /// Puts a snapshot in force: judged, written, then true. What is plugged in stays; the tables' word counts from
    /// the next start on.
    pub(super) fn load_snapshot(&mut self, request: &LoadSnapshot) -> Result<Loaded, String> {
        let LoadSnapshot { path, replaces } = request;
        let read = Snapshot::read(path).map_err(|error| chain(&error))?;
        let new = read.ok_or_else(|| format!("no snapshot at {}", path.display()))?;
        let loaded = Loaded::of(judge(self.state.snapshot.as_ref(), &new, None, replaces.as_ref()));
        match &loaded {
            Ok(Loaded::Delivered(_)) => self.put_in_force(new)?,
            Ok(Loaded::Already(_)) => self.mend()?,
            Ok(Loaded::Kept(_, refusal)) | Err(refusal) => warn!("refused: {refusal}"),
        }
        loaded
    }

    fn put_in_force(&mut self, new: Snapshot) -> Result<(), String> {
        snapshot::keep(&self.snapshot, &new).map_err(|error| chain(&error))?;
        info!(
            "snapshot {} for {}: {} nodes, made by {}",
            new.version,
            new.host,
            new.nodes.len(),
            new.stamp().maker()
        );
        self.state.snapshot = Some(new);
        self.broken_snapshot = None;
        self.observe(Scope::All);
        Ok(())
    }

    /// A file that broke is written again when the tables are confirmed.
    fn mend(&mut self) -> Result<(), String> {
        if let (Some(current), Some(_)) = (&self.state.snapshot, &self.broken_snapshot) {
            snapshot::keep(&self.snapshot, current).map_err(|error| chain(&error))?;
            info!("snapshot {} is written again: {} was broken", current.version, self.snapshot.display());
            self.broken_snapshot = None;
        }
        Ok(())
    }

    pub(super) fn status(&self) -> Status {
        let now = Moment::now();
        let networks = self.state.snapshot.iter().flat_map(|snapshot| &snapshot.networks);
        let repairs = self
            .upkeep
            .repairs
            .iter()
            .map(|(when, text)| Repair { seconds_ago: now.since(*when).as_secs(), text: text.clone() });
        let broken = self.broken_snapshot.iter().chain(&self.broken_records);
        let problems = broken.chain(&self.upkeep.problems).chain(&self.upkeep.failures);
        Status {
            netd: env!("CARGO_PKG_VERSION").to_owned(),
            snapshot: self.state.snapshot.as_ref().map(snapshot_status),
            networks: networks.map(|on| self.network_status(on)).collect(),
            endpoints: self.state.endpoints.values().map(|endpoint| self.endpoint_status(endpoint)).collect(),
            repairs: repairs.collect(),
            problems: problems.cloned().collect(),
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

    fn endpoint_status(&self, endpoint: &Endpoint) -> EndpointStatus {
        EndpointStatus {
            node: endpoint.node.clone(),
            network: endpoint.on.clone(),
            addresses: endpoint.addresses.clone(),
            mac: endpoint.mac,
            port: endpoint.port(),
            state: endpoint.phase,
            orphan: self.state.is_orphan(endpoint),
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
    }
}
