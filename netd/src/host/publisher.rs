//! Publishes ports: the only writer of their rules.
//!
//! Starts of containers and reconciliation write at any time, and each write replaces all rules. So one lock orders the
//! writes, and each writes the newest desired state for all that wait: thirty starts need a few writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chain::chain;
use hostnet::conntrack::forget_udp;
use hostnet::ovs::{self, FlowCounts, Purpose, SwitchError, SwitchedPorts};
use hostnet::publish::{self, Observed, Publication};
use hostnet::{Kernel, Link};
use inventory::IfName;
use tokio::task::spawn_blocking;
use tracing::{debug, warn};

use crate::fabric::{Fabrics, Ovs};
use crate::publish::{FlowStep, HostAddresses, Selection, UdpPorts, Wanted, plan_flows, select};

/// A version of the desired state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u64);

/// What is published and what should be, at one time.
#[derive(Debug, Clone)]
pub(crate) struct PublishView {
    /// The desired state that it was made from.
    pub(crate) generation: Generation,
    /// The ports to publish.
    pub(crate) published: Vec<Publication>,
    /// Ports that cannot be published.
    pub(crate) problems: Vec<String>,
    /// The rules of the host.
    pub(crate) observed: Observed,
}

/// The flows of published ports on bridges of Open vSwitch, and those that should be there.
#[derive(Debug, Clone)]
pub(crate) struct SwitchedView {
    /// The desired state that it was made from.
    pub(crate) generation: Generation,
    /// Of each bridge whose flows could be read.
    pub(crate) bridges: BTreeMap<IfName, (Vec<SwitchedPorts>, FlowCounts)>,
    /// Bridges that refused the flows.
    pub(crate) problems: Vec<String>,
}

/// Writes the rules of published ports.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    kernel: Kernel,
    ovs: Arc<Ovs>,
    /// Bridges that refused the flows, with the reason: their datapath has no connection tracking. The rules of the
    /// host are enough, but hide the addresses of clients.
    refused: Arc<Mutex<BTreeMap<IfName, String>>>,
    newest: Arc<Mutex<(Generation, Arc<Wanted>)>>,
    written: Arc<tokio::sync::Mutex<Written>>,
}

/// What was written last.
#[derive(Debug, Default)]
struct Written {
    generation: Generation,
    published: Vec<Publication>,
}

impl Publisher {
    pub(super) fn new(kernel: Kernel, fabrics: &Fabrics) -> Self {
        let ovs = Arc::clone(&fabrics.ovs);
        Self { kernel, ovs, refused: Arc::default(), newest: Arc::default(), written: Arc::default() }
    }

