//! The move of a NIC into an Open vSwitch bridge: a real switch in user space, of the test's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test")]

mod support;
#[path = "../../crates/hostnet/tests/switch/mod.rs"]
mod switch;
mod wire;

use std::path::Path;
use std::time::{Duration, Instant};

use hostnet::HostIpFilter;
use inventory::HostPlan;
use postscripts::steps::network::host_state::HostPaths;
use postscripts::steps::network::plan::{Step, plan};
use postscripts::steps::network::resolve::Memory;
use postscripts::steps::network::resolved::ResolvedNetwork;
use postscripts::steps::network::restore::restore;
use postscripts::steps::network::saved;
use support::{MOVE_INTO_SWITCH, named};
use switch::Daemons;
use wire::{Lab, described, on};

/// The host's network on Open vSwitch.
fn host() -> HostPlan {
    named("mynet0", "bridge_ovs")
}

fn ready() -> (Daemons, Lab) {
    let lab = Lab::new();
    let daemons = lab.host.run(Daemons::start).unwrap();
    let lab = lab.with_switch(&daemons.remote());
    (daemons, lab)
}

#[test]
fn the_nic_moves_into_the_switch_and_the_master_still_answers() {
    let (daemons, lab) = ready();
    let steps = lab.steps(&host());
    let words: Vec<String> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(words, MOVE_INTO_SWITCH);
    let (deafen, before) = steps.split_last().unwrap();
    lab.apply(before);
    assert_eq!(lab.answers_to_a_ping(), 2, "the kernel hears what the switch hears");
    lab.apply(std::slice::from_ref(deafen));
    // the kernel goes by the larger of this one and the NIC's
    for all in ["0", "1", "2"] {
        lab.host.run(|| std::fs::write("/proc/sys/net/ipv4/conf/all/rp_filter", all).unwrap()).unwrap();
        assert_eq!(lab.answers_to_a_ping(), 1, "rp_filter of all interfaces is {all}");
    }
    assert_eq!(lab.steps(&host()), [], "a second run has nothing to do");
    assert!(lab.answers());
    let observed = lab.observe();
    let mac = |name: &str| observed.link(&name.parse().unwrap()).unwrap().mac;
    assert_eq!(mac("mynet0"), mac("eth0"));
    assert_eq!(daemons.vsctl("list-ports mynet0"), "eth0");
}

#[test]
fn the_previous_network_is_restored_from_any_step() {
    let (_daemons, lab) = ready();
    let before = described(&lab.observe());
    let steps = lab.steps(&host());
    for stopped_after in 0..=steps.len() {
        lab.apply(steps.iter().take(stopped_after).cloned().collect::<Vec<_>>().as_slice());
        for _ in 0..2 {
            lab.roll_back(&steps);
            assert_eq!(described(&lab.observe()), before, "stopped after {stopped_after} steps");
        }
        assert!(lab.answers(), "stopped after {stopped_after} steps");
    }
}

#[test]
fn a_run_killed_after_any_step_is_completed_by_the_next() {
    let (_daemons, lab) = ready();
    let steps = lab.steps(&host());
    for killed_after in 0..steps.len() {
        lab.apply(steps.iter().take(killed_after).cloned().collect::<Vec<_>>().as_slice());
        lab.apply(&lab.steps(&host()));
        assert_eq!(lab.steps(&host()), [], "killed after {killed_after} steps");
        assert!(lab.answers(), "killed after {killed_after} steps");
        lab.roll_back(&steps);
    }
}

