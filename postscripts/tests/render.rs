//! The files of all six network managers for every kind of host, against golden files in `tests/golden/MANAGER/CASE/`: each file
//! at the path where it lands. `BLESS=1 cargo test -p postscripts --test render` writes them again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod hosts;

use std::path::PathBuf;

use hosts::{Etc, golden, network};
use postscripts::steps::network::manager::Manager;

fn directory(manager: Manager, case: &str) -> PathBuf {
    golden::directory().join(manager.to_string()).join(case)
}

fn check(manager: Manager, case: &str) {
    let etc = if case == "dhcp" { Etc::with_dhcp(manager) } else { Etc::bare(manager) };
    let network = network(case);
    etc.apply(&network);
    golden::check(etc.root(), &directory(manager, case));
    assert_eq!(etc.apply(&network), Vec::<PathBuf>::new(), "a second run writes nothing");
}

macro_rules! managers {
    ($($name:ident: $manager:ident),*) => {
        $(
            mod $name {
                use super::*;

                managers! {
                    @cases $manager,
                    plain: "plain", bond: "bond", vlan: "vlan", bridge: "bridge", bridge_over_bond: "bridge-over-bond",
                    vlan_bond_bridge: "vlan-bond-bridge", bridge_ovs: "bridge-ovs", bridge_ovs_bond: "bridge-ovs-bond",
                    ipv6: "ipv6", mtu_9000: "mtu-9000", two_networks: "two-networks", dhcp: "dhcp"
                }
            }
        )*
    };
    (@cases $manager:ident, $($case:ident: $name:literal),*) => {
        $(
            #[test]
            fn $case() {
                check(Manager::$manager, $name);
            }
        )*
    };
}

managers! {
    ifupdown: Ifupdown, networkd: Networkd, networkmanager: NetworkManager, netplan: Netplan, ifcfg: Ifcfg, wicked: Wicked
}
