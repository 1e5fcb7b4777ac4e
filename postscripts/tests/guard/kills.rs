//! Each process may be killed at any point.

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::applier::parts;
use crate::lab::{Lab, until};
use crate::test;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("kills::a_run_killed_at_any_point_is_taken_back_by_the_guard", run_killed),
        test("kills::a_run_that_hangs_is_ended_and_taken_back", run_hangs),
        test("kills::a_run_whose_guard_is_killed_takes_itself_back", guard_killed),
        test("kills::a_guard_that_is_started_again_takes_back", both_killed_and_restarted),
        test("kills::the_next_run_takes_back_what_two_dead_left", both_killed),
        test("kills::a_run_past_its_limit_takes_itself_back", run_late),
        test("kills::a_confirmed_change_stays", confirmed),
    ]
}

fn signal(process: i32, signal: Signal) {
    kill(Pid::from_raw(process), signal).unwrap();
}

fn assert_old(lab: &Lab, before: &str, when: &str) {
    lab.until_settled();
    assert_eq!(lab.all(), before, "{when}\n{}", lab.log());
    assert!(lab.answers(), "{when}");
}

fn run_killed() {
    for after in 1..=parts() {
        let lab = Lab::new();
        let before = lab.all();
        assert!(!lab.applier("die", after).ended());
        assert_old(&lab, &before, &format!("killed after part {after}"));
        let log = lab.log();
        assert!(log.contains("[info]: xcat.xdock: xdock: network: the run that changed the network ended before it confirmed; rolling back\n"), "{log}");
        until("the guard has logged", || {
            lab.log().contains("xdock: network: rolled back to the previous network\n").then_some(())
        });
    }
}

fn run_hangs() {
    let lab = Lab::new();
    let before = lab.all();
    assert!(!lab.applier("hang", 5).ended(), "the guard kills it");
    assert_old(&lab, &before, "hanging");
    assert!(lab.log().contains("the change was not confirmed within 5 s; rolling back\n"), "{}", lab.log());
}

fn guard_killed() {
    for after in [1, 4, parts()] {
        let lab = Lab::new();
        let before = lab.all();
        let mut run = lab.applier("wait", after);
        assert_eq!(run.line(), "waits");
        signal(lab.guard(), Signal::SIGKILL);
        assert_eq!(run.line(), "the guard process ended; rolled back to the previous network");
        assert_old(&lab, &before, &format!("the guard killed after part {after}"));
    }
}

/// The run stands still after a part of its work, then its guard and it are killed.
fn kill_both(lab: &Lab) {
    let mut run = lab.applier("wait", 5);
    assert_eq!(run.line(), "waits");
    assert!(lab.all().contains("eth0 up with MTU 1500, a port of mynet0"));
    signal(run.process(), Signal::SIGSTOP);
    signal(lab.guard(), Signal::SIGKILL);
    signal(run.process(), Signal::SIGKILL);
    run.ended();
    assert!(lab.state_dir().change().exists(), "nobody took it back");
}

fn both_killed_and_restarted() {
    let lab = Lab::new();
    let before = lab.all();
    kill_both(&lab);
    lab.xdockhost("guard");
    assert_old(&lab, &before, "the guard started again");
    assert!(lab.log().contains("a change is pending, but no run is active; rolling back\n"), "{}", lab.log());
}

fn both_killed() {
    let lab = Lab::new();
    let before = lab.all();
    kill_both(&lab);
    let message = lab.xdockhost("recover");
    assert_eq!(
        message,
        "xdock: network: a network change was interrupted; rolled back to the previous network\n"
    );
    assert_old(&lab, &before, "recovered");
}

fn run_late() {
    let lab = Lab::new();
    let before = lab.all();
    let mut run = lab.applier("late", 5);
    assert_eq!(run.line(), "waits");
    assert_eq!(run.line(), "the change took longer than 5 s; rolled back to the previous network");
    assert_old(&lab, &before, "late");
}

fn confirmed() {
    let lab = Lab::new();
    let before = lab.all();
    assert_eq!(lab.applier("none", 0).line(), "confirmed");
    let after = lab.all();
    assert_ne!(after, before);
    assert!(after.contains("10.99.0.11/16 on mynet0"), "{after}");
    assert!(lab.answers());
    assert!(!lab.state_dir().change().exists());
}
