//! A bridge whose NIC or name another bridge gets: Linux to Open vSwitch and back, and another name.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod support;

use hostnet::{HostIpFilter, Kind, Link, Settings};
use inventory::{Fabric, HostNetwork, HostPlan, Network, Snapshot};
use postscripts::steps::network::manager::Manager;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::{DaemonStep, KernelStep, Step, inverses, plan, removal};
use postscripts::steps::network::replace::replaced;
use postscripts::steps::network::resolve::{Memory, resolve};
use postscripts::steps::network::resolved::ResolvedNetwork;
use support::model::Model;
use support::{
    MOVE, MOVE_INTO_SWITCH, bare_host, bridged_host, default_plan, link, name, named, tables, words,
};

const CONTAINER: &str = "xh0123456789";

/// A host on which a run made that network, and what it made.
fn made(plan_of: &HostPlan) -> (ResolvedNetwork, Model) {
    let mut model = Model::new(Observed { switch: Some(Vec::new()), ..bare_host() });
    let network = resolve(plan_of, &model.now, &Memory::default()).unwrap();
    for step in plan(&network, &model.now) {
        model.act(&step).unwrap();
    }
    (network, model)
}

/// A container's port on a Linux bridge.
fn plugged(host: &mut Observed, bridge: &str) {
    let index = host.link(&name(bridge)).unwrap().index;
    let port = link(50, CONTAINER);
    host.links.push(Link { kind: Kind::Veth, master: Some(index), peer_netns: Some(1), ..port });
}

/// netd's tables, with mynet0 on that bridge.
fn snapshot(bridge: &str, fabric: Fabric) -> Snapshot {
    let lines = ["netname=mynet0||net=10.99.0.0||mask=255.255.0.0||gateway=10.99.0.1"];
    let network = Network::from_lines(lines).unwrap().remove(0);
    let on = HostNetwork { network, fabric, bridge: name(bridge), tag: None };
    Snapshot::seal("host1".parse().unwrap(), 1, vec![on], Vec::new())
}

/// What makes the host follow, and the network that it then has.
fn change(
    made: &ResolvedNetwork,
    wanted: &HostPlan,
    model: &Model,
    snapshot: Option<&Snapshot>,
) -> (ResolvedNetwork, Vec<Step>) {
    let replaced = replaced(made, wanted, &model.now, snapshot).unwrap();
    let network = resolve(wanted, &replaced.observed, &Memory::of(made)).unwrap();
    let steps = plan(&network, &replaced.observed);
    (network, replaced.change(steps, Manager::Ifupdown))
}

fn apply(model: &mut Model, steps: &[Step]) {
    for step in steps {
        model.act(step).unwrap_or_else(|why| panic!("{step}: {why}\n{}", model.described()));
    }
}

/// Executes the change and rolls it back from each step; then executes it completely.
fn changed(from: &HostPlan, to: &HostPlan) -> (Vec<String>, Model) {
    let (network, mut model) = made(from);
    let before = model.described();
    let (new, steps) = change(&network, to, &model, None);
    for stopped_after in 0..=steps.len() {
        apply(&mut model, &steps[..stopped_after]);
        for _ in 0..2 {
            apply(&mut model, &inverses(&steps));
            assert_eq!(model.described(), before, "stopped after {stopped_after}");
        }
    }
    apply(&mut model, &steps);
    assert_eq!(plan(&new, &model.now), [], "a second run has nothing to do");
    let again = replaced(&network, to, &model.now, None).unwrap();
    assert_eq!(again.steps, [], "what was replaced is replaced once");
    (words(&steps), model)
}

#[test]
fn a_linux_bridge_becomes_an_open_vswitch_bridge_of_its_name() {
    let (steps, model) = changed(&default_plan(), &named("mynet0", "bridge_ovs"));
    let back = [
        "add 10.99.0.11/16 to eth0",
        "detach eth0 from mynet0",
        "route default via 10.99.0.1 through eth0",
        "remove 10.99.0.11/16 from mynet0",
        "set mynet0 down",
        "remove bridge mynet0",
    ];
    assert_eq!(steps, [&back[..], &MOVE_INTO_SWITCH].concat());
    assert_eq!(model.now.link(&name("mynet0")).unwrap().mac, link(2, "eth0").mac);
}

