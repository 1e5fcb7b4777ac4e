//! What a running host restores of its confirmed network, and what it leaves alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test")]

mod support;

use hostnet::{Link, Route};
use postscripts::steps::network::heal::{LastGood, Object, Repair, plan};
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::resolve::{Memory, resolve};
use postscripts::steps::network::resolved::ResolvedNetwork;
use support::{MOVE, bare_host, bridged_host, default_plan, link, name, words};

/// The confirmed network: `mynet0` over `eth0`.
fn saved() -> ResolvedNetwork {
    resolve(&default_plan(), &bridged_host(), &Memory::default()).unwrap()
}

fn repair(observed: &Observed, paused: &[Object]) -> Repair {
    plan(&saved(), observed, &LastGood::default(), paused)
}

/// Without the bridge, and with its address and routes, which the kernel removes with it.
fn without_bridge() -> Observed {
    let mut host = bridged_host();
    host.links.retain(|link| link.name.as_str() != "mynet0");
    host.links[1].master = None;
    host.addresses.clear();
    host.routes.clear();
    host
}

#[test]
fn nothing_is_done_if_nothing_is_missing() {
    assert_eq!(repair(&bridged_host(), &[]), Repair::default());
}

#[test]
fn a_deleted_bridge_is_one_object() {
    let repair = repair(&without_bridge(), &[]);
    assert_eq!(words(&repair.steps), MOVE[..5]);
    assert_eq!(repair.objects, [Object::Device(name("mynet0"))]);
}

#[test]
fn each_missing_part_is_an_object() {
    let mut host = bridged_host();
    host.addresses.clear();
    let address = Object::Address(name("mynet0"), "10.99.0.11/16".parse().unwrap());
    assert_eq!(repair(&host, &[]).objects, [address]);

    let mut host = bridged_host();
    host.routes.clear();
    let route = Object::Route(name("mynet0"), "0.0.0.0/0".parse().unwrap());
    assert_eq!(repair(&host, &[]).objects, [route]);

    let mut host = bridged_host();
    host.links[1].master = None;
    assert_eq!(repair(&host, &[]).objects, [Object::Port { port: name("eth0"), of: name("mynet0") }]);

    let mut host = bridged_host();
    host.links[1].up = false;
    assert_eq!(repair(&host, &[]).objects, [Object::Up(name("eth0"))]);
}

#[test]
fn what_others_added_stays() {
    let mut host = bridged_host();
    host.links[2].master = Some(4);
    host.addresses.push((name("mynet0"), "192.0.2.1/24".parse().unwrap()));
    host.addresses.push((name("eth0"), "192.0.2.2/24".parse().unwrap()));
    assert_eq!(repair(&host, &[]), Repair::default());
    // and while something is restored
    host.routes.clear();
    let steps = words(&repair(&host, &[]).steps);
    assert_eq!(steps, ["route default via 10.99.0.1 through mynet0"]);
}

#[test]
fn a_paused_device_keeps_the_nic_with_its_address() {
    let host = bare_host();
    assert_eq!(words(&repair(&host, &[]).steps), MOVE);
    let paused = [Object::Device(name("mynet0"))];
    let repair = repair(&host, &paused);
    assert_eq!((repair.steps, repair.objects), (Vec::new(), Vec::new()));
    assert_eq!(repair.left_alone, paused);
}

#[test]
fn a_paused_route_holds_nothing_else_back() {
    let mut host = bridged_host();
    host.routes.clear();
    host.links[1].master = None;
    let paused = [Object::Route(name("mynet0"), "0.0.0.0/0".parse().unwrap())];
    let repair = repair(&host, &paused);
    assert_eq!(words(&repair.steps), ["attach eth0 to mynet0", "wait for mynet0 to be operational"]);
    assert_eq!(repair.left_alone, paused);
}

#[test]
fn a_bridge_waits_for_its_nic() {
    let mut host = without_bridge();
    host.links.retain(|link| link.name.as_str() != "eth0");
    let repair = repair(&host, &[]);
    assert_eq!(repair.steps, []);
    assert_eq!(repair.absent, [name("eth0")]);
}

#[test]
fn the_mtu_and_the_metric_that_the_tables_leave_open_are_those_of_before() {
    let metric = |mut host: Observed| {
        host.routes[0].1 = Route { metric: Some(425), ..host.routes[0].1.clone() };
        host
    };
    let good = metric(bridged_host());
    let last_good = LastGood::of(&saved(), &good);
    let mut host = without_bridge();
    host.links[1] = Link { mtu: 1300, ..link(2, "eth0") };
    let steps = words(&plan(&saved(), &host, &last_good, &[]).steps);
    assert!(steps.contains(&"set mtu of eth0 from 1300 to 1500".to_owned()), "{steps:?}");
    assert!(steps.contains(&"route default via 10.99.0.1 metric 425 through mynet0".to_owned()), "{steps:?}");
    assert_eq!(plan(&saved(), &good, &last_good, &[]), Repair::default());
}
