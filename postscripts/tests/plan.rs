//! What the network step does to a host in each state that it may find it in, and what it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod support;

use hostnet::{Kind, Link, Route};
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::{KernelStep, Step, inverses, plan};
use postscripts::steps::network::resolve::{Memory, resolve};
use support::{
    MOVE, bare_host, bridge, bridged_host, default_plan, link, name, refusal, second_plan, steps, words,
};

#[test]
fn the_address_moves_to_the_bridge_before_the_nic_loses_it() {
    assert_eq!(steps(&default_plan(), &bare_host()), MOVE);
}

#[test]
fn the_bridge_has_the_mac_of_its_nic() {
    let host = bare_host();
    let network = resolve(&default_plan(), &host, &Memory::default()).unwrap();
    let Some(Step::Kernel(KernelStep::AddBridge(spec))) = plan(&network, &host).into_iter().next() else {
        panic!("a bridge first")
    };
    assert_eq!(spec.mac, host.links[1].mac);
}

#[test]
fn there_is_nothing_to_do_twice() {
    assert_eq!(steps(&default_plan(), &bridged_host()), Vec::<String>::new());
}

/// The state after the first steps of the plan.
fn killed_after(count: usize) -> Observed {
    let mut host = bare_host();
    if count > 0 {
        host.links.push(bridge());
    }
    if count > 1 {
        host.addresses.push(("mynet0".parse().unwrap(), "10.99.0.11/16".parse().unwrap()));
    }
    if count > 2 {
        host.routes[0].0 = "mynet0".parse().unwrap();
    }
    if count > 3 {
        host.links[1].master = Some(4);
    }
    host
}

#[test]
fn a_killed_run_is_completed_by_the_next() {
    for count in 0..=4 {
        // what was enslaved has settled by the next run
        let rest = if count < 4 { count } else { count + 1 };
        assert_eq!(steps(&default_plan(), &killed_after(count)), MOVE[rest..], "after {count} steps");
    }
}

#[test]
fn every_step_that_changes_something_has_an_inverse() {
    let host = bare_host();
    let network = resolve(&default_plan(), &host, &Memory::default()).unwrap();
    let back = words(&inverses(&plan(&network, &host)));
    let wanted = [
        "add 10.99.0.11/16 to eth0",
        "detach eth0 from mynet0",
        "route default via 10.99.0.1 through eth0",
        "remove 10.99.0.11/16 from mynet0",
        "delete bridge mynet0",
    ];
    assert_eq!(back, wanted);
}

#[test]
fn a_bridge_without_an_address_gets_its_nic_up_and_its_mtu() {
    let wanted =
        ["add bridge br98", "set mtu of eth1 from 1500 to 1400", "set eth1 up", "attach eth1 to br98"];
    assert_eq!(steps(&second_plan("eth1"), &bare_host()), wanted);
}

#[test]
fn drift_is_repaired() {
    let mut host = bridged_host();
    host.links[1].master = None;
    host.links[3].up = false;
    host.addresses[0].1 = "10.99.0.11/24".parse().unwrap();
    host.routes.clear();
    let wanted = [
        "set mynet0 up",
        "add 10.99.0.11/16 to mynet0",
        "route default via 10.99.0.1 through mynet0",
        "attach eth0 to mynet0",
        "wait for mynet0 to be operational",
        "remove 10.99.0.11/24 from mynet0",
    ];
    // nothing but our own file still knows the NIC
    let memory = Memory { ports: [(name("mynet0"), name("eth0"))].into(), ..Memory::default() };
    let network = resolve(&default_plan(), &host, &memory).unwrap();
    assert_eq!(words(&plan(&network, &host)), wanted);
}

#[test]
fn containers_ports_are_not_the_nic() {
    let mut host = bridged_host();
    host.links.push(Link { kind: Kind::Veth, master: Some(4), ..link(9, "xh0123456789") });
    assert_eq!(steps(&default_plan(), &host), Vec::<String>::new());
}

#[test]
fn the_nics_other_routes_move_along() {
    let mut host = bare_host();
    let route = Route {
        destination: "10.0.0.0/8".parse().unwrap(),
        gateway: Some("10.99.0.2".parse().unwrap()),
        metric: Some(7),
    };
    host.routes.push(("eth0".parse().unwrap(), route));
    assert_eq!(steps(&default_plan(), &host)[2], "route 10.0.0.0/8 via 10.99.0.2 metric 7 through mynet0");
}

