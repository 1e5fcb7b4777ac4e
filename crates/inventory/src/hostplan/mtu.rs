//! One MTU for each device. What stands on a device never sends larger packets than that carries: the kernel cuts a
//! bridge's MTU down to its smallest port (net/bridge/br_if.c, `br_mtu_auto_adjust`) and refuses a VLAN's
//! (net/8021q/vlan_dev.c, `vlan_dev_change_mtu`), so a larger one in the tables is a mistake that is told.

use super::compile::HostTables;
use super::error::HostPlanError;
use super::{BridgedNetwork, DevicePlan};
use crate::container::Network;
use crate::name::IfName;
use crate::nics::Nic;

/// Bytes: IPv4 needs 68 (RFC 791), an interface takes 65535 at most.
const RANGE: std::ops::RangeInclusive<u32> = 68..=65535;

impl HostTables {
    /// What the tables say of a device itself: `nicextraparams`, else its networks.
    pub(super) fn mtu(
        &self,
        name: &IfName,
        nic: Option<&Nic>,
        networks: &[&Network],
    ) -> Result<Option<u32>, HostPlanError> {
        let refuse = |why| HostPlanError::Mtu { host: self.host.clone(), nic: name.clone(), why };
        if let Some(text) = nic.and_then(|nic| nic.param("MTU")) {
            let mtu = text.parse().ok().filter(|mtu| RANGE.contains(mtu));
            return mtu.map(Some).ok_or_else(|| {
                refuse(format!("nicextraparams MTU={text} is not a number from 68 to 65535"))
            });
        }
        let mut values = networks.iter().filter_map(|network| Some((&network.name, network.mtu?)));
        let Some((first, mtu)) = values.next() else { return Ok(None) };
        match values.find(|(_, other)| *other != mtu) {
            None => Ok(Some(mtu)),
            Some((name, other)) => {
                Err(refuse(format!("networks.mtu of {first} is {mtu}, but that of {name} is {other}")))
            }
        }
    }

    /// A device of which the tables say nothing gets the largest MTU of those on it; one of which they do must not be
    /// smaller.
    pub(super) fn settle_mtus(&self, devices: &mut [DevicePlan]) -> Result<(), HostPlanError> {
        for at in (0..devices.len()).rev() {
            let Some(lower) = devices.get(at) else { continue };
            let above = devices.iter().filter(|upper| upper.below().contains(&&lower.name));
            let Some((mtu, upper)) =
                above.filter_map(|upper| Some((upper.mtu?, upper.name.clone()))).max_by_key(|(mtu, _)| *mtu)
            else {
                continue;
            };
            match lower.mtu {
                Some(own) if own < mtu => {
                    return Err(HostPlanError::Mtu {
                        host: self.host.clone(),
                        nic: upper,
                        why: format!("its MTU is {mtu}, but that of {} below it is {own}", lower.name),
                    });
                }
                Some(_) => {}
                None => {
                    if let Some(lower) = devices.get_mut(at) {
                        lower.mtu = Some(mtu);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The rows of bridged networks.
pub(super) fn rows(bridged: &[BridgedNetwork]) -> Vec<&Network> {
    bridged.iter().map(|on| &on.network).collect()
}
