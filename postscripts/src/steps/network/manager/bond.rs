//! Options of a bond with the kernel's names. Pure.

use crate::steps::network::resolved::{Device, Kind};

/// Options whose values the kernel also accepts as numbers, but managers do not
/// (drivers/net/bonding/bond_options.c).
const NUMBERED: [(&str, &[&str]); 6] = [
    ("lacp_rate", &["slow", "fast"]),
    ("xmit_hash_policy", &["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"]),
    ("ad_select", &["stable", "bandwidth", "count"]),
    ("primary_reselect", &["always", "better", "failure"]),
    ("fail_over_mac", &["none", "active", "follow"]),
    ("arp_validate", &["none", "active", "backup", "all"]),
];

/// The options of a bond, with values as names.
pub(super) fn options(device: &Device) -> Vec<(String, String)> {
    let Kind::Bond { options, .. } = &device.kind else { return Vec::new() };
    options.iter().map(|(key, value)| (key.to_owned(), named(key, value))).collect()
}

fn named(key: &str, value: &str) -> String {
    let names = NUMBERED.iter().find(|(known, _)| *known == key).map(|(_, names)| *names);
    let number = value.parse::<usize>().ok();
    let name = names.zip(number).and_then(|(names, number)| names.get(number));
    name.map_or_else(|| value.to_owned(), |name| (*name).to_owned())
}