    /// Sets the desired state. `false`: it is the same as before.
    pub(crate) fn set(&self, wanted: Wanted) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if *newest.1 == wanted {
            return false;
        }
        *newest = (Generation(newest.0.0.saturating_add(1)), Arc::new(wanted));
        true
    }

    fn newest(&self) -> (Generation, Arc<Wanted>) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the desired state at the time of the call, or a newer one, is written.
    pub(crate) async fn settled(&self) -> Result<(), String> {
        let (generation, _) = self.newest();
        let mut written = self.written.lock().await;
        if written.generation >= generation {
            return Ok(());
        }
        let links = self.kernel.links().await.map_err(|error| chain(&error))?;
        let view = self.view(&links).await?;
        let steps = publish::plan(&view.published, &view.observed);
        for step in &steps {
            publish::apply(&self.kernel, step).await.map_err(|error| chain(&error))?;
        }
        if steps.iter().any(is_write) {
            self.forget_udp(&written.published, &view.published).await;
        }
        // the container is reachable without these, and reconciliation retries
        if let Err(error) = self.write_flows(&links).await {
            warn!("{error}");
        }
        *written = Written { generation: view.generation, published: view.published };
        Ok(())
    }

    /// Deletes the kernel's memory of UDP clients that began to send under other rules: their packets would go to a former
    /// container, or to none, as long as they send.
    async fn forget_udp(&self, before: &[Publication], now: &[Publication]) {
        let addresses = self.kernel.all_addresses().await.unwrap_or_default();
        let ports = UdpPorts::new(before, now, &addresses);
        if ports.is_empty() {
            return;
        }
        let forgotten =
            spawn_blocking(move || forget_udp(|flow| ports.is_stale(flow.to, flow.served_by))).await;
        match forgotten {
            Ok(Ok(count)) => debug!("{count} UDP flows of published ports deleted"),
            Ok(Err(error)) => {
                warn!(
                    "cannot delete UDP flows of published ports; clients that send may wait for a minute: {error}"
                );
            }
            // it does not panic
            Err(_) => {}
        }
    }

    async fn write_flows(&self, links: &[Link]) -> Result<(), String> {
        for (bridge, (ports, installed)) in self.switched(links, None).await?.bridges {
            if let Some(step) = plan_flows(&bridge, &ports, &installed) {
                self.change_flows(&step).await.map_err(|error| chain(&error))?;
            }
        }
        Ok(())
    }

    /// [`Self::settled`], and an error is only logged: reconciliation retries.
    pub(crate) async fn settled_or_logged(&self) {
        if let Err(error) = self.settled().await {
            warn!("{error}");
        }
    }

    /// Observes what is published.
    pub(super) async fn view(&self, links: &[Link]) -> Result<PublishView, String> {
        let (generation, wanted) = self.newest();
        let Selection { published, problems, .. } = self.selection(&wanted, links, None).await?;
        let observed = publish::observe(&self.kernel, &published).await.map_err(|error| chain(&error))?;
        Ok(PublishView { generation, published, problems, observed })
    }

    async fn selection(
        &self,
        wanted: &Wanted,
        links: &[Link],
        switch: Option<&ovs::Observed>,
    ) -> Result<Selection, String> {
        let addresses = self.kernel.all_addresses().await.map_err(|error| chain(&error))?;
        Ok(select(wanted, &HostAddresses { links, addresses: &addresses, switch }))
    }

    /// Observes the flows of published ports. `switch`: as it was observed just before.
    pub(super) async fn switched(
        &self,
        links: &[Link],
        switch: Option<&ovs::Observed>,
    ) -> Result<SwitchedView, String> {
        let (generation, wanted) = self.newest();
        let mut view = SwitchedView { generation, bridges: BTreeMap::new(), problems: Vec::new() };
        if wanted.switches().is_empty() {
            return Ok(view);
        }
        let observed;
        let switch = match switch {
            Some(switch) => switch,
            None => {
                observed = self.ovs.observe().await.map_err(|error| chain(&error))?;
                &observed
            }
        };
        let selection = self.selection(&wanted, links, Some(switch)).await?;
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (bridge, ports) in selection.switched {
            match refused.get(&bridge) {
                Some(_) if ports.is_empty() => {}
                Some(problem) => view.problems.push(problem.clone()),
                None => match self.ovs.flows(&bridge, Purpose::Publish).await {
                    Ok(installed) => drop(view.bridges.insert(bridge, (ports, installed))),
                    // reported with the filters of the bridge
                    Err(error) => debug!("{}", chain(&error)),
                },
            }
        }
        Ok(view)
    }

    async fn change_flows(&self, step: &FlowStep) -> Result<(), SwitchError> {
        let FlowStep { bridge, add, remove } = step;
        match self.ovs.switch()?.change_flows(bridge, add, remove).await {
            Err(error) if error.is_refusal() => {
                let problem = format!(
                    "services of published ports on bridge {bridge} see the host's address instead of their clients': {}",
                    chain(&error)
                );
                warn!("{problem}");
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(bridge.clone(), problem);
                self.ovs.switch()?.remove_flows(bridge, Purpose::Publish).await
            }
            done => done,
        }
    }

    /// Executes a step of reconciliation on a bridge of Open vSwitch. `false`: its plan is out of date.
    pub(super) async fn repair_flows(&self, generation: Generation, step: &FlowStep) -> Result<bool, String> {
        let _written = self.written.lock().await;
        if self.newest().0 != generation {
            return Ok(false);
        }
        self.change_flows(step).await.map(|()| true).map_err(|error| chain(&error))
    }

    /// Executes a step of reconciliation. `false`: its plan is out of date.
    pub(super) async fn repair(&self, generation: Generation, step: &publish::Step) -> Result<bool, String> {
        let written = self.written.lock().await;
        if self.newest().0 != generation {
            return Ok(false);
        }
        publish::apply(&self.kernel, step).await.map_err(|error| chain(&error))?;
        if is_write(step) {
            self.forget_udp(&written.published, &written.published).await;
        }
        Ok(true)
    }
}

fn is_write(step: &publish::Step) -> bool {
    matches!(step, publish::Step::Write { .. })
}