#[test]
fn a_gateway_that_the_tables_do_not_have_is_kept() {
    let mut wanted = default_plan();
    wanted.devices[0].gateways.clear();
    assert_eq!(steps(&wanted, &bare_host()), MOVE);
    assert_eq!(steps(&wanted, &bridged_host()), Vec::<String>::new());
}

#[test]
fn a_kept_gateway_that_is_lost_with_the_address_is_remembered() {
    let mut wanted = default_plan();
    wanted.devices[0].gateways.clear();
    let before = resolve(&wanted, &bare_host(), &Memory::default()).unwrap();
    let mut host = bridged_host();
    host.routes.clear();
    let network = resolve(&wanted, &host, &Memory::of(&before)).unwrap();
    assert_eq!(words(&plan(&network, &host)), ["route default via 10.99.0.1 through mynet0"]);
}

#[test]
fn a_default_route_through_another_nic_stays_the_only_one() {
    let mut host = bare_host();
    host.routes = vec![("eth1".parse().unwrap(), Route::default_via("192.0.2.1".parse().unwrap()))];
    let network = resolve(&default_plan(), &host, &Memory::default()).unwrap();
    assert_eq!(network.device(&name("mynet0")).unwrap().gateways, Vec::<std::net::IpAddr>::new());
}

#[test]
fn a_wrong_gateway_is_replaced() {
    let mut host = bridged_host();
    host.routes[0].1 = Route::default_via("10.99.0.254".parse().unwrap());
    assert_eq!(steps(&default_plan(), &host), ["route default via 10.99.0.1 through mynet0"]);
}

#[test]
fn plans_that_this_host_can_not_follow_are_refused_with_the_reason() {
    let named = second_plan;
    assert_eq!(
        refusal(&named("eth7"), &bare_host()),
        "bridge br98: interface eth7 does not exist; this host has eth0, eth1; correct nicdevices.br98"
    );
    assert_eq!(
        refusal(&named("lo"), &bare_host()),
        "lo is not an Ethernet interface, so bridge br98 cannot use it"
    );
    assert_eq!(
        refusal(&named("eth0"), &bridged_host()),
        "eth0 is a port of mynet0, so bridge br98 cannot use it; detach it from mynet0, or correct nicdevices.br98"
    );
    assert_eq!(
        refusal(&named("eth0"), &bare_host()),
        "eth0 has 10.99.0.11/16, which is not in the tables; add it to nicips.br98, because bridge br98 takes over the addresses of eth0, or remove the address"
    );
}

#[test]
fn an_unknown_nic_or_a_taken_name_is_refused() {
    let mut host = bare_host();
    host.links.push(link(4, "mynet0"));
    assert_eq!(
        refusal(&default_plan(), &host),
        "the name of bridge mynet0 is used by another interface; rename the interface or the bridge"
    );
    let mut host = bare_host();
    host.addresses.clear();
    assert_eq!(
        refusal(&default_plan(), &host),
        "no interface has 10.99.0.11, so the NIC of bridge mynet0 is unknown; this host has eth0, eth1; name one (nictypes.mynet0=bridge nicdevices.mynet0=NIC nicnetworks.mynet0=NETWORK)"
    );
    let mut host = bridged_host();
    host.links[3].name = "br0".parse().unwrap();
    host.addresses[0].0 = "br0".parse().unwrap();
    assert_eq!(
        refusal(&default_plan(), &host),
        "10.99.0.11 is on bridge br0, not on a NIC; to use br0, name it in the tables (nictypes.br0=bridge nicdevices.br0=NIC nicnetworks.br0=NETWORK)"
    );
}

#[test]
fn ipv6_addresses_that_came_by_themselves_move_along() {
    let mut host = bare_host();
    host.addresses.push(("eth0".parse().unwrap(), "2001:db8::5/64".parse().unwrap()));
    let steps = steps(&default_plan(), &host);
    assert_eq!(steps[2], "add 2001:db8::5/64 to mynet0");
    assert_eq!(steps.last().unwrap(), "remove 2001:db8::5/64 from eth0");
}
