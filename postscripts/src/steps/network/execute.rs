//! The changes of the running kernel and switch, one after the other. Each is the same in effect when repeated, and the ways back
//! also where the way there was never gone.

use std::path::Path;
use std::time::Duration;

use hostnet::ovs::{self, PortSpec, Switch, SwitchError};
use hostnet::{Kernel, Kind, NetError};
use inventory::IfName;
use process::ExecuteError;
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use super::manager::adopt::daemon;
use super::plan::{DaemonStep, KernelStep, LinkKind, Step, SwitchStep, inverses};
use super::zones;

/// How long a bridge over a live NIC may take until it is operational; it is some milliseconds.
const OPERATIONAL_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// One step: the kernel answers in milliseconds, a bond may wait for a NIC's firmware, the switch has a limit of its own.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// Where dockerd keeps the network namespaces of running containers.
const CONTAINER_NAMESPACES: &str = "/var/run/docker/netns";

/// What steps act on.
#[derive(Debug, Clone)]
pub struct Backends {
    kernel: Kernel,
    /// Where Open vSwitch's database listens.
    remote: String,
    /// Connected when first needed.
    switch: OnceCell<Switch>,
}

/// A step that was not done.
#[derive(Debug, Error)]
pub enum ActError {
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] NetError),
    /// The switch refused.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// firewalld refused.
    #[error("firewalld does not accept the device")]
    Zone(#[source] ExecuteError),
    /// systemctl failed.
    #[error(transparent)]
    Daemon(#[from] ExecuteError),
    /// No answer.
    #[error("not finished within {} s", STEP_TIMEOUT.as_secs())]
    TimedOut,
}

/// Which step was not done.
#[derive(Debug, Error)]
#[error("cannot {step}")]
pub struct StepError {
    /// The step, in words.
    pub step: String,
    /// Why.
    #[source]
    pub source: ActError,
}

impl Backends {
    /// The kernel of this thread's network namespace, and the switch whose database is at `remote` ([`ovs::REMOTE`]).
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open(remote: &str) -> Result<Self, NetError> {
        Ok(Self { kernel: Kernel::open()?, remote: remote.to_owned(), switch: OnceCell::new() })
    }

    /// The kernel.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The switch; nobody needs to listen there yet.
    ///
    /// # Errors
    /// The remote is none.
    pub async fn switch(&self) -> Result<&Switch, SwitchError> {
        self.switch.get_or_try_init(async || Switch::open(&self.remote)).await
    }
}

/// Does the steps in order, up to the first that fails. `report` hears of each before it is done.
///
/// # Errors
/// Names the step that failed. What was done before it stays.
pub async fn apply(backends: &Backends, steps: &[Step], report: impl Fn(&Step)) -> Result<(), StepError> {
    for step in steps {
        report(step);
        act(backends, step).await.map_err(|source| StepError { step: step.to_string(), source })?;
    }
    Ok(())
}

/// Takes steps back, the last first, past errors; also those that were never done.
///
/// # Errors
/// What could not be done.
pub async fn roll_back(backends: &Backends, steps: &[Step]) -> Result<(), Vec<StepError>> {
    let mut failed = Vec::new();
    for step in inverses(steps) {
        if let Err(source) = act(backends, &step).await {
            failed.push(StepError { step: step.to_string(), source });
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Does one step. The same in effect when repeated.
///
/// # Errors
/// Kernel or switch refused, or did not answer.
pub async fn act(backends: &Backends, step: &Step) -> Result<(), ActError> {
    timeout(STEP_TIMEOUT, dispatch(backends, step)).await.map_err(|_| ActError::TimedOut)?
}

async fn dispatch(backends: &Backends, step: &Step) -> Result<(), ActError> {
    match step {
        Step::Kernel(step) => in_kernel(&backends.kernel, step).await.map_err(ActError::from),
        Step::Switch(step) => in_switch(backends.switch().await?, step).await.map_err(ActError::from),
        Step::Daemon(step) => in_daemon(step).await,
    }
}

async fn in_kernel(kernel: &Kernel, step: &KernelStep) -> Result<(), NetError> {
    match step {
        KernelStep::AddBridge(spec) => kernel.add_bridge(spec).await.map(drop),
        KernelStep::AddBond(spec) => kernel.add_bond(spec).await.map(drop),
        KernelStep::AddVlan(spec) => kernel.add_vlan(spec).await.map(drop),
        KernelStep::RemoveBridge(spec) => delete(kernel, LinkKind::Bridge, &spec.name).await,
        KernelStep::RemoveBond(spec) => delete(kernel, LinkKind::Bond, &spec.name).await,
        KernelStep::RemoveVlan(spec) => delete(kernel, LinkKind::Vlan, &spec.name).await,
        KernelStep::Delete { kind, device } => delete(kernel, *kind, device).await,
        KernelStep::SetBridge { device, to, .. } => kernel.set_bridge(device, *to).await,
        KernelStep::SetBond { device, to, .. } => kernel.set_bond(device, to).await,
        KernelStep::SetMtu { device, to, .. } => kernel.set_mtu(device, *to).await,
        KernelStep::DisableTxChecksumOffload(port) => {
            let namespaces = Path::new(CONTAINER_NAMESPACES);
            ignore_missing(kernel.disable_tx_checksum_offload_of_peer(port, namespaces).await)
        }
        KernelStep::SetHostIpFilter { device, to, .. } => {
            ignore_missing(kernel.set_host_ip_filter(device, *to).await)
        }
        KernelStep::SetUp(device) => kernel.set_up(device, true).await,
        KernelStep::SetDown(device) => ignore_missing(kernel.set_up(device, false).await),
        KernelStep::AddAddress(device, address) => kernel.add_address(device, *address).await,
        KernelStep::DelAddress(device, address) => ignore_missing(kernel.del_address(device, *address).await),
        KernelStep::WaitOperational(bridge) => wait_operational(kernel, bridge).await,
        KernelStep::AttachPort { port, bridge } => attach_port(kernel, port, bridge).await,
        KernelStep::DetachPort { port, bridge } => ignore_missing(detach_port(kernel, port, bridge).await),
        KernelStep::Route { device, route, .. } => kernel.add_route(device, route).await,
        KernelStep::DelRoute(device, route) => ignore_missing(kernel.del_route(device, route).await),
    }
}

async fn in_switch(switch: &Switch, step: &SwitchStep) -> Result<(), SwitchError> {
    match step {
        SwitchStep::AddBridge(spec) | SwitchStep::SetBridge(spec) => switch.add_bridge(spec).await.map(drop),
        SwitchStep::RemoveBridge(ovs::BridgeSpec { name, .. }) | SwitchStep::DeleteBridge(name) => {
            switch.del_bridge(name).await.map(drop)
        }
        SwitchStep::AttachPort { port, bridge } => {
            let (bridge, port) = (bridge.clone(), port.clone());
            let spec = PortSpec { bridge, port, tag: None, external_ids: std::collections::BTreeMap::new() };
            switch.attach_port(&spec).await.map(drop)
        }
        SwitchStep::RemovePort { port, .. } => switch.remove_port(port).await.map(drop),
        SwitchStep::SetTag { port, to, .. } => switch.set_tag(port, *to).await.map(drop),
    }
}

async fn in_daemon(step: &DaemonStep) -> Result<(), ActError> {
    match step {
        DaemonStep::StopManager(manager) => Ok(daemon::stop(*manager).await?),
        DaemonStep::StartManager(manager) => Ok(daemon::start(*manager).await?),
        DaemonStep::AddToZone { device, zone } => zones::add(device, zone).await.map_err(ActError::Zone),
        DaemonStep::RemoveFromZone { device, zone } => {
            zones::remove(device, zone).await;
            Ok(())
        }
    }
}

/// A device of another kind that has the name now is not what was created.
async fn delete(kernel: &Kernel, kind: LinkKind, name: &IfName) -> Result<(), NetError> {
    let made = match kind {
        LinkKind::Bridge => Kind::Bridge,
        LinkKind::Bond => Kind::Bond,
        LinkKind::Vlan => Kind::Vlan,
    };
    match kernel.link(name).await? {
        Some(link) if link.kind == made => kernel.delete(name).await.map(drop),
        _ => Ok(()),
    }
}

/// What shall not be on a device that is not there is not on it.
fn ignore_missing(done: Result<(), NetError>) -> Result<(), NetError> {
    match done {
        Err(NetError::Missing { .. }) => Ok(()),
        done => done,
    }
}

async fn attach_port(kernel: &Kernel, port: &IfName, bridge: &IfName) -> Result<(), NetError> {
    let link = kernel.link(bridge).await?;
    let master = link.ok_or_else(|| NetError::Missing { device: bridge.clone() })?;
    let is_attached = kernel.link(port).await?.is_some_and(|port| port.master == Some(master.index));
    match (is_attached, master.kind) {
        (false, _) => kernel.set_master(port, Some(master.index)).await,
        // it refuses a port of its own that is up; one that was set down meanwhile is of no use to it
        (true, Kind::Bond) => kernel.set_up(port, true).await,
        (true, _) => Ok(()),
    }
}

async fn detach_port(kernel: &Kernel, port: &IfName, bridge: &IfName) -> Result<(), NetError> {
    let Some(bridge) = kernel.link(bridge).await? else { return Ok(()) };
    match kernel.link(port).await? {
        Some(link) if link.master == Some(bridge.index) => kernel.set_master(port, None).await,
        _ => Ok(()),
    }
}

/// A bridge that is not operational by then is judged by whether the management node answers through it.
async fn wait_operational(kernel: &Kernel, bridge: &IfName) -> Result<(), NetError> {
    let end = Instant::now() + OPERATIONAL_TIMEOUT;
    while Instant::now() < end && !kernel.is_operational(bridge).await? {
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
