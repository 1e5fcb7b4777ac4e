//! Executes changes of the running kernel and switch in order. Each step is idempotent. An inverse also
//! succeeds if its step was never executed.

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

/// Timeout of a bridge over a live NIC to become operational. Usually it takes some milliseconds.
const OPERATIONAL_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Timeout of one step. The kernel answers in milliseconds, a bond may wait for a NIC's firmware, and the
/// switch has its own limit.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// Directory of the containers' network namespaces (dockerd).
const CONTAINER_NAMESPACES: &str = "/var/run/docker/netns";

/// The kernel and the switch that steps change.
#[derive(Debug, Clone)]
pub struct Backends {
    kernel: Kernel,
    /// Address of Open vSwitch's database.
    remote: String,
    /// Connected when it is first needed.
    switch: OnceCell<Switch>,
}

/// A step failed.
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
    /// No answer in time.
    #[error("not finished within {} s", STEP_TIMEOUT.as_secs())]
    TimedOut,
}

/// A step failed, with its text.
#[derive(Debug, Error)]
#[error("cannot {step}")]
pub struct StepError {
    /// The step, as `--dry-run` prints it.
    pub step: String,
    /// Cause.
    #[source]
    pub source: ActError,
}

impl Backends {
    /// Opens the kernel of this thread's network namespace. `remote` is the address of Open vSwitch's
    /// database ([`ovs::REMOTE`]).
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

    /// The switch. Its database need not run yet.
    ///
    /// # Errors
    /// `remote` is not a valid address.
    pub async fn switch(&self) -> Result<&Switch, SwitchError> {
        self.switch.get_or_try_init(async || Switch::open(&self.remote)).await
    }
}

/// Executes the steps in order and stops at the first error. `report` is called before each step.
///
/// # Errors
/// The failed step. Earlier steps stay in effect.
pub async fn apply(backends: &Backends, steps: &[Step], report: impl Fn(&Step)) -> Result<(), StepError> {
    for step in steps {
        report(step);
        act(backends, step).await.map_err(|source| StepError { step: step.to_string(), source })?;
    }
    Ok(())
}

/// Rolls back steps in reverse order and continues after errors, also steps that were never executed.
///
/// # Errors
/// All steps that failed.
pub async fn roll_back(backends: &Backends, steps: &[Step]) -> Result<(), Vec<StepError>> {
    let mut failed = Vec::new();
    for step in inverses(steps) {
        if let Err(source) = act(backends, &step).await {
            failed.push(StepError { step: step.to_string(), source });
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Executes one step. Idempotent.
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

/// Deletes a device, unless another kind of device has its name now.
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

/// A missing device already is without address, route or master.
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
        // a bond refuses its own port while that is up, and does not use a port that is down
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

/// Waits until a bridge is operational. After the timeout, the probes decide.
async fn wait_operational(kernel: &Kernel, bridge: &IfName) -> Result<(), NetError> {
    let end = Instant::now() + OPERATIONAL_TIMEOUT;
    while Instant::now() < end && !kernel.is_operational(bridge).await? {
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
