//! The move of a NIC into its bridge in a real kernel.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test")]

mod support;
mod wire;

use std::time::Duration;

use postscripts::steps::network::execute::apply;
use postscripts::steps::network::plan::{KernelStep, Step, plan};
use postscripts::steps::network::probe::{Neighbour, Probes};
use postscripts::steps::network::resolve::Memory;
use support::tables;
use wire::{Lab, MASTER, described};

#[test]
fn the_nic_moves_and_the_master_still_answers() {
    let lab = Lab::new();
    assert!(lab.answers());
    lab.apply(&lab.steps(&tables(&[])));
    assert_eq!(lab.steps(&tables(&[])), [], "a second run has nothing to do");
    assert!(lab.answers());
    let observed = lab.observe();
    let mac = |name: &str| observed.link(&name.parse().unwrap()).unwrap().mac;
    assert_eq!(mac("mynet0"), mac("eth0"));
}

#[test]
fn a_step_that_fails_is_named() {
    let lab = Lab::new();
    let mut steps = lab.steps(&tables(&[]));
    steps.push(Step::Kernel(KernelStep::SetUp("nosuch0".parse().unwrap())));
    let error = lab.with(async |backends| apply(backends, &steps, |_| {}).await.unwrap_err());
    assert_eq!(error.to_string(), "cannot set nosuch0 up");
}

#[test]
fn the_previous_network_is_restored_from_any_step() {
    let count = Lab::new().steps(&tables(&[])).len();
    for stopped_after in 0..=count {
        let lab = Lab::new();
        let before = described(&lab.observe());
        let steps = lab.steps(&tables(&[]));
        lab.apply(steps.iter().take(stopped_after).cloned().collect::<Vec<_>>().as_slice());
        // the whole rollback after any number of steps, also by a guard that is killed and starts again
        for _ in 0..2 {
            lab.roll_back(&steps);
            assert_eq!(described(&lab.observe()), before, "stopped after {stopped_after} steps");
        }
        assert!(lab.answers(), "stopped after {stopped_after} steps");
    }
}

#[test]
fn a_run_killed_after_any_step_is_completed_by_the_next() {
    let count = Lab::new().steps(&tables(&[])).len();
    for killed_after in 0..count {
        let lab = Lab::new();
        let steps = lab.steps(&tables(&[]));
        lab.apply(steps.iter().take(killed_after).cloned().collect::<Vec<_>>().as_slice());
        // the one window: the NIC is a port and has the address still
        let is_silent = matches!(
            steps.get(killed_after),
            Some(Step::Kernel(KernelStep::WaitOperational(_)) | Step::Kernel(KernelStep::DelAddress(..)))
        );
        let answers = if is_silent { lab.answers_within(Duration::from_secs(1)) } else { lab.answers() };
        assert_eq!(answers, !is_silent, "killed after {killed_after} steps");
        lab.apply(&lab.steps(&tables(&[])));
        assert_eq!(lab.steps(&tables(&[])), [], "killed after {killed_after} steps");
        assert!(lab.answers(), "killed after {killed_after} steps");
    }
}

#[test]
fn drift_of_any_sort_is_repaired() {
    let address = ["address", "add", "10.99.0.11/16", "dev", "eth0"];
    let drifts: [&[&[&str]]; 7] = [
        &[&["link", "delete", "mynet0"], &address],
        &[&["address", "delete", "10.99.0.11/16", "dev", "mynet0"]],
        &[&["address", "delete", "10.99.0.11/16", "dev", "mynet0"], &address],
        &[&["link", "set", "eth0", "nomaster"]],
        &[&["link", "set", "mynet0", "type", "bridge", "stp_state", "1", "forward_delay", "1500"]],
        &[&["link", "set", "mynet0", "down"]],
        &[&["route", "delete", "default"]],
    ];
    for drift in drifts {
        let lab = Lab::new();
        lab.apply(&lab.steps(&tables(&[])));
        drift.iter().for_each(|words| lab.ip(words));
        // what an earlier run has saved
        let ports = [("mynet0".parse().unwrap(), "eth0".parse().unwrap())].into();
        let network = lab.network(&tables(&[]), &Memory { ports, ..Memory::default() });
        let steps = plan(&network, &lab.observe());
        assert_ne!(steps, [], "{drift:?}");
        lab.apply(&steps);
        assert_eq!(plan(&network, &lab.observe()), [], "{drift:?}");
        assert!(lab.answers(), "{drift:?}");
    }
}

