//! Rollback of this host's kernel, switch and network manager: what the guard needs of them.

use std::time::Duration;

use hostnet::{NetError, ovs};
use inventory::IfName;
use serde::Deserialize as _;
use serde_json::Value;

use super::execute::{Backends, act};
use super::guard::{BackendError, RollbackBackend};
use super::manager::Manager;
use super::manager::adopt::roll_back;
use super::observe::{Observed, is_container_port, observe};
use super::plan::{RouteText, Step};
use super::probe::Probes;

/// Kernel, switch and network manager of this host.
#[derive(Debug)]
pub struct HostBackend {
    backends: Backends,
}

impl HostBackend {
    /// Opens the netlink socket in advance: a rollback must not depend on opening one.
    ///
    /// # Errors
    /// The kernel refused the socket.
    pub fn open() -> Result<Self, NetError> {
        Ok(Self { backends: Backends::open(ovs::REMOTE)? })
    }
}

impl RollbackBackend for HostBackend {
    async fn act(&self, step: &Value) -> Result<(), BackendError> {
        let step = Step::deserialize(step)?;
        act(&self.backends, &step).await.map_err(BackendError::from)
    }

    async fn adopt(&self, manager: &str) -> Result<(), BackendError> {
        match Manager::ALL.into_iter().find(|known| known.to_string() == manager) {
            Some(manager) => roll_back(manager).await.map_err(BackendError::from),
            None => Ok(()),
        }
    }

    async fn facts(&self) -> Result<Vec<String>, BackendError> {
        Ok(facts(&observe(self.backends.kernel()).await?, |_| true))
    }

    async fn probe(&self, probes: &Value, limit: Duration) -> Result<(), BackendError> {
        Probes::deserialize(probes)?.answer_at_boot(limit).await.map_err(BackendError::from)
    }
}

/// The state of the selected devices as text, one line per fact. A rollback compares it with the state before
/// the change.
pub fn facts(observed: &Observed, of: impl Fn(&IfName) -> bool) -> Vec<String> {
    let mut facts = Vec::new();
    for link in observed.links.iter().filter(|link| !is_container_port(&link.name) && of(&link.name)) {
        let name = &link.name;
        let master = link.master.map(|master| format!(", a port of {}", observed.name_of(master)));
        let up = if link.up { "up" } else { "down" };
        facts.push(format!("{name} {up} with MTU {}{}", link.mtu, master.unwrap_or_default()));
        facts.extend(observed.addresses(name).map(|address| format!("{address} on {name}")));
        facts.extend(
            observed.routes(name).map(|route| format!("the route {} through {name}", RouteText(route))),
        );
    }
    facts
}
