//! What becomes of devices that left the tables.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test")]

mod support;

use hostnet::{BridgeSettings, Kind, Link, Settings};
use inventory::HostPlan;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::{Removal, removal};
use postscripts::steps::network::resolve::{Memory, resolve};
use postscripts::steps::network::resolved::ResolvedNetwork;
use postscripts::steps::network::switch::OvsBridge;
use support::{bare_host, default_plan, link, name, only, second_plan, tables, words};

fn network(plan: &HostPlan) -> ResolvedNetwork {
    let able = Observed { switch: Some(Vec::new()), ..bare_host() };
    resolve(plan, &able, &Memory::default()).unwrap()
}

/// `br98` over `eth1` is there, and the tables do not have it.
fn host() -> Observed {
    let mut host = bare_host();
    let settings = Settings::Bridge(BridgeSettings::OURS);
    host.links.push(Link { kind: Kind::Bridge, settings, ..link(5, "br98") });
    host.links[2].master = Some(5);
    host
}

fn left(host: &Observed) -> Removal {
    removal(&network(&second_plan("eth1")), &network(&default_plan()), host)
}

fn still_in_use(removal: &Removal) -> Vec<String> {
    assert_eq!(removal.steps, []);
    removal.still_in_use.iter().map(ToString::to_string).collect()
}

#[test]
fn an_unused_bridge_is_removed_and_its_nic_stays() {
    assert_eq!(words(&left(&host()).steps), ["detach eth1 from br98", "remove bridge br98"]);
    let own = network(&second_plan("eth1"));
    assert_eq!(removal(&own, &own, &host()), Removal::default(), "the tables have it");
}

#[test]
fn missing_and_foreign_devices_are_left_alone() {
    assert_eq!(left(&bare_host()), Removal::default());
    let mut host = host();
    host.links[3].kind = Kind::Bond;
    assert_eq!(left(&host), Removal::default(), "another device of its name");
}

#[test]
fn a_container_or_a_stranger_keeps_it() {
    let mut with_port = host();
    with_port.links.push(Link { master: Some(5), ..link(6, "xh0123456789") });
    assert_eq!(still_in_use(&left(&with_port)), ["bridge br98 is kept: xh0123456789 uses it"]);
    let mut with_vlan = host();
    let settings = Settings::Vlan { parent: 5, id: 7 };
    with_vlan.links.push(Link { kind: Kind::Vlan, settings, ..link(6, "br98.7") });
    assert_eq!(still_in_use(&left(&with_vlan)), ["bridge br98 is kept: br98.7 uses it"]);
    let mut with_address = host();
    with_address.addresses.push((name("br98"), "192.0.2.1/24".parse().unwrap()));
    assert_eq!(still_in_use(&left(&with_address)), ["bridge br98 is kept: 192.0.2.1/24 uses it"]);
}

#[test]
fn a_switch_is_remembered_until_its_database_is_read() {
    let columns =
        [("NICTYPES", "br98!bridge_ovs"), ("NICDEVICES", "br98!eth1"), ("NICNETWORKS", "br98!net98")];
    let made = network(&only(tables(&columns), &["br98", "eth1"]));
    let left = |host: &Observed| removal(&made, &network(&default_plan()), host);
    assert_eq!(
        still_in_use(&left(&bare_host())),
        ["Open vSwitch bridge br98 is kept: Open vSwitch does not run"]
    );
    let mut host = Observed { switch: Some(Vec::new()), ..bare_host() };
    assert_eq!(left(&host), Removal::default(), "the database no longer has it");
    let bridge = OvsBridge {
        name: name("br98"),
        ports: vec![name("br98"), name("eth1")],
        tag: None,
        stp: false,
        mac: None,
        mtu: None,
    };
    host.switch = Some(vec![bridge]);
    assert_eq!(still_in_use(&left(&host)), ["Open vSwitch bridge br98 is kept: Open vSwitch does not run"]);
    host.links.push(link(5, "br98"));
    assert_eq!(words(&left(&host).steps), ["set br98 down", "remove Open vSwitch bridge br98"]);
    host.switch.as_mut().unwrap()[0].ports.push(name("tap1"));
    assert_eq!(still_in_use(&left(&host)), ["Open vSwitch bridge br98 is kept: tap1 uses it"]);
}
