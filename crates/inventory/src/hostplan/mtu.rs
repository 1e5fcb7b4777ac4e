//! MTU of each device. An upper device cannot send larger packets than its lower device: the kernel reduces a
//! bridge's MTU to that of its smallest port (net/bridge/br_if.c, `br_mtu_auto_adjust`) and refuses a VLAN's
//! (net/8021q/vlan_dev.c, `vlan_dev_change_mtu`). A larger MTU in the tables is therefore an error.

use super::compile::HostTables;
use super::error::HostPlanError;
use super::{BridgedNetwork, DevicePlan};
use crate::container::Network;
use crate::name::IfName;
use crate::nics::Nic;

/// Bytes: IPv4 needs 68 (RFC 791), an interface takes 65535 at most.
const RANGE: std::ops::RangeInclusive<u32> = 68..=65535;

impl HostTables {
    /// MTU of a device in the tables: from `nicextraparams`, else from its networks.
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

    /// A device without an MTU in the tables gets the largest MTU of its upper devices. An MTU in the tables must not be
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