#[test]
fn an_open_vswitch_bridge_becomes_a_linux_bridge_of_its_name() {
    let (steps, model) = changed(&named("mynet0", "bridge_ovs"), &default_plan());
    let back = [
        "end the isolation of eth0 from the host's IP stack",
        "add 10.99.0.11/16 to eth0",
        "route default via 10.99.0.1 through eth0",
        "remove 10.99.0.11/16 from mynet0",
        "set mynet0 down",
        "remove Open vSwitch bridge mynet0",
    ];
    let for_the_way_back = ["end the isolation of eth0 from the host's IP stack"];
    assert_eq!(steps, [&back[..], &MOVE, &for_the_way_back].concat());
    assert_eq!(model.now.host_ip_filter(&name("eth0")), Some(HostIpFilter::KERNEL_DEFAULT));
}

#[test]
fn a_bridge_of_another_name_takes_the_nic_and_the_old_one_leaves_afterwards() {
    let (steps, model) = changed(&named("br0", "bridge"), &named("br1", "bridge"));
    let wanted = [
        "add 10.99.0.11/16 to eth0",
        "detach eth0 from br0",
        "route default via 10.99.0.1 through eth0",
        "remove 10.99.0.11/16 from br0",
        "add bridge br1",
        "add 10.99.0.11/16 to br1",
        "route default via 10.99.0.1 through br1",
        "attach eth0 to br1",
        "wait for br1 to be operational",
        "remove 10.99.0.11/16 from eth0",
    ];
    assert_eq!(steps, wanted);
    let (old, new) = (made(&named("br0", "bridge")).0, made(&named("br1", "bridge")).0);
    assert_eq!(words(&removal(&old, &new, &model.now).steps), ["remove bridge br0"]);
}

