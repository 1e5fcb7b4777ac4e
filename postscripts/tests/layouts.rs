//! What the network step does on hosts with bonds, VLANs and Open vSwitch, and what it refuses there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod support;

use hostnet::{BridgeSettings, Kind, Layer, Link, Settings};
use inventory::HostPlan;
use postscripts::steps::network::modules::Module;
use postscripts::steps::network::plan::{Step, plan};
use postscripts::steps::network::resolve::{Memory, resolve};
use support::{bare_host, bridged_host, default_plan, link, name, refusal, steps, tables};

/// `mynet0` over `bond0` over `eth0` and `eth1`.
fn over_bond() -> HostPlan {
    tables(&[
        ("NICTYPES", "bond0!bond,mynet0!bridge"),
        ("NICDEVICES", "bond0!eth1|eth0,mynet0!bond0"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=1 miimon=50"),
    ])
}

fn over_vlan_over_bond() -> HostPlan {
    tables(&[
        ("NICTYPES", "bond0!bond,bond0.50!vlan,mynet0!bridge"),
        ("NICDEVICES", "bond0!eth0|eth1,bond0.50!bond0,mynet0!bond0.50"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup,mynet0!MTU=9000"),
    ])
}

fn switched(nic: &str) -> HostPlan {
    let devices = format!("mynet0!{nic}");
    tables(&[("NICTYPES", "mynet0!bridge_ovs"), ("NICDEVICES", &devices), ("NICNETWORKS", "mynet0!mynet0")])
}

fn bond(index: u32) -> Link {
    let options =
        vec![("mode".to_owned(), "active-backup".to_owned()), ("miimon".to_owned(), "100".to_owned())];
    Link { kind: Kind::Bond, settings: Settings::Bond { options, primary: None }, ..link(index, "bond0") }
}

#[test]
fn the_nic_with_the_address_enters_its_bond_last() {
    let wanted = [
        "add bond bond0 with mode=active-backup miimon=50",
        "attach eth1 to bond0",
        "add bridge mynet0",
        "attach bond0 to mynet0",
        "add 10.99.0.11/16 to mynet0",
        "route default via 10.99.0.1 through mynet0",
        "remove 10.99.0.11/16 from eth0",
        "set eth0 down",
        "attach eth0 to bond0",
        "wait for mynet0 to be operational",
    ];
    assert_eq!(steps(&over_bond(), &bare_host()), wanted);
}

#[test]
fn a_bond_and_its_bridge_have_the_mac_of_the_nic_with_the_address() {
    let host = bare_host();
    let network = resolve(&over_bond(), &host, &Memory::default()).unwrap();
    for device in ["bond0", "mynet0"] {
        assert_eq!(network.device(&name(device)).unwrap().mac, host.links[1].mac, "{device}");
    }
}

#[test]
fn a_bridge_over_a_vlan_over_a_bond_is_created_from_below() {
    let wanted = [
        "set mtu of eth0 from 1500 to 9000",
        "set mtu of eth1 from 1500 to 9000",
        "add bond bond0 with mode=active-backup miimon=100",
        "attach eth1 to bond0",
        "add bond0.50 for VLAN 50 of bond0",
        "add bridge mynet0",
        "attach bond0.50 to mynet0",
        "add 10.99.0.11/16 to mynet0",
        "route default via 10.99.0.1 through mynet0",
        "remove 10.99.0.11/16 from eth0",
        "set eth0 down",
        "attach eth0 to bond0",
        "wait for bond0 to be operational",
    ];
    assert_eq!(steps(&over_vlan_over_bond(), &bare_host()), wanted);
}

#[test]
fn a_bridge_whose_nic_becomes_part_of_a_bond_has_one_way_out_at_any_time() {
    let wanted = [
        "add bond bond0 with mode=active-backup miimon=50",
        "attach eth1 to bond0",
        "detach eth0 from mynet0",
        "set eth0 down",
        "attach eth0 to bond0",
        "attach bond0 to mynet0",
        "wait for mynet0 to be operational",
    ];
    assert_eq!(steps(&over_bond(), &bridged_host()), wanted);
}

#[test]
fn spanning_tree_is_switched_off() {
    let mut host = bridged_host();
    host.links[3].settings = Settings::Bridge(BridgeSettings { stp: true, forward_delay: 1500 });
    let wanted = "set mynet0 from spanning tree on and forward delay 15.00 s to spanning tree off and forward delay 0.00 s";
    assert_eq!(steps(&default_plan(), &host), [wanted]);
}

#[test]
fn an_open_vswitch_bridge_takes_the_nic_when_it_is_made() {
    let mut host = bare_host();
    host.switch = Some(Vec::new());
    let wanted = [
        "add Open vSwitch bridge mynet0 with port eth0",
        "set mynet0 up",
        "add 10.99.0.11/16 to mynet0",
        "route default via 10.99.0.1 through mynet0",
        "remove 10.99.0.11/16 from eth0",
    ];
    assert_eq!(steps(&switched("eth0"), &host), wanted);
}

#[test]
fn options_of_a_bond_in_use_are_changed_or_refused() {
    let mut host = bare_host();
    host.links.push(bond(7));
    let wanted = steps(&over_bond(), &host);
    assert_eq!(wanted[0], "set bond0 from miimon=100 to miimon=50");
    let Settings::Bond { options, .. } = &mut host.links[3].settings else { panic!("no bond") };
    options[0].1 = "802.3ad".to_owned();
    assert_eq!(
        refusal(&over_bond(), &host),
        "bond0 has mode=802.3ad, but mode=active-backup in the tables; the kernel cannot change this on a bond in use; delete the bond (ip link delete bond0, at the console if this host is reached through it), or correct nicextraparams.bond0"
    );
}

#[test]
fn an_unsupported_plan_is_refused_with_the_reason() {
    let mut host = bare_host();
    host.lacking = vec![Module::Bonding];
    assert_eq!(
        refusal(&over_bond(), &host),
        "bond bond0 needs kernel module bonding, which this host does not have; install the package with all modules of its kernel (linux-modules-extra-VERSION, kernel-modules-extra), or boot a kernel that has it"
    );
    assert_eq!(
        refusal(&switched("eth0"), &bare_host()),
        "mynet0 is an Open vSwitch bridge, but Open vSwitch does not run on this host; install and start it (Debian and Ubuntu: openvswitch-switch; others: openvswitch)"
    );
    let mut host = bare_host();
    host.links[1].max_mtu = Some(1500);
    assert_eq!(
        refusal(&over_vlan_over_bond(), &host),
        "mynet0 has an MTU of 9000 in the tables, but eth0 supports at most 1500; correct networks.mtu or nicextraparams.mynet0"
    );
    let mut host = bare_host();
    host.links[2] = Link { layer: Layer::Infiniband, mac: None, ..link(3, "eth1") };
    assert_eq!(
        refusal(&over_bond(), &host),
        "eth1 is InfiniBand, which carries no Ethernet frames, so bond bond0 cannot use it"
    );
}

#[test]
fn what_others_have_is_not_taken() {
    let mut host = bare_host();
    host.addresses.push((name("eth1"), "192.0.2.7/24".parse().unwrap()));
    assert_eq!(
        refusal(&over_bond(), &host),
        "eth1 has 192.0.2.7/24, which is not in the tables; add it to nicips.mynet0, because bridge mynet0 takes over the addresses of eth1, or remove the address"
    );
    let mut host = bare_host();
    host.links[2].master = Some(9);
    host.links.push(Link { kind: Kind::Bridge, ..link(9, "virbr0") });
    assert_eq!(
        refusal(&over_bond(), &host),
        "eth1 is a port of virbr0, so bond bond0 cannot use it; detach it from virbr0, or correct nicdevices.bond0"
    );
    let mut host = bare_host();
    host.switch = Some(Vec::new());
    assert_eq!(
        refusal(&switched("eth1"), &host),
        "10.99.0.11 belongs to mynet0 in the tables, but is on eth0, which is not below mynet0; correct nicips or nicdevices, or remove the address"
    );
    let mut host = bare_host();
    host.links[1].name = name("bond0");
    host.links[1].kind = Kind::Bond;
    host.addresses[0].0 = name("bond0");
    assert_eq!(
        refusal(&default_plan(), &host),
        "10.99.0.11 is on bond bond0, which is not in the tables; add it (nictypes.bond0=bond nicdevices.bond0=NIC)"
    );
}

#[test]
fn a_name_that_something_else_has_is_not_taken() {
    let mut host = bare_host();
    host.links.push(link(7, "bond0"));
    assert_eq!(
        refusal(&over_bond(), &host),
        "the name of bond bond0 is used by another interface; rename the interface or the bond"
    );
    let mut host = bridged_host();
    host.switch = Some(Vec::new());
    assert_eq!(
        refusal(&switched("eth0"), &host),
        "the name of Open vSwitch bridge mynet0 is used by another interface; rename the interface or the Open vSwitch bridge"
    );
    let mut host = bare_host();
    let settings = Settings::Vlan { parent: 3, id: 60 };
    host.links.push(bond(7));
    host.links.push(Link { kind: Kind::Vlan, settings, ..link(8, "bond0.50") });
    assert_eq!(
        refusal(&over_vlan_over_bond(), &host),
        "bond0.50 is VLAN 60 of eth1, but VLAN 50 of bond0 in the tables; remove it (ip link delete bond0.50), or correct the tables"
    );
}

#[test]
fn a_vlan_that_the_tables_do_not_have_is_not_cut_down_silently() {
    let mut host = bare_host();
    let settings = Settings::Vlan { parent: 3, id: 60 };
    host.links.push(Link { kind: Kind::Vlan, settings, ..link(8, "eth1.60") });
    let steps = steps(&support::second_plan("eth1"), &host);
    assert_eq!(steps[1..3], ["set mtu of eth1.60 from 1500 to 1400", "set mtu of eth1 from 1500 to 1400"]);
}

#[test]
fn the_way_back_of_a_switch_outlives_a_power_cut() {
    let mut host = bare_host();
    host.switch = Some(Vec::new());
    let network = resolve(&switched("eth0"), &host, &Memory::default()).unwrap();
    let durable: Vec<String> =
        plan(&network, &host).iter().filter(|step| step.outlives_boot()).map(Step::to_string).collect();
    assert_eq!(durable, ["add Open vSwitch bridge mynet0 with port eth0"]);
}
