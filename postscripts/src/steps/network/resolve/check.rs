//! Checks that the plan is possible on this host, before the first change.

use hostnet::{Kind as Is, Layer, Link, Settings, bond};
use inventory::{BondOptions, Datapath, IfName};
use ipnet::IpNet;

use super::ResolveError;
use crate::steps::network::modules::Module;
use crate::steps::network::observe::{Observed, is_container_port};
use crate::steps::network::resolved::{Device, Kind, ResolvedNetwork};

/// The device that is the master of all ports in Open vSwitch's kernel datapath (kernel
/// net/openvswitch/vport-netdev.c).
const OVS_SYSTEM: &str = "ovs-system";

pub(super) fn check_feasible(network: &ResolvedNetwork, observed: &Observed) -> Result<(), ResolveError> {
    for device in &network.devices {
        if device.kind != Kind::Ethernet {
            check_name(device, observed)?;
            check_support(device, observed)?;
        }
        for lower in device.below() {
            check_lower(network, device, lower, observed)?;
        }
        check_nic(network, device, observed)?;
    }
    for device in &network.devices {
        check_ipv4_addresses(network, device, observed)?;
        check_address_free(network, device, observed)?;
    }
    Ok(())
}

/// The name must not be used by another kind of device.
fn check_name(device: &Device, observed: &Observed) -> Result<(), ResolveError> {
    let Some(link) = observed.link(&device.name) else { return Ok(()) };
    let same = match &device.kind {
        Kind::Ethernet => true,
        Kind::Bond { options, .. } => {
            check_bond_options(device, options, link)?;
            link.kind == Is::Bond
        }
        Kind::Vlan { parent, id } => {
            check_vlan(device, parent, *id, link, observed)?;
            link.kind == Is::Vlan
        }
        Kind::Bridge { .. } => link.kind == Is::Bridge,
        // without its database it is unknown who created the interface; then the missing switch is reported
        Kind::OvsBridge { .. } => observed.switch.is_none() || observed.ovs(&device.name).is_some(),
    };
    if same {
        return Ok(());
    }
    Err(ResolveError::NameTaken { kind: device.kind_name(), device: device.name.clone() })
}

fn check_bond_options(device: &Device, options: &BondOptions, link: &Link) -> Result<(), ResolveError> {
    let Settings::Bond { options: now, .. } = &link.settings else { return Ok(()) };
    for (name, value) in options.iter().filter(|(name, _)| bond::is_fixed(name)) {
        let wanted = bond::canonical(name, value);
        let now = now.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        if let (Some(wanted), Some(now)) = (wanted, now)
            && wanted != *now
        {
            return Err(ResolveError::FixedOption {
                device: device.name.clone(),
                now: format!("{name}={now}"),
                wanted: format!("{name}={wanted}"),
            });
        }
    }
    Ok(())
}

fn check_vlan(
    device: &Device,
    on: &IfName,
    wanted: u16,
    link: &Link,
    observed: &Observed,
) -> Result<(), ResolveError> {
    let Settings::Vlan { parent, id } = link.settings else { return Ok(()) };
    let parent = observed.name_of(parent);
    if id == wanted && parent == on.as_str() {
        return Ok(());
    }
    Err(ResolveError::OtherVlan { device: device.name.clone(), id, parent, wanted, on: on.clone() })
}

/// Kernel and switch must be able to create the device.
fn check_support(device: &Device, observed: &Observed) -> Result<(), ResolveError> {
    let module = match &device.kind {
        Kind::Ethernet | Kind::Bridge { .. } => return Ok(()),
        Kind::Bond { options, .. } => {
            for (name, value) in options.iter() {
                if bond::canonical(name, value).is_none() {
                    let option = format!("{name}={value}");
                    return Err(ResolveError::BondOption { device: device.name.clone(), option });
                }
            }
            Module::Bonding
        }
        Kind::Vlan { .. } => Module::Vlan,
        Kind::OvsBridge { .. } if observed.switch.is_none() => {
            return Err(ResolveError::NoSwitch { device: device.name.clone() });
        }
        Kind::OvsBridge { datapath: Datapath::Netdev, .. } => return Ok(()),
        Kind::OvsBridge { datapath: Datapath::System, .. } => Module::OpenVswitch,
    };
    if observed.link(&device.name).is_some() || !observed.lacking.contains(&module) {
        return Ok(());
    }
    Err(ResolveError::Lacking { kind: device.kind_name(), device: device.name.clone(), module })
}