#[test]
fn every_bridge_is_replaced_by_every_other() {
    let all = [
        named("mynet0", "bridge"),
        named("mynet0", "bridge_ovs"),
        named("br0", "bridge"),
        named("br0", "bridge_ovs"),
    ];
    for (at, from) in all.iter().enumerate() {
        for (_, to) in all.iter().enumerate().filter(|(other, _)| *other != at) {
            let (_, model) = changed(from, to);
            let home = to.bridges().next().unwrap().name.clone();
            let address = model.now.addresses(&home).next().map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some("10.99.0.11/16"), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn a_manager_with_a_daemon_is_stopped_until_its_files_are_new() {
    let (network, model) = made(&default_plan());
    let words = |manager, to: &HostPlan| {
        let replaced = replaced(&network, to, &model.now, None).unwrap();
        words(&replaced.change(Vec::new(), manager)).first().cloned()
    };
    let to = named("br1", "bridge");
    for manager in [Manager::Networkd, Manager::NetworkManager, Manager::Netplan] {
        assert_eq!(words(manager, &to), Some(format!("stop {manager} until its new files are written")));
        assert_eq!(words(manager, &default_plan()), None, "nothing is replaced");
    }
    assert_eq!(words(Manager::Ifupdown, &to).as_deref(), Some("add 10.99.0.11/16 to eth0"));
    let back = inverses(&[Step::Daemon(DaemonStep::StopManager(Manager::Netplan))]);
    assert_eq!(support::words(&back), ["start netplan"]);
}

#[test]
fn an_address_that_the_bridge_has_by_another_mac_keeps_it() {
    let (network, mut model) = made(&named("br0", "bridge"));
    let mac = "02:00:00:00:00:99".parse().ok();
    model.now.links.iter_mut().find(|link| link.name == name("br0")).unwrap().mac = mac;
    let (_, steps) = change(&network, &named("br1", "bridge"), &model, None);
    let specs = steps.iter().filter_map(|step| match step {
        Step::Kernel(KernelStep::AddBridge(spec)) => Some(spec.mac),
        _ => None,
    });
    assert_eq!(specs.collect::<Vec<_>>(), [mac]);
}

#[test]
fn containers_are_moved_by_netd_which_has_to_know_where_first() {
    let (network, mut model) = made(&default_plan());
    plugged(&mut model.now, "mynet0");
    let to = named("mynet0", "bridge_ovs");
    let refusal = |snapshot: Option<&Snapshot>| {
        replaced(&network, &to, &model.now, snapshot).map(drop).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(None),
        "bridge mynet0 has containers, and this host has no snapshot that says where they go; run \"xdock sync host1\" on the management node, then this step again"
    );
    assert_eq!(
        refusal(Some(&snapshot("mynet0", Fabric::Flat))),
        "bridge mynet0 has containers, and the snapshot of this host still has network mynet0 on it; run \"xdock sync host1\" on the management node, then this step again"
    );
    let new = snapshot("mynet0", Fabric::Ovs);
    let (_, steps) = change(&network, &to, &model, Some(&new));
    assert_eq!(words(&steps)[0], "disable TX checksum offload in the container of xh0123456789");
    let to_kernel = tables(&[
        ("NICTYPES", "mynet0!bridge_ovs"),
        ("NICDEVICES", "mynet0!eth0"),
        ("NICNETWORKS", "mynet0!mynet0"),
    ]);
    let (_, steps) = change(&network, &to_kernel, &model, Some(&new));
    assert_eq!(words(&steps)[0], "add 10.99.0.11/16 to eth0", "the kernel's switch adds them");
}

#[test]
fn a_bridge_of_another_name_stays_until_its_containers_are_moved() {
    let (network, mut model) = made(&named("br0", "bridge"));
    plugged(&mut model.now, "br0");
    let new = snapshot("br1", Fabric::Flat);
    let (after, steps) = change(&network, &named("br1", "bridge"), &model, Some(&new));
    apply(&mut model, &steps);
    let left = removal(&network, &after, &model.now);
    let still_in_use: Vec<String> = left.still_in_use.iter().map(ToString::to_string).collect();
    assert_eq!(still_in_use, ["bridge br0 is kept: xh0123456789 uses it"]);
    model.act(&Step::Kernel(KernelStep::DetachPort { port: name(CONTAINER), bridge: name("br0") })).unwrap();
    assert_eq!(words(&removal(&network, &after, &model.now).steps), ["remove bridge br0"]);
}

#[test]
fn a_bridge_that_a_stranger_uses_is_not_replaced() {
    let (network, model) = made(&default_plan());
    let refusal = |host: &Observed| {
        replaced(&network, &named("mynet0", "bridge_ovs"), host, None).map(drop).unwrap_err().to_string()
    };
    let index = model.now.link(&name("mynet0")).unwrap().index;
    let mut with_port = model.now.clone();
    with_port.links.push(Link { master: Some(index), ..link(60, "tap7") });
    assert_eq!(
        refusal(&with_port),
        "bridge mynet0 cannot be replaced by Open vSwitch bridge mynet0: tap7 uses it; move tap7 to another bridge first"
    );
    let mut with_vlan = model.now.clone();
    let settings = Settings::Vlan { parent: index, id: 7 };
    with_vlan.links.push(Link { kind: Kind::Vlan, settings, ..link(60, "mynet0.7") });
    assert_eq!(
        refusal(&with_vlan),
        "bridge mynet0 cannot be replaced by Open vSwitch bridge mynet0: mynet0.7 uses it; move mynet0.7 to another bridge first"
    );
}

#[test]
fn a_bridge_that_no_run_made_is_not_ours_to_replace() {
    let host = Observed { switch: Some(Vec::new()), ..bridged_host() };
    let wanted = named("mynet0", "bridge_ovs");
    let kept = replaced(&ResolvedNetwork::default(), &wanted, &host, None).unwrap();
    assert_eq!(kept.steps, []);
    let refused = resolve(&wanted, &kept.observed, &Memory::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the name of Open vSwitch bridge mynet0 is used by another interface; rename the interface or the Open vSwitch bridge"
    );
}

#[test]
fn an_address_that_the_tables_do_not_have_is_not_lost_with_the_bridge() {
    let (network, mut model) = made(&default_plan());
    model.now.addresses.push((name("mynet0"), "192.0.2.1/24".parse().unwrap()));
    let wanted = named("mynet0", "bridge_ovs");
    let apart = replaced(&network, &wanted, &model.now, None).unwrap();
    let refused = resolve(&wanted, &apart.observed, &Memory::of(&network)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "eth0 has 192.0.2.1/24, which is not in the tables; add it to nicips.mynet0, because Open vSwitch bridge mynet0 takes over the addresses of eth0, or remove the address"
    );
}
