//! Links between containers, which isolated networks need.

use crate::why::facts::Walk;
use crate::why::rung::{Check, Layer, Rung};

/// On an isolated network: whether one container links to the other. Only the one that links opens TCP connections.
pub(crate) fn link(walk: Walk<'_>) -> Option<Rung> {
    let network = walk.from.bridge()?.network;
    if walk.network.is_none() || !network.isolate || !walk.from.is_container() || !walk.to.is_container() {
        return None;
    }
    let (from, to) = (walk.from.end, walk.to.end);
    let links = |one: &crate::why::End, other: &crate::why::End| {
        other.node.as_ref().is_some_and(|node| one.links.iter().any(|link| link.node == *node))
    };
    let should = format!("{} links to {} (network {} is isolated)", from.name, to.name, network.name);
    let check = Check::new(Layer::Link, &from.name, should);
    let fix = format!(
        "add link={} to vmothersettings of {}, then xdock sync {},{}",
        to.name,
        from.name,
        walk.from.host_name(),
        walk.to.host_name()
    );
    Some(match (links(from, to), links(to, from)) {
        (true, _) => check.ok("linked"),
        (false, true) if to.port.is_none() => check.ok(format!("{} links to {}", to.name, from.name)),
        (false, true) => {
            check.wrong(format!("only {} links to {}: it opens connections", to.name, from.name)).fix(fix)
        }
        (false, false) => check.wrong("no link").fix(fix),
    })
}
