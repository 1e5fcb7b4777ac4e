//! The state of the host when the step begins: all inputs of the plan.

use std::path::{Path, PathBuf};

use hostnet::NetError;
use inventory::{HostPlan, IfName, Port, Snapshot};

use super::error::NetworkError;
use super::execute::Backends;
use super::manager::{Nics, Tree, detect};
use super::observe::{Observed, is_container_port, observe};
use super::resolve::Memory;
use super::{modules, saved, switch};

/// Directories of this host.
#[derive(Debug, Clone)]
pub struct HostPaths {
    /// `/`, or the directory of a test.
    pub root: PathBuf,
    /// Directory of the change records and the saved plan.
    pub state: PathBuf,
}

/// Kernel, switch, files and the saved plan.
pub(super) struct HostState {
    pub(super) observed: Observed,
    pub(super) tree: Tree,
    pub(super) memory: Memory,
    /// netd's snapshot; `None` if it does not exist or cannot be read.
    pub(super) snapshot: Option<Snapshot>,
}

impl HostState {
    pub(super) async fn collect(
        backends: &Backends,
        host: &HostPaths,
        plan: &HostPlan,
    ) -> Result<Self, NetworkError> {
        let mut observed = observe_network(backends, plan.needs_ovs() || switch::is_installed()).await?;
        observed.lacking = modules::lacking(&host.root, &modules::needed(plan));
        let nics = Nics::observe(&host.root, &observed.links);
        let manager = detect(&host.root, &nics, &manager_interfaces(plan, &observed))?;
        let tree = Tree::read(&host.root, manager, &nics)?;
        let mut memory = saved::read(&host.state)?.map(|network| Memory::of(&network)).unwrap_or_default();
        for bridge in plan.bridges() {
            if let (false, Some(port)) =
                (memory.ports.contains_key(&bridge.name), tree.saved_port(&bridge.name))
            {
                memory.ports.insert(bridge.name.clone(), port);
            }
        }
        let snapshot = Snapshot::read(Path::new(inventory::snapshot::PATH)).ok().flatten();
        Ok(Self { observed, tree, memory, snapshot })
    }
}

/// Observes the kernel and, if needed and running, the switch.
///
/// # Errors
/// One of them cannot be read.
pub async fn observe_network(backends: &Backends, needs_ovs: bool) -> Result<Observed, NetworkError> {
    let mut observed =
        observe(backends.kernel()).await.map_err(|error: NetError| NetworkError::Observe(error))?;
    if needs_ovs {
        observed.switch = match switch::bridges(backends.switch().await?).await {
            Ok(bridges) => Some(bridges),
            Err(error) if error.is_unreachable() => None,
            Err(error) => return Err(error.into()),
        };
        let names = observed.links.iter().map(|link| &link.name).filter(|name| !is_container_port(name));
        let filter = |name: &IfName| Some((name.clone(), backends.kernel().host_ip_filter(name)?));
        observed.host_ip_filters = names.filter_map(filter).collect();
    }
    Ok(observed)
}

/// The interfaces that identify the network manager: those of the plan, and the one with the host's address.
fn manager_interfaces(plan: &HostPlan, observed: &Observed) -> Vec<IfName> {
    let mut names: Vec<IfName> = Vec::new();
    for device in &plan.devices {
        let addressed = match device.port() {
            Some(Port::Carrying(address)) => {
                observed.link_with_address(*address).map(|link| link.name.clone())
            }
            _ => None,
        };
        for name in
            [device.name.clone()].into_iter().chain(device.below().into_iter().cloned()).chain(addressed)
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

impl HostPaths {
    /// Directories of this host.
    pub fn host() -> Self {
        Self { root: PathBuf::from("/"), state: super::guard::StateDir::host().state }
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }
}
