//! netd's own calls: status, and a new snapshot.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inventory::{HostNetwork, Snapshot};
use tracing::{info, warn};

use super::{Daemon, Scope};
use crate::accept::{Loaded, judge};
use crate::moment::Moment;
use crate::state::Endpoint;
use crate::status::{EndpointStatus, NetworkStatus, Repair, SnapshotStatus, Status};
use chain::chain;

impl Daemon {
    /// Puts a snapshot in force: judged, written, then true. What is plugged in stays; the tables' word counts from
    /// the next start on.
    pub(super) fn load_snapshot(&mut self, path: &Path) -> Result<Loaded, String> {
        let new = Snapshot::read(path).map_err(|error| chain(&error))?;
        let loaded = judge(self.state.snapshot.as_ref(), &new, None).map_err(|refusal| {
            warn!("refused: {refusal}");
            refusal.to_string()
        })?;
        if let Loaded::Delivered(version) = loaded {
            let written = durable::replace(&self.snapshot, new.to_text().as_bytes(), 0o600);
            written.map_err(|error| chain(&error))?;
            info!("snapshot {version} for {}: {} nodes", new.host, new.nodes.len());
            self.state.snapshot = Some(new);
            self.broken_snapshot = None;
            self.observe(Scope::All);
        }
        Ok(loaded)
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
    let read = UNIX_EPOCH + Duration::from_millis(snapshot.version);
    SnapshotStatus {
        host: snapshot.host.clone(),
        version: snapshot.version,
        digest: snapshot.digest.clone(),
        age_seconds: SystemTime::now().duration_since(read).unwrap_or_default().as_secs(),
        nodes: snapshot.nodes.len(),
    }
}
