//! Published ports of the host: reserves them, and has their rules written.

use std::collections::{BTreeMap, BTreeSet};

use chain::chain;
use hostnet::firewall::Family;
use hostnet::publish::{Reservation, ReserveError, reserve};
use inventory::PublishedPort;
use plugin::PortBinding;
use tracing::warn;

use super::Daemon;
use crate::boot_time::BootTime;
use crate::grant::{PortConflict, choose_ports};
use crate::publish::wanted;
use crate::refusal::Refusal;
use crate::state::{Change, Endpoint};

/// The host's ports that this process reserves. No other process of the host can bind them.
#[derive(Debug, Default)]
pub(super) struct Reservations(BTreeMap<PublishedPort, Option<Reservation>>);

impl Reservations {
    /// Reserves a port. `false`: a process of the host uses it.
    fn add(&mut self, port: &PublishedPort, families: &[Family]) -> bool {
        if self.0.contains_key(port) {
            return true;
        }
        let reservation = match reserve(port, families) {
            Ok(reservation) => Some(reservation),
            Err(ReserveError::InUse(_)) => return false,
            Err(error @ ReserveError::Refused { .. }) => {
                // published without: another process may bind the port, and gets no packets
                warn!("{}", chain(&error));
                None
            }
        };
        self.0.insert(*port, reservation);
        true
    }
}

fn families(endpoint: &Endpoint) -> Vec<Family> {
    let has = |v4: bool| endpoint.addresses.iter().any(|address| address.addr().is_ipv4() == v4);
    [(Family::V4, true), (Family::V6, false)].into_iter().filter(|(_, v4)| has(*v4)).map(|(f, _)| f).collect()
}

impl Daemon {
    /// Reserves the ports of an endpoint that starts. If a process of the host uses one, another is chosen.
    pub(super) fn reserve_ports(
        &mut self,
        endpoint: &Endpoint,
        bindings: &[PortBinding],
    ) -> Result<Endpoint, Refusal> {
        let (families, mut in_use) = (families(endpoint), Vec::new());
        let mut endpoint = endpoint.clone();
        loop {
            let taken = endpoint.ports.iter().find(|port| !self.reservations.add(port, &families)).copied();
            let Some(port) = taken else { return Ok(endpoint) };
            in_use.push(port);
            let chosen = choose_ports(&self.state, &endpoint, bindings, &in_use, BootTime::now());
            match chosen {
                Ok(ports) if !ports.contains(&port) => endpoint.ports = ports,
                Ok(_) => return Err(self.port_in_use(&endpoint, &port)),
                Err(PortConflict { refusal, .. }) => return Err(refusal),
            }
        }
    }

    fn port_in_use(&self, endpoint: &Endpoint, port: &PublishedPort) -> Refusal {
        let (host, node) = (self.state.host_name(), endpoint.node.clone());
        Refusal::PortInUse { port: port.host, protocol: port.protocol, host, node }
    }

    /// Whether a change is about an endpoint with published ports.
    pub(super) fn changes_ports(&self, change: &Change) -> bool {
        match change {
            Change::PutEndpoint(endpoint) => !endpoint.ports.is_empty(),
            Change::RemoveEndpoint(id) => {
                self.state.endpoints.get(id).is_some_and(|endpoint| !endpoint.ports.is_empty())
            }
            Change::PutNetwork(_) | Change::RemoveNetwork(_) => false,
        }
    }

    /// Releases the ports that no endpoint publishes any longer, and has the rules written if they change.
    pub(super) fn ports_changed(&mut self) {
        let publishing = self.state.endpoints.values().filter(|endpoint| endpoint.publishes());
        let used: BTreeSet<PublishedPort> =
            publishing.flat_map(|endpoint| &endpoint.ports).copied().collect();
        self.reservations.0.retain(|port, _| used.contains(port));
        self.host.publish(wanted(&self.state));
    }

    /// Reserves the ports of endpoints of an earlier netd. Returns those that a process of the host has taken
    /// meanwhile. Clients reach the container anyway, since the rules come before that process.
    pub(super) fn missing_reservations(&mut self) -> Vec<String> {
        let publishing: Vec<Endpoint> =
            self.state.endpoints.values().filter(|endpoint| endpoint.publishes()).cloned().collect();
        let mut problems = BTreeSet::new();
        for endpoint in publishing {
            let families = families(&endpoint);
            let ports = endpoint.ports.iter();
            let taken: Vec<PublishedPort> =
                ports.filter(|port| !self.reservations.add(port, &families)).copied().collect();
            problems.extend(taken.iter().map(|port| self.port_in_use(&endpoint, port).to_string()));
        }
        problems.into_iter().collect()
    }
}
