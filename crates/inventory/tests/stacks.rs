//! NICs, bonds, VLANs and bridges upon each other: what the columns become, and what is refused with column and reason.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::collections::HashMap;

use inventory::{HostPlan, HostTables, Network, Nics};
use proptest::prelude::*;

const NETWORKS: [&str; 4] = [
    "netname=mynet0||net=10.99.0.0||mask=255.255.0.0||gateway=10.99.0.1||vlanid=||mtu=",
    "netname=net98||net=10.98.0.0||mask=255.255.0.0||gateway=||vlanid=98||mtu=",
    "netname=net97||net=10.97.0.0||mask=255.255.0.0||gateway=||vlanid=97||mtu=",
    "netname=big||net=10.96.0.0||mask=255.255.0.0||gateway=||vlanid=||mtu=9000",
];

fn tables(columns: &[(&str, &str)]) -> HostTables {
    let columns: HashMap<&str, &str> = columns.iter().copied().collect();
    HostTables {
        host: "host1".parse().unwrap(),
        ip: "10.99.0.11".parse().unwrap(),
        installnic: Some("eth0".to_owned()),
        nics: Nics::parse("host1", |name| columns.get(name).map(|text| (*text).to_owned())).unwrap(),
        networks: Network::from_lines(NETWORKS).unwrap(),
    }
}

/// Everything but the bridge of the install network, or the error.
fn plan(columns: &[(&str, &str)]) -> String {
    const DEFAULT: &str = "  bridge mynet0 over the interface that has 10.99.0.11\n    address  10.99.0.11/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16";
    let text = HostPlan::compile(&tables(columns))
        .map_or_else(|error| format!("error: {error}"), |plan| plan.to_string());
    let text = text.strip_prefix("host1\n").unwrap_or(&text).replace(DEFAULT, "");
    text.trim_matches('\n').replace("\n\n", "\n")
}

#[test]
fn a_plain_interface_has_its_addresses() {
    let columns = [("nictypes", "eth1!Ethernet"), ("nicips", "eth1!10.98.0.11|10.98.0.12")];
    assert_eq!(plan(&columns), "  ethernet eth1\n    address  10.98.0.11/16 10.98.0.12/16");
}

#[test]
fn a_bridge_over_a_vlan_over_a_bond_is_created_from_below() {
    let columns = [
        ("nictypes", "br98!bridge,bond0.98!vlan,bond0!bond"),
        ("nicdevices", "br98!bond0.98,bond0!eth1|eth2"),
        ("nicnetworks", "br98!net98"),
        ("nicips", "br98!10.98.0.11"),
        ("nicextraparams", "bond0!BONDING_OPTS=mode=1;miimon=50"),
    ];
    assert_eq!(
        plan(&columns),
        "  bond bond0 over eth1 eth2\n    options  mode=active-backup miimon=50\n  vlan bond0.98 over bond0, VLAN 98\n  bridge br98 over bond0.98\n    address  10.98.0.11/16\n    network  net98 10.98.0.0/16 vlan 98"
    );
}

#[test]
fn the_hosts_own_address_on_a_bond_gives_a_bridge_over_the_bond() {
    let columns =
        [("nictypes", "bond0!bond"), ("nicdevices", "bond0!eth0|eth1"), ("nicips", "bond0!10.99.0.11")];
    assert_eq!(
        plan(&columns),
        "  bond bond0 over eth0 eth1\n    options  mode=802.3ad xmit_hash_policy=layer2+3 miimon=100\n  bridge mynet0 over bond0\n    address  10.99.0.11/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16"
    );
}