/// The lower device must exist and be able to carry the upper one.
fn check_lower(
    network: &ResolvedNetwork,
    device: &Device,
    lower: &IfName,
    observed: &Observed,
) -> Result<(), ResolveError> {
    let (kind, upper, port) = (device.kind_name(), device.name.clone(), lower.clone());
    let Some(link) = observed.link(lower) else {
        if network.device(lower).is_some_and(|made| made.kind != Kind::Ethernet) {
            return Ok(());
        }
        return Err(ResolveError::NoPort { kind, device: upper, port, present: observed.names() });
    };
    if link.layer == Layer::Infiniband {
        return Err(ResolveError::Infiniband { kind, device: upper, port });
    }
    let is_switch = link.kind == Is::Bridge || observed.ovs(lower).is_some();
    if link.layer != Layer::Ethernet || link.mac.is_none() || is_switch || lower.as_str() == "lo" {
        return Err(ResolveError::NotEthernet { kind, device: upper, port });
    }
    // a VLAN device is not a master of its parent
    if let (false, Some(other)) = (device.ports().is_empty(), foreign_master(network, link, observed)) {
        return Err(ResolveError::Enslaved { kind, device: upper, port, other });
    }
    Ok(())
}

/// The master of a NIC, if it is not in the plan.
fn foreign_master(network: &ResolvedNetwork, link: &Link, observed: &Observed) -> Option<String> {
    let master = match observed.ovs_of(&link.name) {
        Some(bridge) => bridge.name.to_string(),
        None => observed.name_of(link.master?),
    };
    let takes = |device: &Device| !device.ports().is_empty() && device.name.as_str() == master;
    // left in the kernel by an Open vSwitch whose database no longer has the port
    let is_left = master == OVS_SYSTEM && observed.switch.is_some();
    let is_ours = network.devices.iter().any(takes) || is_left;
    (!is_ours).then_some(master)
}

/// A NIC must exist and support the MTU.
fn check_nic(network: &ResolvedNetwork, device: &Device, observed: &Observed) -> Result<(), ResolveError> {
    if device.kind != Kind::Ethernet {
        return Ok(());
    }
    let Some(link) = observed.link(&device.name) else {
        let above = network.above(&device.name);
        return match above.first() {
            Some(upper) => check_lower(network, upper, &device.name, observed),
            None => Err(ResolveError::NoNic { nic: device.name.clone(), present: observed.names() }),
        };
    };
    let (Some(mtu), Some(max)) = (device.mtu, link.max_mtu) else { return Ok(()) };
    if mtu <= max {
        return Ok(());
    }
    // the device whose network has this MTU
    let asks = network.above(&device.name).into_iter().rfind(|upper| upper.mtu == Some(mtu));
    let asks = asks.map_or_else(|| device.name.clone(), |upper| upper.name.clone());
    Err(ResolveError::Mtu { device: asks, mtu, port: device.name.clone(), max })
}

/// A port must not have an IPv4 address that would be lost. Most IPv6 addresses are configured automatically,
/// on the upper device too (RFC 4862).
fn check_ipv4_addresses(
    network: &ResolvedNetwork,
    device: &Device,
    observed: &Observed,
) -> Result<(), ResolveError> {
    let top = network.top_of(&device.name);
    let Some(top) = network.device(top).filter(|top| top.name != device.name) else { return Ok(()) };
    let above = network.above(&device.name);
    let ours = |address: &IpNet| above.iter().any(|upper| upper.has(address.addr()));
    let foreign = observed.addresses(&device.name).find(|address| address.addr().is_ipv4() && !ours(address));
    foreign.map_or(Ok(()), |address| {
        Err(ResolveError::Foreign {
            kind: top.kind_name(),
            device: top.name.clone(),
            port: device.name.clone(),
            address,
        })
    })
}

/// An address of the tables must not be on a device from which it would not move.
fn check_address_free(
    network: &ResolvedNetwork,
    device: &Device,
    observed: &Observed,
) -> Result<(), ResolveError> {
    let below = network.below(&device.name);
    for address in &device.addresses {
        let has = |(name, on): &&(IfName, IpNet)| {
            on.addr() == address.addr()
                && *name != device.name
                && !below.contains(&name)
                && !is_container_port(name)
        };
        if let Some((other, _)) = observed.addresses.iter().find(has) {
            return Err(ResolveError::Elsewhere {
                address: address.addr(),
                device: device.name.clone(),
                other: other.clone(),
            });
        }
    }
    Ok(())
}