#[test]
fn two_bridges_come_and_go_from_any_step() {
    let two = || {
        tables(&[
            ("NICTYPES", "br98!bridge,mynet0!bridge"),
            ("NICDEVICES", "br98!eth1,mynet0!eth0"),
            ("NICNETWORKS", "br98!net98,mynet0!mynet0"),
            ("NICEXTRAPARAMS", "mynet0!MTU=9000"),
        ])
    };
    let lab = Lab::new();
    lab.ip(&["link", "add", "eth1", "type", "veth", "peer", "name", "far1"]);
    lab.ip(&["address", "add", "2001:db8::11/64", "dev", "eth0", "nodad"]);
    lab.ip(&["route", "add", "10.50.0.0/16", "via", "10.99.0.2", "metric", "5"]);
    let before = described(&lab.observe());
    let steps = lab.steps(&two());
    for stopped_after in 0..=steps.len() {
        lab.apply(steps.iter().take(stopped_after).cloned().collect::<Vec<_>>().as_slice());
        if stopped_after == steps.len() {
            assert_eq!(lab.steps(&two()), []);
        }
        for _ in 0..2 {
            lab.roll_back(&steps);
            assert_eq!(described(&lab.observe()), before, "stopped after {stopped_after} steps");
        }
        assert!(lab.answers(), "stopped after {stopped_after} steps");
    }
}

#[test]
fn probes_go_through_the_new_network() {
    let lab = Lab::new();
    lab.apply(&lab.steps(&tables(&[])));
    let network = lab.network(&tables(&[]), &Memory::default());
    let probes = Probes::of(&tables(&[]), &network, MASTER.parse().unwrap());
    let neighbour = Neighbour {
        who: "the management node".to_owned(),
        address: "10.99.0.1".parse().unwrap(),
        device: "mynet0".parse().unwrap(),
    };
    assert_eq!(
        probes,
        Probes { master: MASTER.parse().unwrap(), neighbours: vec![neighbour.clone()], knock: None }
    );
    let patience = Duration::from_secs(60);
    lab.with(async |_| probes.answer(patience).await.unwrap());
    let who = "the gateway".to_owned();
    let gateway = Neighbour { who, address: "10.99.0.254".parse().unwrap(), ..neighbour };
    let wrong = Probes { neighbours: vec![gateway], ..probes.clone() };
    let error = lab.with(async |_| wrong.answer(Duration::from_secs(1)).await.unwrap_err());
    assert_eq!(error.to_string(), "the gateway 10.99.0.254 does not answer ARP on mynet0");
    let unanswered = Probes { master: "10.99.0.1:81".parse().unwrap(), ..probes };
    let error = lab.with(async |_| unanswered.answer(Duration::from_secs(1)).await.unwrap_err());
    assert_eq!(error.to_string(), "the management node does not answer at 10.99.0.1:81");
}

#[test]
fn a_gateway_that_is_silent_before_is_not_asked_for_afterwards() {
    let lab = Lab::new();
    lab.ip(&["route", "replace", "default", "via", "10.99.0.254"]);
    let neighbour = |address: &str| Neighbour {
        who: "the gateway".to_owned(),
        address: address.parse().unwrap(),
        device: "mynet0".parse().unwrap(),
    };
    let neighbours = vec![neighbour("10.99.0.254"), neighbour("10.99.0.253")];
    let probes = Probes { master: MASTER.parse().unwrap(), neighbours, knock: None };
    let observed = lab.observe();
    let left = lab.with(async |_| probes.without_unreachable(&observed).await);
    assert_eq!(left.neighbours, [neighbour("10.99.0.253")]);
}
