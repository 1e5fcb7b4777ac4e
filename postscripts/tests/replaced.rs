//! Bridges that are replaced on a real kernel with a real switch in user space: nothing is lost, and everything comes back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod support;
#[path = "../../crates/hostnet/tests/switch/mod.rs"]
mod switch;
mod wire;

use inventory::HostPlan;
use postscripts::steps::network::manager::Manager;
use postscripts::steps::network::plan::{Step, plan, removal};
use postscripts::steps::network::replace::replaced;
use postscripts::steps::network::resolve::{Memory, resolve};
use postscripts::steps::network::resolved::ResolvedNetwork;
use support::named;
use switch::Daemons;
use wire::{Lab, described};

/// A host on which a run made that network, with an IPv6 address and a route of its own.
fn made(of: &HostPlan) -> (Daemons, Lab, ResolvedNetwork) {
    let lab = Lab::new();
    let daemons = lab.host.run(Daemons::start).unwrap();
    let lab = lab.with_switch(&daemons.remote());
    lab.ip(&["address", "add", "2001:db8::11/64", "dev", "eth0", "nodad"]);
    lab.ip(&["route", "add", "10.50.0.0/16", "via", "10.99.0.2", "metric", "5"]);
    let network = lab.network(of, &Memory::default());
    lab.apply(&plan(&network, &lab.observe()));
    assert!(lab.answers());
    (daemons, lab, network)
}

fn change(lab: &Lab, made: &ResolvedNetwork, to: &HostPlan) -> (ResolvedNetwork, Vec<Step>) {
    let replaced = replaced(made, to, &lab.observe(), None).unwrap();
    let network = resolve(to, &replaced.observed, &Memory::of(made)).unwrap();
    let steps = plan(&network, &replaced.observed);
    (network, replaced.change(steps, Manager::Ifupdown))
}

/// The change is made and everything is there; what left is removed.
fn becomes(lab: &Lab, from: &ResolvedNetwork, to: &HostPlan) -> ResolvedNetwork {
    let mac = |lab: &Lab, name: &str| lab.observe().link(&name.parse().unwrap()).unwrap().mac;
    let (network, steps) = change(lab, from, to);
    lab.apply(&steps);
    assert!(lab.answers());
    lab.apply(&removal(from, &network, &lab.observe()).steps);
    assert_eq!(plan(&network, &lab.observe()), [], "a second run has nothing to do");
    let observed = lab.observe();
    let home = to.bridges().next().unwrap().name.clone();
    let addresses: Vec<String> = observed.addresses(&home).map(|address| address.to_string()).collect();
    assert_eq!(addresses, ["10.99.0.11/16", "2001:db8::11/64"]);
    assert_eq!(observed.routes(&home).count(), 2, "{:?}", observed.routes);
    assert_eq!(mac(lab, home.as_str()), mac(lab, "eth0"));
    network
}

/// From any step, and twice.
fn comes_back(from: &HostPlan, to: &HostPlan) {
    let (_daemons, lab, network) = made(from);
    let before = described(&lab.observe());
    let (_, steps) = change(&lab, &network, to);
    for stopped_after in 0..=steps.len() {
        lab.apply(&steps[..stopped_after]);
        for _ in 0..2 {
            lab.roll_back(&steps);
            assert_eq!(
                without_indices(&described(&lab.observe())),
                without_indices(&before),
                "{stopped_after}"
            );
        }
        assert!(lab.answers(), "stopped after {stopped_after} steps");
    }
}

/// A bridge that was created again has another index.
fn without_indices(described: &str) -> String {
    let lines = described.lines().map(|line| match line.split_once(" Some(") {
        Some((before, after)) => format!("{before} a port {}", after.split_once(')').unwrap().1),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_linux_bridge_becomes_an_open_vswitch_bridge_and_a_linux_bridge_again() {
    let (daemons, lab, network) = made(&named("mynet0", "bridge"));
    let switched = becomes(&lab, &network, &named("mynet0", "bridge_ovs"));
    assert_eq!(daemons.vsctl("list-ports mynet0"), "eth0");
    assert_eq!(lab.answers_to_a_ping(), 1);
    becomes(&lab, &switched, &named("mynet0", "bridge"));
    assert_eq!(daemons.vsctl("list-br"), "");
    assert_eq!(lab.answers_to_a_ping(), 1);
}

#[test]
fn a_bridge_gets_another_name_of_either_kind() {
    let (daemons, lab, network) = made(&named("br0", "bridge"));
    let renamed = becomes(&lab, &network, &named("br1", "bridge"));
    let switched = becomes(&lab, &renamed, &named("br2", "bridge_ovs"));
    let again = becomes(&lab, &switched, &named("br3", "bridge_ovs"));
    assert_eq!(daemons.vsctl("list-br"), "br3");
    becomes(&lab, &again, &named("br4", "bridge"));
    assert_eq!(daemons.vsctl("list-br"), "");
}

#[test]
fn the_linux_bridge_is_restored_from_any_step() {
    comes_back(&named("mynet0", "bridge"), &named("mynet0", "bridge_ovs"));
}

#[test]
fn the_open_vswitch_bridge_is_restored_from_any_step() {
    comes_back(&named("mynet0", "bridge_ovs"), &named("mynet0", "bridge"));
}

#[test]
fn the_previous_name_is_restored_from_any_step() {
    comes_back(&named("br0", "bridge"), &named("br1", "bridge"));
}
