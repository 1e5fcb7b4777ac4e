//! Forwarding databases: behind which port a bridge sends the frames for a MAC.

use inspection::FdbEntry;
use inventory::{Fabric, MacAddr};

use super::bridge::uplink;
use crate::why::facts::{Bridge, Side, Walk};
use crate::why::rung::{Check, Layer, Rung, on_host};

/// MAC of a side.
pub(super) fn mac(side: Side<'_>) -> Option<MacAddr> {
    side.address.mac.or_else(|| side.interface()?.mac)
}

/// Entries of a MAC on the bridge of a side, in the VLAN of its network.
pub(super) fn entries(side: Side<'_>, mac: MacAddr) -> Vec<&FdbEntry> {
    let (Some(facts), Some(bridge)) = (side.facts(), side.bridge()) else { return Vec::new() };
    let all = match bridge.fabric() {
        Fabric::Flat => facts.fdb.as_slice(),
        Fabric::Ovs => facts.switch.as_ref().map(|switch| switch.fdb.as_slice()).unwrap_or_default(),
    };
    let here = all.iter().filter(|entry| entry.bridge == bridge.device.name && entry.mac == mac);
    here.filter(|entry| entry.vlan.is_none_or(|vlan| vlan == bridge.tag.unwrap_or(0))).collect()
}

/// Whether the host of `walk.from` sends frames for `walk.to` to the right port, and those for `walk.from` itself.
pub(crate) fn fdb(walk: Walk<'_>) -> Vec<Rung> {
    let remote = if walk.is_on_one_host() { port_of(walk.to) } else { uplink(walk.from) };
    let local = port_of(walk.from);
    let both = [(walk.to, remote), (walk.from, local)];
    both.into_iter().filter_map(|(of, behind)| rung(walk.from, of, &behind?)).collect()
}

/// The port of a container; the host itself is behind none.
fn port_of(side: Side<'_>) -> Option<String> {
    side.endpoint().filter(|_| side.is_container()).map(|endpoint| endpoint.port.to_string())
}

fn rung(at: Side<'_>, of: Side<'_>, behind: &str) -> Option<Rung> {
    let (mac, bridge) = (mac(of)?, at.bridge()?);
    let (host, name) = (at.host_name(), &bridge.device.name);
    let should = format!("{name} has {} ({mac}) behind {behind}", of.end.name);
    let check = Check::new(Layer::Fdb, &host, should);
    let found = entries(at, mac);
    Some(match found.iter().find(|entry| entry.port.as_str() != behind) {
        Some(entry) => {
            let how = if entry.fixed { "set by hand" } else { "learned" };
            check.wrong(format!("behind {}, {how}", entry.port)).fix(on_host(&host, &remove(entry, bridge)))
        }
        None if found.is_empty() => check.ok("not learned: frames go to all ports"),
        None => check.ok(format!("behind {behind}")),
    })
}

fn remove(entry: &FdbEntry, bridge: Bridge<'_>) -> String {
    let FdbEntry { mac, port, bridge: name, .. } = entry;
    match bridge.fabric() {
        Fabric::Flat => format!("bridge fdb del {mac} dev {port} master"),
        Fabric::Ovs if entry.fixed => {
            format!("ovs-appctl fdb/del {name} {} {mac}", bridge.tag.unwrap_or(0))
        }
        Fabric::Ovs => format!("ovs-appctl fdb/flush {name}"),
    }
}
