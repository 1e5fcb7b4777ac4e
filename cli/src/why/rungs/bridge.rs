//! The bridge of a network on a host, and its uplink.

use inspection::{Inspection, SwitchPort};
use inventory::Fabric;

use super::port::location;
use crate::why::facts::{Bridge, Side};
use crate::why::rung::{Check, Layer, Rung, on_host};

/// Whether the bridge exists and is up.
pub(crate) fn bridge(side: Side<'_>) -> Option<Rung> {
    let (facts, bridge) = (side.facts()?, side.bridge()?);
    let (host, name) = (side.host_name(), &bridge.device.name);
    let network = &bridge.network.name;
    let check = Check::new(Layer::Bridge, &host, format!("{} up (network {network})", location(bridge)));
    let restore = format!("updatenode {host} -P \"xdock network\"");
    if bridge.fabric() == Fabric::Ovs
        && let Some(fault) = switch_fault(facts, bridge)
    {
        let fix = if fault.contains("answer") {
            on_host(&host, "systemctl restart openvswitch-switch")
        } else {
            restore
        };
        return Some(check.wrong(fault).fix(fix));
    }
    Some(match facts.host.link(name.as_str()) {
        None => check.wrong(format!("{name} does not exist")).fix(restore),
        Some(link) if bridge.fabric() == Fabric::Flat && link.kind != "bridge" => {
            check.wrong(format!("{name} is not a bridge")).fix(restore)
        }
        Some(link) if !link.up => {
            check.wrong(format!("{name} is down")).fix(on_host(&host, &format!("ip link set {name} up")))
        }
        Some(_) => check.ok(format!("{name} up")),
    })
}

fn switch_fault(facts: &Inspection, bridge: Bridge<'_>) -> Option<String> {
    let switch = facts.switch.as_ref()?;
    if switch.bridges.is_empty() && switch.error.is_some() {
        return Some(format!("Open vSwitch does not answer: {}", switch.error.clone().unwrap_or_default()));
    }
    match switch.bridge(bridge.device.name.as_str()) {
        None => Some(format!("Open vSwitch has no bridge {}", bridge.device.name)),
        Some(_) => switch.error.clone(),
    }
}

/// The uplink of a side's bridge: the port that the tables name, otherwise the one that is no container's.
pub(super) fn uplink(side: Side<'_>) -> Option<String> {
    let (facts, bridge) = (side.facts()?, side.bridge()?);
    if let Some(named) = bridge.uplink() {
        return Some(named.to_string());
    }
    let own = side.endpoint().map(|endpoint| &endpoint.port);
    match bridge.fabric() {
        Fabric::Flat => {
            let ports =
                facts.host.links.iter().filter(|link| link.master.as_ref() == Some(&bridge.device.name));
            ports.map(|link| &link.name).find(|name| Some(*name) != own).map(ToString::to_string)
        }
        Fabric::Ovs => {
            let found = facts.switch.as_ref()?.bridge(bridge.device.name.as_str())?;
            let is_uplink = |port: &&SwitchPort| {
                port.name != found.name.as_str() && own.is_none_or(|own| own.as_str() != port.name)
            };
            found.ports.iter().find(is_uplink).map(|port| port.name.clone())
        }
    }
}

/// Whether the uplink is in the bridge, has a carrier and carries the VLAN.
pub(crate) fn uplink_rung(side: Side<'_>) -> Option<Rung> {
    let (facts, bridge) = (side.facts()?, side.bridge()?);
    let (host, name) = (side.host_name(), &bridge.device.name);
    let vlan = bridge.tag.map(|tag| format!(", carries VLAN {tag}")).unwrap_or_default();
    let row = bridge.uplink().map(|_| " (nics.nicdevices)").unwrap_or_default();
    let wanted = bridge.uplink().map_or_else(|| "a NIC".to_owned(), ToString::to_string);
    let check = Check::new(Layer::Uplink, &host, format!("{wanted} in {name}, with carrier{vlan}{row}"));
    let restore = format!("updatenode {host} -P \"xdock network\"");
    let is_there = match bridge.fabric() {
        Fabric::Flat => facts.host.link(name.as_str()).is_some(),
        Fabric::Ovs => facts.switch.as_ref().is_some_and(|switch| switch.bridge(name.as_str()).is_some()),
    };
    if !is_there {
        return Some(check.unknown(format!("{name} does not exist")));
    }
    let Some(uplink) = uplink(side) else {
        return Some(check.wrong(format!("{name} has no uplink")).fix(restore));
    };
    let port = facts.switch.as_ref().and_then(|switch| switch.bridge(name.as_str())?.port(&uplink));
    if bridge.fabric() == Fabric::Ovs && port.is_none() {
        return Some(check.wrong(format!("{uplink} is no port of {name}")).fix(restore));
    }
    if let Some(fault) = port.and_then(|port| trunk_fault(port, bridge.tag)) {
        return Some(check.wrong(fault).fix(restore));
    }
    // the ports of a bond of the switch are its interfaces
    let devices = port.map_or_else(|| vec![uplink.clone()], |port| port.interfaces.clone());
    let links: Vec<_> = devices.iter().filter_map(|device| facts.host.link(device)).collect();
    let Some(link) = links.iter().find(|link| link.carrier).or(links.first()) else {
        return Some(check.wrong(format!("{uplink} does not exist")).fix(restore));
    };
    if bridge.fabric() == Fabric::Flat && link.master.as_ref() != Some(name) {
        let is = match &link.master {
            Some(other) => format!("{uplink} is a port of {other}"),
            None => format!("{uplink} is in no bridge"),
        };
        return Some(check.wrong(is).fix(restore));
    }
    Some(if !link.up {
        check.wrong(format!("{uplink} is down")).fix(on_host(&host, &format!("ip link set {uplink} up")))
    } else if link.carrier {
        check.ok(format!("{uplink} in {name}, carrier"))
    } else {
        check
            .wrong(format!("{uplink} has no carrier"))
            .fix(format!("check cable and switch port of {uplink} on {host}"))
    })
}

fn trunk_fault(port: &SwitchPort, tag: Option<u16>) -> Option<String> {
    let name = &port.name;
    let vlan = tag.unwrap_or(0);
    match port.tag {
        Some(access) if access != vlan => Some(format!("{name} is an access port of VLAN {access}")),
        Some(_) => None,
        None if port.trunks.is_empty() || port.trunks.contains(&i64::from(vlan)) => {
            port.error.as_ref().map(|error| format!("{name}: {error}"))
        }
        None => {
            let trunks: Vec<String> = port.trunks.iter().map(ToString::to_string).collect();
            Some(format!("{name} carries only VLAN {}", trunks.join(", ")))
        }
    }
}