#[test]
fn an_open_vswitch_bridge_is_a_trunk_of_its_networks() {
    let columns = [
        ("nictypes", "br0!bridge_ovs"),
        ("nicdevices", "br0!eth0"),
        ("nicnetworks", "br0!mynet0|net98|net97"),
        ("nicextraparams", "br0!datapath_type=netdev"),
    ];
    let plan = HostPlan::compile(&tables(&columns)).unwrap();
    let tags: Vec<_> = plan.bridges().flat_map(|bridge| &bridge.networks).map(|on| on.tag).collect();
    assert_eq!(tags, [None, Some(98), Some(97)]);
    assert!(plan.needs_ovs());
    assert_eq!(
        plan.to_string(),
        "host1\n  Open vSwitch bridge br0 over eth0, userspace datapath\n    address  10.99.0.11/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16\n    network  net98 10.98.0.0/16 vlan 98\n    network  net97 10.97.0.0/16 vlan 97"
    );
}

#[test]
fn an_open_vswitch_bridge_over_a_vlan_tags_nothing_again() {
    let columns = [
        ("nictypes", "br0!bridge_ovs,eth1.98!vlan"),
        ("nicdevices", "br0!eth1.98"),
        ("nicips", "br0!10.98.0.11"),
    ];
    let plan = HostPlan::compile(&tables(&columns)).unwrap();
    let bridge = plan.bridges().find(|bridge| bridge.name.as_str() == "br0").unwrap();
    assert_eq!((bridge.tag, bridge.networks[0].tag), (None, None));
}

#[test]
fn an_mtu_reaches_down_to_the_nics() {
    let columns = [
        ("nictypes", "br0!bridge,bond0!bond"),
        ("nicdevices", "br0!bond0,bond0!eth1|eth2"),
        ("nicnetworks", "br0!big"),
    ];
    let plan = HostPlan::compile(&tables(&columns)).unwrap();
    let mtus: Vec<_> = plan.devices.iter().map(|device| (device.name.as_str(), device.mtu)).collect();
    assert_eq!(
        mtus,
        [
            ("eth1", Some(9000)),
            ("eth2", Some(9000)),
            ("bond0", Some(9000)),
            ("mynet0", None),
            ("br0", Some(9000))
        ]
    );
}

#[test]
fn impossible_plans_are_reported_with_column_and_reason() {
    let over = |types: &'static str, devices: &'static str| {
        plan(&[("nictypes", types), ("nicdevices", devices), ("nicnetworks", "br0!net98")])
    };
    for (types, devices, message) in [
        (
            "br0!bridge,ib0!Infiniband",
            "br0!ib0",
            "nicdevices.br0=ib0 of host1: ib0 is infiniband, which carries no Ethernet frames; only an Ethernet interface can be below a bridge",
        ),
        (
            "br0!bridge,eth1!bmc",
            "br0!eth1",
            "nicdevices.br0=eth1 of host1: nictypes.eth1=bmc is not an interface of the operating system",
        ),
        (
            "bond0!bond,eth1.98!vlan",
            "bond0!eth1.98|eth2",
            "nicdevices.bond0=eth1.98 of host1: a bond cannot be over a vlan; bonds are over NICs, VLANs over NICs and bonds, bridges over NICs, bonds and VLANs",
        ),
        (
            "bond0!bond",
            "",
            "nictypes.bond0=bond of host1 needs at least one interface in nicdevices.bond0, not 0",
        ),
        ("br0!bridge", "br0!br0", "nicdevices.br0=br0 of host1: it cannot be below itself"),
        (
            "br0!bridge,eth1.97!vlan",
            "br0!eth1.97",
            "br0 of host1: it is over eth1.97, VLAN 97, but networks.vlanid of net98 is 98; make them equal",
        ),
        (
            "bond0!bond,bond1!bond",
            "bond0!eth1|eth2,bond1!eth2",
            "devices bond0 and bond1 of host1 share port eth2; each needs its own",
        ),
        (
            "storage!vlan",
            "storage!eth1",
            "storage of host1: no VLAN number; name it like bond0.50 or vlan50, or set networks.vlanid of its network",
        ),
        ("eth1.4095!vlan", "", "eth1.4095 of host1: VLAN 4095 is not from 1 to 4094 (IEEE 802.1Q)"),
    ] {
        assert_eq!(over(types, devices), format!("error: {message}"));
    }
}

