//! All checks of a path, in the order in which a packet passes what they check. Pure.

use super::end::Kind;
use super::facts::{EndFacts, HostFacts, Walk};
use super::path::Path;
use super::rung::{Layer, Rung};
use super::rungs::{
    bridge, container, fabric, filter, forwarding, host, interface, link, mtu, name, neighbour, port, probe,
    publish, spoofing, table,
};

/// The checks of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ladder {
    /// What packets in both directions need.
    pub(crate) both: Vec<Rung>,
    /// What packets from the first end need.
    pub(crate) forward: Vec<Rung>,
    /// What packets to the first end need.
    pub(crate) back: Vec<Rung>,
}

/// The checks of the tables, when they give an end no address.
pub(crate) fn tables_only(from: &EndFacts, to: &EndFacts) -> Ladder {
    let both = vec![table::table(from, None), table::table(to, None)];
    Ladder { both, forward: Vec::new(), back: Vec::new() }
}

/// The checks of a path.
pub(crate) fn ladder(path: &Path, from: &EndFacts, to: &EndFacts) -> Ladder {
    let back = path.back();
    let (walk, return_walk) = (Walk::new(path, from, to), Walk::new(&back, to, from));
    let mut both = vec![table::table(from, Some(&path.from)), table::table(to, Some(&path.to))];
    both.extend(link::link(walk));
    for facts in hosts(from, to) {
        both.push(host::host(facts));
        both.extend(host::snapshot(facts));
        both.extend(host::netd(facts));
    }
    both.extend([from, to].into_iter().filter_map(container::container));
    both.extend(sender(walk));
    both.extend(receiver(return_walk));
    let returns = to.end.kind != Kind::Outside;
    Ladder { both, forward: direction(walk), back: if returns { direction(return_walk) } else { Vec::new() } }
}

/// The hosts of both ends, each once.
fn hosts<'a>(from: &'a EndFacts, to: &'a EndFacts) -> Vec<&'a HostFacts> {
    let mut hosts: Vec<&HostFacts> = from.host.iter().collect();
    hosts
        .extend(to.host.iter().filter(|host| from.host.as_ref().is_none_or(|first| first.name != host.name)));
    hosts
}

/// What a packet passes on the host of its sender.
fn sender(walk: Walk<'_>) -> Vec<Rung> {
    let side = walk.from;
    let mut rungs: Vec<Rung> = Vec::new();
    // without a running container there is no interface
    if side.is_container() && side.endpoint().is_none() && !is_running(walk) {
        return rungs;
    }
    rungs.extend(interface::interface(side));
    rungs.extend(interface::route(walk));
    rungs.extend(port::port(side));
    rungs.extend(spoofing::spoofing(side));
    rungs.extend(bridge::bridge(side));
    if !walk.is_on_one_host() {
        rungs.extend(bridge::uplink_rung(side));
    }
    rungs.extend(forwarding::fdb(walk));
    rungs.extend(filter::filter(side));
    rungs.extend(filter::chains(side));
    rungs
}

fn is_running(walk: Walk<'_>) -> bool {
    let state = walk.from.host.and_then(|host| host.container.as_ref());
    matches!(state, None | Some(Err(_))) || matches!(state, Some(Ok(state)) if state == "running")
}

/// The same on the host of the receiver, in the opposite order.
fn receiver(return_walk: Walk<'_>) -> Vec<Rung> {
    let mut rungs = sender(return_walk);
    // rungs of one layer stay in order
    rungs.sort_by_key(|rung| std::cmp::Reverse(depth(rung.layer)));
    rungs
}

/// Distance from the container.
fn depth(layer: Layer) -> u8 {
    match layer {
        Layer::Uplink => 5,
        Layer::Bridge => 4,
        Layer::Fdb | Layer::Firewall => 3,
        Layer::Port | Layer::Antispoof => 2,
        _ => 1,
    }
}

/// What differs between the directions.
fn direction(walk: Walk<'_>) -> Vec<Rung> {
    let mut rungs: Vec<Rung> = Vec::new();
    rungs.extend(name::name(walk));
    rungs.extend(neighbour::neighbour(walk));
    rungs.extend(neighbour::conflict(walk));
    rungs.extend(mtu::mtu(walk));
    rungs.extend(fabric::fabric(walk).filter(|_| !walk.probes().iter().all(|probe| probe.is_answered())));
    rungs.extend(publish::publish(walk.to));
    rungs.extend(probe::service(walk));
    rungs.extend(probe::probes(walk));
    rungs
}
