//! VLANs: the number of a VLAN device, and the tags of an Open vSwitch bridge.
//!
//! Frames on a Linux bridge and on a VLAN device are untagged: the switch or the VLAN device removes the tag. An
//! Open vSwitch bridge over a NIC or bond is a trunk: `networks.vlanid` is the tag, of the containers of that network and
//! of the host's own address in it.

use super::compile::HostTables;
use super::error::HostPlanError;
use super::{DeviceKind, DevicePlan};
use crate::name::IfName;
use crate::nics::Nic;
use crate::nics::NicKind;

impl HostTables {
    /// A VLAN device: parent from `nicdevices` or its own name (`bond0.50`), number from its name (`bond0.50`,
    /// `vlan50`) or from `networks.vlanid` of its network.
    pub(super) fn vlan(&self, nic: &Nic) -> Result<DevicePlan, HostPlanError> {
        let refuse =
            |why: String| HostPlanError::Vlan { host: self.host.clone(), nic: nic.name.clone(), why };
        let named_parent: Option<IfName> =
            nic.name.as_str().rsplit_once('.').and_then(|(parent, _)| parent.parse().ok());
        let parent = match (nic.devices.as_slice(), named_parent) {
            ([parent], _) => parent.clone(),
            ([], Some(parent)) => parent,
            (devices, _) => {
                return Err(HostPlanError::Ports {
                    host: self.host.clone(),
                    nic: nic.name.clone(),
                    kind: NicKind::Vlan,
                    needed: "one interface",
                    found: devices.len(),
                });
            }
        };
        let networks = self.networks_of(nic)?;
        let tagged = networks.iter().find_map(|network| Some((network, network.vlan?)));
        let id = match (number_in(&nic.name), tagged) {
            (Some(id), Some((network, vlan))) if id != vlan => {
                return Err(refuse(format!(
                    "its name means VLAN {id}, but networks.vlanid of {} is {vlan}; make them equal",
                    network.name
                )));
            }
            (Some(id), _) => id,
            (None, Some((_, vlan))) => vlan,
            (None, None) => {
                return Err(refuse(
                    "no VLAN number; name it like bond0.50 or vlan50, or set networks.vlanid of its network"
                        .to_owned(),
                ));
            }
        };
        if !(1..=4094).contains(&id) {
            return Err(refuse(format!("VLAN {id} is not from 1 to 4094 (IEEE 802.1Q)")));
        }
        Ok(self.device(nic.name.clone(), DeviceKind::Vlan { parent, id }))
    }

    /// Sets the tags of Open vSwitch bridges. Refuses a bridge over a VLAN that its networks do not have.
    pub(super) fn settle_vlans(&self, devices: &mut [DevicePlan]) -> Result<(), HostPlanError> {
        let below: Vec<Option<(IfName, u16)>> =
            devices.iter().map(|device| vlan_below(device, devices)).collect();
        for (device, below) in devices.iter_mut().zip(below) {
            match below {
                Some((vlan, id)) => self.refuse_other_vlan(device, &vlan, id)?,
                None if matches!(device.kind, DeviceKind::OvsBridge { .. }) => self.tag(device)?,
                None => {}
            }
        }
        Ok(())
    }

    fn refuse_other_vlan(&self, bridge: &DevicePlan, vlan: &IfName, id: u16) -> Result<(), HostPlanError> {
        let other =
            bridge.networks.iter().find_map(|on| Some((on, on.network.vlan.filter(|vlan| *vlan != id)?)));
        other.map_or(Ok(()), |(on, other)| {
            Err(HostPlanError::Vlan {
                host: self.host.clone(),
                nic: bridge.name.clone(),
                why: format!(
                    "it is over {vlan}, VLAN {id}, but networks.vlanid of {} is {other}; make them equal",
                    on.network.name
                ),
            })
        })
    }

    fn tag(&self, bridge: &mut DevicePlan) -> Result<(), HostPlanError> {
        for on in &mut bridge.networks {
            on.tag = on.network.vlan;
        }
        let tag_of = |address: &ipnet::IpNet| {
            let on = bridge.networks.iter().find(|on| on.network.subnet_of(address.addr()).is_some());
            on.and_then(|on| on.tag)
        };
        let tags: Vec<(String, Option<u16>)> =
            bridge.addresses.iter().map(|address| (address.addr().to_string(), tag_of(address))).collect();
        let Some((first, tag)) = tags.first() else { return Ok(()) };
        if let Some((other, another)) = tags.iter().find(|(_, other)| other != tag) {
            let word = |tag: &Option<u16>| tag.map_or("no VLAN".to_owned(), |tag| format!("VLAN {tag}"));
            return Err(HostPlanError::Vlan {
                host: self.host.clone(),
                nic: bridge.name.clone(),
                why: format!(
                    "the host's addresses on it must be in one VLAN, but {first} is in {} and {other} in {}; put one on a VLAN device or bridge of its own",
                    word(tag),
                    word(another)
                ),
            });
        }
        bridge.tag = *tag;
        Ok(())
    }
}

/// The VLAN device below a bridge.
fn vlan_below(device: &DevicePlan, devices: &[DevicePlan]) -> Option<(IfName, u16)> {
    device.port()?;
    let lower = *device.below().first()?;
    devices.iter().find(|below| below.name == *lower).and_then(|below| match below.kind {
        DeviceKind::Vlan { id, .. } => Some((below.name.clone(), id)),
        _ => None,
    })
}

/// VLAN number in a name such as `bond0.50` or `vlan50`.
fn number_in(name: &IfName) -> Option<u16> {
    let name = name.as_str();
    let digits = match name.rsplit_once('.') {
        Some((_, digits)) => digits,
        None => name.strip_prefix("vlan")?,
    };
    digits.parse().ok()
}
