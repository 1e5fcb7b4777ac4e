//! The MTU of each interface on the path.

use super::bridge::uplink;
use crate::why::facts::{Side, Walk};
use crate::why::rung::{Check, Layer, Loses, Rung, on_host};

/// An interface on the path.
#[derive(Debug)]
struct Hop {
    name: String,
    host: String,
    mtu: u32,
    /// Cause of smaller MTUs of bridges and ports.
    is_uplink: bool,
}

/// Whether packets as long as the sender's MTU fit through all interfaces. A bridge drops longer ones silently.
pub(crate) fn mtu(walk: Walk<'_>) -> Option<Rung> {
    walk.network?;
    let length = walk.from.interface()?.mtu;
    let name = walk.from.end.name.as_str();
    let check = Check::new(Layer::Mtu, name, format!("{length} on the whole path"));
    let hops = hops(walk);
    let small: Vec<&Hop> = hops.iter().filter(|hop| hop.mtu < length).collect();
    let Some(first) = small.iter().find(|hop| hop.is_uplink).or(small.first()) else {
        return Some(check.ok(format!("{length}")));
    };
    let listed: Vec<String> =
        small.iter().map(|hop| format!("{} on {} has {}", hop.name, hop.host, hop.mtu)).collect();
    let fix = on_host(&first.host, &format!("ip link set {} mtu {length}", first.name));
    Some(check.wrong(listed.join(", ")).loses(Loses::Long).fix(fix))
}

fn hops(walk: Walk<'_>) -> Vec<Hop> {
    let leaves_host = !walk.is_on_one_host();
    [walk.from, walk.to].into_iter().flat_map(|side| of_side(side, leaves_host)).collect()
}

fn of_side(side: Side<'_>, leaves_host: bool) -> Vec<Hop> {
    let Some(facts) = side.facts() else { return Vec::new() };
    let host = side.host_name();
    let hop = |link: &inspection::Link, is_uplink| Hop {
        name: link.name.to_string(),
        host: host.clone(),
        mtu: link.mtu,
        is_uplink,
    };
    let port = side.endpoint().and_then(|endpoint| facts.host.link(endpoint.port.as_str()));
    let uplink = uplink(side).filter(|_| leaves_host);
    let uplink = uplink.and_then(|name| facts.host.link(&name).map(|link| hop(link, true)));
    let inside = side.interface().map(|link| Hop { host: side.end.name.clone(), ..hop(link, false) });
    inside.into_iter().chain(port.map(|link| hop(link, false))).chain(uplink).collect()
}
