//! What the guard can do to this machine's network.

use std::time::Duration;

use hostnet::{NetError, ovs};
use inventory::IfName;
use serde::Deserialize as _;
use serde_json::Value;

use super::execute::{Means, act};
use super::guard::{Hands, Trouble};
use super::manager::Manager;
use super::manager::adopt::fall_back;
use super::observe::{Observed, is_containers, observe};
use super::plan::{Step, Words};
use super::probe::Probes;

/// Kernel, switch and network manager of this machine.
#[derive(Debug)]
pub struct ThisMachine {
    means: Means,
}

impl ThisMachine {
    /// Opens what can not be opened in need.
    ///
    /// # Errors
    /// The kernel.
    pub fn open() -> Result<Self, NetError> {
        Ok(Self { means: Means::open(ovs::REMOTE)? })
    }
}

impl Hands for ThisMachine {
    async fn act(&self, step: &Value) -> Result<(), Trouble> {
        let step = Step::deserialize(step)?;
        act(&self.means, &step).await.map_err(Trouble::from)
    }

    async fn adopt(&self, manager: &str) -> Result<(), Trouble> {
        match Manager::ALL.into_iter().find(|known| known.to_string() == manager) {
            Some(manager) => fall_back(manager).await.map_err(Trouble::from),
            None => Ok(()),
        }
    }

    async fn facts(&self) -> Result<Vec<String>, Trouble> {
        Ok(facts(&observe(self.means.kernel()).await?, |_| true))
    }

    async fn probe(&self, probes: &Value, patience: Duration) -> Result<(), Trouble> {
        Probes::deserialize(probes)?.answer_at_boot(patience).await.map_err(Trouble::from)
    }
}

/// The network in words, a line a fact: what the old network is known by. Of the devices that are asked for.
pub fn facts(observed: &Observed, of: impl Fn(&IfName) -> bool) -> Vec<String> {
    let mut facts = Vec::new();
    for link in observed.links.iter().filter(|link| !is_containers(&link.name) && of(&link.name)) {
        let name = &link.name;
        let master = link.master.map(|master| format!(", a port of {}", observed.name_of(master)));
        let up = if link.up { "up" } else { "down" };
        facts.push(format!("{name} {up} with MTU {}{}", link.mtu, master.unwrap_or_default()));
        facts.extend(observed.addresses(name).map(|address| format!("{address} on {name}")));
        facts.extend(observed.routes(name).map(|route| format!("the route {} through {name}", Words(route))));
    }
    facts
}