#[test]
fn drift_of_any_sort_is_repaired() {
    let (daemons, lab) = ready();
    lab.apply(&lab.steps(&host()));
    let check = |what: &str| {
        let steps = lab.steps(&host());
        assert_ne!(steps, Vec::<Step>::new(), "{what}");
        lab.apply(&steps);
        assert_eq!(lab.steps(&host()), [], "{what}");
        assert!(lab.answers(), "{what}");
    };
    for vsctl in [
        "del-port mynet0 eth0",
        "set port mynet0 tag=7",
        "set bridge mynet0 stp_enable=true",
        "del-br mynet0",
    ] {
        daemons.vsctl(vsctl);
        if vsctl == "del-br mynet0" {
            lab.ip(&["address", "add", "10.99.0.11/16", "dev", "eth0"]);
        }
        check(vsctl);
    }
    lab.ip(&["address", "delete", "10.99.0.11/16", "dev", "mynet0"]);
    check("address");
    lab.ip(&["link", "set", "mynet0", "down"]);
    check("down");
    lab.with(async |backends| {
        backends
            .kernel()
            .set_host_ip_filter(&"eth0".parse().unwrap(), HostIpFilter::KERNEL_DEFAULT)
            .await
            .unwrap();
    });
    check("hearing");
}

fn restored(lab: &Lab, daemons: &Daemons, state: &Path) -> Option<String> {
    let host = HostPaths { root: "/".into(), state: state.to_owned() };
    on(&lab.host, async |_| restore(&host, &daemons.remote(), Duration::ZERO).await.unwrap())
}

fn saved(lab: &Lab) -> (tempfile::TempDir, ResolvedNetwork) {
    let state = tempfile::tempdir().unwrap();
    let network = lab.network(&host(), &Memory::default());
    lab.apply(&plan(&network, &lab.observe()));
    for file in saved::desired_files(state.path(), &network, vec![]).unwrap() {
        file.write().unwrap();
    }
    (state, network)
}

/// Whether the host's device on the switch is there.
fn is_there(lab: &Lab) -> bool {
    lab.observe().link(&"mynet0".parse().unwrap()).is_some()
}

#[test]
fn the_network_is_restored_after_the_switch_was_restarted() {
    let (mut daemons, lab) = ready();
    let (state, network) = saved(&lab);
    assert_eq!(restored(&lab, &daemons, state.path()), None);
    // so it takes its devices with it (ovs-vswitchd(8))
    daemons.appctl("exit --cleanup");
    let end = Instant::now() + Duration::from_secs(60);
    while is_there(&lab) {
        assert!(Instant::now() < end, "mynet0 never goes");
        std::thread::sleep(Duration::from_millis(5));
    }
    daemons.kill_vswitchd();
    lab.host.run(|| daemons.start_vswitchd()).unwrap();
    let done = restored(&lab, &daemons, state.path()).unwrap();
    assert!(done.contains("add 10.99.0.11/16 to mynet0"), "{done}");
    assert_eq!(plan(&network, &lab.observe()), []);
    assert!(lab.answers());
}

#[test]
fn a_switch_that_was_killed_leaves_its_devices_and_finds_them_again() {
    let (mut daemons, lab) = ready();
    let (state, network) = saved(&lab);
    daemons.kill_vswitchd();
    assert!(is_there(&lab));
    lab.host.run(|| daemons.start_vswitchd()).unwrap();
    restored(&lab, &daemons, state.path());
    assert_eq!(plan(&network, &lab.observe()), []);
    // it serves again when it has looked at its database
    daemons.vsctl("set bridge mynet0 external_ids:test=1");
    assert!(lab.answers());
}

#[test]
fn the_network_is_restored_when_the_database_was_deleted_and_the_switch_starts_late() {
    let (mut daemons, lab) = ready();
    let (state, network) = saved(&lab);
    daemons.kill_vswitchd();
    daemons.kill_server();
    daemons.create_database();
    let remote = daemons.remote();
    std::thread::scope(|scope| {
        let early = scope.spawn(|| {
            let host = HostPaths { root: "/".into(), state: state.path().to_owned() };
            on(&lab.host, async |_| restore(&host, &remote, Duration::ZERO).await)
        });
        lab.host
            .run(|| {
                daemons.start_server();
                daemons.vsctl("--no-wait init");
                daemons.start_vswitchd();
            })
            .unwrap();
        let done = early.join().unwrap().unwrap().unwrap();
        assert!(done.starts_with("add Open vSwitch bridge mynet0 with port eth0"), "{done}");
    });
    assert_eq!(plan(&network, &lab.observe()), []);
    assert!(lab.answers());
}
