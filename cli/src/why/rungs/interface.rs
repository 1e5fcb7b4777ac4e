//! The interface from which an end sends, and its routes.

use inspection::Link;
use ipnet::IpNet;

use crate::why::facts::{Side, Walk};
use crate::why::rung::{Check, Layer, Rung, on_host};

/// Whether the interface exists, is up and has MAC and address of the tables.
pub(crate) fn interface(side: Side<'_>) -> Option<Rung> {
    let stack = side.stack()?;
    let name = side.end.name.as_str();
    let address = wanted(side);
    let check = Check::new(Layer::Interface, name, should(side, &address));
    let fix = if side.is_container() {
        format!("xdock power {name} restart")
    } else {
        format!("updatenode {name} -P \"xdock network\"")
    };
    let Some(link) = side.interface() else {
        let is = match &side.address.nic {
            Some(nic) if !side.is_container() => format!("no interface {nic}"),
            _ => format!("no interface of netd in the container ({} interfaces)", stack.links.len()),
        };
        return Some(check.wrong(is).fix(fix));
    };
    Some(match fault(link, side, &address) {
        Some(is) => check.wrong(is).fix(fix),
        None => check.ok(found(link)),
    })
}

/// The address with the prefix length of its subnet in the tables.
fn wanted(side: Side<'_>) -> String {
    let address = side.address.address;
    let subnet = side.bridge().and_then(|bridge| bridge.network.subnet_of(address));
    match subnet.and_then(|subnet| IpNet::new(address, subnet.prefix_len()).ok()) {
        Some(net) => net.to_string(),
        None => address.to_string(),
    }
}

fn should(side: Side<'_>, address: &str) -> String {
    let row = match &side.address.nic {
        Some(nic) if side.is_container() && nic.as_str() == "eth0" => " (hosts.ip)".to_owned(),
        Some(nic) if side.is_container() => format!(" (nics.nicips of {nic})"),
        Some(nic) => format!(" on {nic}"),
        None => String::new(),
    };
    let mac = side.address.mac.map(|mac| format!(", {mac}")).unwrap_or_default();
    format!("up, {address}{mac}{row}")
}

fn fault(link: &Link, side: Side<'_>, wanted: &str) -> Option<String> {
    if !link.up {
        return Some(format!("{} is down", link.name));
    }
    if let (Some(wanted), Some(found)) = (side.address.mac, link.mac)
        && wanted != found
    {
        return Some(format!("{} has MAC {found}", link.name));
    }
    let has = |net: &IpNet| net.addr() == side.address.address;
    match link.addresses.iter().find(|net| has(net)) {
        None => Some(format!("{} has {}", link.name, listed(&link.addresses))),
        Some(net) if wanted.contains('/') && net.to_string() != wanted => {
            Some(format!("{} has {net}", link.name))
        }
        Some(_) => None,
    }
}

fn listed(addresses: &[IpNet]) -> String {
    match addresses {
        [] => "no address".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn found(link: &Link) -> String {
    format!("{} up, {}", link.name, listed(&link.addresses))
}

/// If both ends are on different networks: whether the sender has a route through its gateway.
pub(crate) fn route(walk: Walk<'_>) -> Option<Rung> {
    let side = walk.from;
    let stack = side.stack()?;
    if walk.network.is_some() {
        return None;
    }
    let (name, to) = (side.end.name.as_str(), walk.to.address.address);
    let network = side.address.network.as_ref().map(ToString::to_string).unwrap_or_default();
    let route = stack.routes.iter().filter(|route| route.destination.contains(&to));
    let route = route.max_by_key(|route| route.destination.prefix_len());
    let Some(gateway) = side.gateway() else {
        let check = Check::new(Layer::Route, name, format!("a route to {to}"));
        return Some(match route {
            Some(route) => check.ok(format!("{} through {}", route.destination, route.device)),
            None => check
                .wrong(format!("none, and network {network} has no gateway"))
                .fix(format!("set networks.gateway of {network}, then xdock mk {name} --replace")),
        });
    };
    let check = Check::new(
        Layer::Route,
        name,
        format!("default route via {gateway} (networks.gateway of {network})"),
    );
    let fix = if side.is_container() {
        format!("xdock power {name} restart")
    } else {
        on_host(name, "xdockhost restore")
    };
    Some(match route {
        Some(route) if route.destination.prefix_len() > 0 || route.gateway == Some(gateway) => {
            check.ok(format!("{} through {}", route.destination, route.device))
        }
        Some(route) => {
            let via =
                route.gateway.map(|via| format!("via {via}")).unwrap_or_else(|| "on the link".to_owned());
            check.wrong(format!("default route {via}")).fix(fix)
        }
        None => check.wrong(format!("no route to {to}")).fix(fix),
    })
}