#[test]
fn a_wrong_option_of_a_bond_or_switch_names_what_it_can_be() {
    let with = |kind: &str, params: &str| {
        let (types, params) = (format!("x0!{kind}"), format!("x0!{params}"));
        plan(&[
            ("nictypes", &types),
            ("nicdevices", "x0!eth1"),
            ("nicnetworks", "x0!net98"),
            ("nicextraparams", &params),
        ])
    };
    assert_eq!(
        with("bond", "mode=9"),
        "error: nicextraparams.x0 of host1: unknown bonding mode \"9\"; known: balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb (0 to 6 in this order)"
    );
    assert_eq!(
        with("bridge_ovs", "datapath_type=dpdk"),
        "error: nicextraparams.x0 of host1: datapath_type=dpdk is neither system nor netdev"
    );
    assert!(with("bond", "BONDING_OPTS=speed=9").contains("unknown bonding option \"speed\""));
}

#[test]
fn a_smaller_mtu_below_is_a_mistake() {
    let columns = [
        ("nictypes", "br0!bridge,eth1!Ethernet"),
        ("nicdevices", "br0!eth1"),
        ("nicnetworks", "br0!big"),
        ("nicextraparams", "eth1!MTU=1500"),
    ];
    assert_eq!(
        plan(&columns),
        "error: br0 of host1 has no valid MTU: its MTU is 9000, but that of eth1 below it is 1500"
    );
}

#[test]
fn the_hosts_addresses_on_one_switch_are_in_one_vlan() {
    let columns =
        [("nictypes", "br0!bridge_ovs"), ("nicdevices", "br0!eth1"), ("nicips", "br0!10.98.0.11|10.97.0.11")];
    assert_eq!(
        plan(&columns),
        "error: br0 of host1: the host's addresses on it must be in one VLAN, but 10.98.0.11 is in VLAN 98 and 10.97.0.11 in VLAN 97; put one on a VLAN device or bridge of its own"
    );
}

proptest! {
    /// Any columns: a plan in which everything stands on what was before it, or a message. Never a panic.
    #[test]
    fn every_plan_is_ordered_from_below(
        types in prop::collection::vec((0_usize..6, 0_usize..6), 0..6),
        devices in prop::collection::vec((0_usize..6, prop::collection::vec(0_usize..6, 0..3)), 0..6),
    ) {
        const NAMES: [&str; 6] = ["eth1", "eth2", "bond0", "bond0.98", "br0", "br1"];
        const KINDS: [&str; 6] = ["Ethernet", "bond", "vlan", "bridge", "bridge_ovs", "Infiniband"];
        let mut seen = Vec::new();
        let entry = |name: usize, value: String| format!("{}!{value}", NAMES[name]);
        let types: Vec<String> = types.into_iter().filter(|(name, _)| !seen.contains(name) && { seen.push(*name); true })
            .map(|(name, kind)| entry(name, KINDS[kind].to_owned())).collect();
        let mut seen = Vec::new();
        let devices: Vec<String> = devices.into_iter().filter(|(name, _)| !seen.contains(name) && { seen.push(*name); true })
            .map(|(name, below)| entry(name, below.iter().map(|at| NAMES[*at]).collect::<Vec<_>>().join("|"))).collect();
        let networks = "br0!net98,br1!net97";
        let columns = [("nictypes", types.join(",")), ("nicdevices", devices.join(",")), ("nicnetworks", networks.to_owned())];
        let columns: Vec<(&str, &str)> = columns.iter().map(|(name, text)| (*name, text.as_str())).collect();
        if let Ok(plan) = HostPlan::compile(&tables(&columns)) {
            for (at, device) in plan.devices.iter().enumerate() {
                for below in device.below() {
                    prop_assert!(plan.devices[..at].iter().any(|known| known.name == *below), "{} in {plan}", below);
                }
            }
        }
    }
}
