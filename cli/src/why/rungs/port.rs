//! The container's port on its host.

use inspection::{Endpoint, Inspection};
use inventory::Fabric;

use crate::why::facts::{Bridge, Side};
use crate::why::rung::{Check, Layer, Rung, on_host};

/// Whether the host end of the container's veth pair is up and in the bridge of the tables.
pub(crate) fn port(side: Side<'_>) -> Option<Rung> {
    let (facts, bridge) = (side.facts().filter(|_| side.is_container())?, side.bridge()?);
    let (name, host) = (side.end.name.as_str(), side.host_name());
    let check = Check::new(Layer::Port, name, format!("up, port of {} on {host}", location(bridge)));
    let restart = format!("xdock power {name} restart");
    let Some(endpoint) = side.endpoint() else {
        let network = &bridge.network.name;
        return Some(check.wrong(format!("netd has no attachment of {name} to {network}")).fix(restart));
    };
    let port = &endpoint.port;
    let Some(link) = facts.host.link(port.as_str()) else {
        return Some(check.wrong(format!("{port} does not exist")).fix(restart));
    };
    let reconcile = on_host(&host, "netd reconcile");
    if !link.up {
        return Some(check.wrong(format!("{port} is down")).fix(reconcile));
    }
    let fault = match bridge.fabric() {
        Fabric::Flat if facts.host.link(bridge.device.name.as_str()).is_none() => {
            return Some(check.unknown(format!("{} does not exist", bridge.device.name)));
        }
        Fabric::Flat => in_linux_bridge(link, bridge),
        Fabric::Ovs => in_switch(facts, endpoint, bridge),
    };
    Some(match fault {
        Some(is) => check.wrong(is).fix(reconcile),
        None if !link.carrier => {
            check.wrong(format!("{port} has no carrier: the interface in the container is down")).fix(restart)
        }
        None => check.ok(format!("{port} up, in {}", bridge.device.name)),
    })
}

/// `bridge br0, VLAN 71`
pub(super) fn location(bridge: Bridge<'_>) -> String {
    let name = &bridge.device.name;
    let kind = match bridge.fabric() {
        Fabric::Flat => "bridge",
        Fabric::Ovs => "Open vSwitch bridge",
    };
    match bridge.tag {
        Some(tag) => format!("{kind} {name}, VLAN {tag}"),
        None => format!("{kind} {name}"),
    }
}

fn in_linux_bridge(link: &inspection::Link, bridge: Bridge<'_>) -> Option<String> {
    match &link.master {
        Some(master) if *master == bridge.device.name => None,
        Some(master) => Some(format!("{} is a port of {master}", link.name)),
        None => Some(format!("{} is in no bridge", link.name)),
    }
}

fn in_switch(facts: &Inspection, endpoint: &Endpoint, bridge: Bridge<'_>) -> Option<String> {
    let port = &endpoint.port;
    let switch = facts.switch.as_ref()?;
    // without its bridge there is no port either
    switch.bridge(bridge.device.name.as_str())?;
    // an untagged network has tag 0: a port without a tag is a trunk
    let tag = bridge.tag.unwrap_or(0);
    match switch.port(port.as_str()) {
        None => Some(format!("{port} is no port of Open vSwitch")),
        Some((found, _)) if found.name != bridge.device.name => {
            Some(format!("{port} is a port of {}", found.name))
        }
        Some((_, found)) if found.tag != Some(tag) => Some(match found.tag {
            Some(other) => format!("{port} is in VLAN {other}"),
            None => format!("{port} is a trunk"),
        }),
        Some((_, found)) => found.error.as_ref().map(|error| format!("{port}: {error}")),
    }
}
