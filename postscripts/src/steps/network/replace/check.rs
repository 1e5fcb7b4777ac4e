//! Checks that a bridge can be replaced, before the first change.

use hostnet::Settings;
use inventory::{Fabric, HostPlan, IfName, NetName, Snapshot};
use thiserror::Error;

use super::{Replacement, ports};
use crate::steps::network::observe::{Observed, is_container_port};
use crate::steps::network::resolved::Kind;

/// A bridge cannot be replaced. Nothing was changed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ReplaceError {
    /// A virtual machine or a VLAN device uses it.
    #[error(
        "{kind} {old} cannot be replaced by {new_kind} {new}: {user} uses it; move {user} to another bridge first"
    )]
    Used {
        /// Kind of the bridge.
        kind: &'static str,
        /// Its name.
        old: IfName,
        /// Kind of the new bridge.
        new_kind: &'static str,
        /// Name of the new bridge.
        new: IfName,
        /// The port or device that uses it.
        user: IfName,
    },
    /// netd would not move the containers.
    #[error(
        "{kind} {old} has containers, and the snapshot of this host still has network {network} on it; run \"xdock sync {host}\" on the management node, then this step again"
    )]
    OldSnapshot {
        /// Kind of the bridge.
        kind: &'static str,
        /// Its name.
        old: IfName,
        /// Network of the containers.
        network: NetName,
        /// This host.
        host: String,
    },
    /// netd has no snapshot.
    #[error(
        "{kind} {old} has containers, and this host has no snapshot that says where they go; run \"xdock sync {host}\" on the management node, then this step again"
    )]
    NoSnapshot {
        /// Kind of the bridge.
        kind: &'static str,
        /// Its name.
        old: IfName,
        /// This host.
        host: String,
    },
    /// The DHCP client is bound to the bridge.
    #[error(
        "{old} has its address by DHCP, and a bridge with a lease cannot be replaced on a running host; give {old} a static address in the files of {manager} first"
    )]
    ByDhcp {
        /// The bridge.
        old: IfName,
        /// The manager whose files configure DHCP.
        manager: String,
    },
}

impl Replacement<'_> {
    pub(super) fn check(
        &self,
        observed: &Observed,
        plan: &HostPlan,
        snapshot: Option<&Snapshot>,
    ) -> Result<(), ReplaceError> {
        if let Some(user) = self.user(observed) {
            return Err(ReplaceError::Used {
                kind: self.old.kind_name(),
                old: self.old.name.clone(),
                new_kind: if self.becomes_ovs() { "Open vSwitch bridge" } else { "bridge" },
                new: self.new.name.clone(),
                user,
            });
        }
        if self.containers(observed).is_empty() {
            return Ok(());
        }
        self.check_snapshot(plan.host.as_str(), snapshot)
    }

    /// A port that is neither the NIC nor a container's, or a VLAN device.
    fn user(&self, observed: &Observed) -> Option<IfName> {
        let foreign = |port: &IfName| port != self.nic && !is_container_port(port);
        let port = ports(self.old, observed).into_iter().find(foreign);
        let index = observed.link(&self.old.name).map(|link| link.index);
        let on_it =
            |settings: &Settings| matches!(settings, Settings::Vlan { parent, .. } if Some(*parent) == index);
        let vlan = || observed.links.iter().find(|link| on_it(&link.settings)).map(|link| link.name.clone());
        port.or_else(vlan)
    }

    /// netd's snapshot must have the networks on the new bridge: netd moves containers according to it.
    fn check_snapshot(&self, host: &str, snapshot: Option<&Snapshot>) -> Result<(), ReplaceError> {
        let (kind, old, host) = (self.old.kind_name(), self.old.name.clone(), host.to_owned());
        let Some(snapshot) = snapshot else { return Err(ReplaceError::NoSnapshot { kind, old, host }) };
        let fabric = if matches!(self.old.kind, Kind::Bridge { .. }) { Fabric::Flat } else { Fabric::Ovs };
        let still = snapshot.networks.iter().find(|on| on.bridge == old && on.fabric == fabric);
        match still {
            Some(on) => {
                let network = on.network.name.clone();
                Err(ReplaceError::OldSnapshot { kind, old, network, host })
            }
            None => Ok(()),
        }
    }

    fn becomes_ovs(&self) -> bool {
        matches!(self.new.kind, inventory::DeviceKind::OvsBridge { .. })
    }
}
