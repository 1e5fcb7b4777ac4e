//! Power cuts, and the first boot with new files. A boot is another id of the boot, and a kernel that has forgotten.

use std::fs;

use libtest_mimic::Trial;
use postscripts::steps::network::backend::HostBackend;
use postscripts::steps::network::guard::boot::{Verdict, confirm, recover};
use postscripts::steps::network::guard::{Guarded, StateDir, begin};

use crate::applier::{files, intent};
use crate::lab::{Lab, OLD, on};
use crate::test;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("boots::after_a_power_cut_in_a_change_the_old_files_boot", cut_in_a_change),
        test("boots::a_first_boot_with_an_answer_keeps_the_new_files", first_boot_is_good),
        test("boots::a_first_boot_in_silence_gets_the_old_files_back", first_boot_is_silent),
        test("boots::a_first_boot_that_was_cut_is_not_repeated", first_boot_is_cut),
        test("boots::later_boots_in_silence_change_nothing", later_boot_is_silent),
        test("boots::two_changes_before_a_boot_go_back_to_what_booted", two_changes),
    ]
}

/// That state_dir in the boot with that number.
fn boot(lab: &Lab, number: usize) -> StateDir {
    StateDir { boot: format!("boot-{number}"), ..lab.state_dir() }
}

/// Begins the change in the first boot and writes its files.
async fn change(lab: &Lab, kernel: &hostnet::Kernel) -> Guarded {
    let all = files(lab.files().parent().unwrap());
    let guarded = begin(&boot(lab, 1), &intent(kernel, &all).await).await.unwrap();
    guarded.write(&all).unwrap();
    guarded
}

fn confirmed(lab: &Lab) {
    on(&lab.host, async |kernel| change(lab, &kernel).await.confirm().unwrap());
}

fn recovered(lab: &Lab, number: usize) -> Vec<String> {
    on(&lab.host, async |_| recover(&boot(lab, number), &HostBackend::open().unwrap()).await.unwrap())
}

fn verdict(lab: &Lab, number: usize) -> Verdict {
    on(&lab.host, async |_| confirm(&boot(lab, number), &HostBackend::open().unwrap()).await.unwrap())
}

fn interfaces(lab: &Lab) -> String {
    fs::read_to_string(lab.files().join("interfaces")).unwrap()
}

fn assert_old(lab: &Lab) {
    assert_eq!(interfaces(lab), OLD);
    assert!(!lab.files().join("interfaces.d/mynet0").exists());
}

fn assert_new(lab: &Lab) {
    assert_eq!(interfaces(lab), "source interfaces.d/*\n");
    assert!(lab.files().join("interfaces.d/mynet0").exists());
}

/// Neither records nor second names.
fn assert_clean(lab: &Lab) {
    let state = fs::read_dir(lab.state_dir().state).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = state.map(|name| name.into_string().unwrap()).collect();
    names.extend(
        fs::read_dir(lab.files())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with('.')),
    );
    names.retain(|name| !["lock", "guard.sock", "xcat.log"].contains(&name.as_str()));
    assert_eq!(names, [""; 0]);
}

const MARKED: &str = "first boot with the new network; it is kept if the management node answers";

fn cut_in_a_change() {
    let lab = Lab::new();
    on(&lab.host, async |kernel| {
        let guarded = change(&lab, &kernel).await;
        // the guard is of a boot that is over: what it would do now, nobody does
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(lab.guard()), nix::sys::signal::Signal::SIGKILL)
            .unwrap();
        drop(guarded);
    });
    assert_new(&lab);
    assert_eq!(recovered(&lab, 2), ["a network change was interrupted; rolled back to the previous network"]);
    assert_old(&lab);
    assert_clean(&lab);
    assert_eq!(recovered(&lab, 3), [""; 0]);
}

fn first_boot_is_good() {
    let lab = Lab::new();
    confirmed(&lab);
    assert_eq!(verdict(&lab, 1), Verdict::NoTrial);
    assert_eq!(recovered(&lab, 1), [""; 0], "not a boot");
    assert_eq!(recovered(&lab, 2), [MARKED]);
    assert_eq!(recovered(&lab, 2), [""; 0], "the same boot");
    assert_eq!(verdict(&lab, 2), Verdict::Confirmed);
    assert_new(&lab);
    assert_clean(&lab);
    assert_eq!(recovered(&lab, 3), [""; 0]);
}

fn first_boot_is_silent() {
    let lab = Lab::new();
    confirmed(&lab);
    recovered(&lab, 2);
    lab.silence();
    let why = "the management node does not answer at 10.99.0.1:80";
    assert_eq!(verdict(&lab, 2), Verdict::RolledBack(why.to_owned()));
    assert_old(&lab);
    assert_clean(&lab);
    assert_eq!(recovered(&lab, 3), [""; 0]);
    assert_eq!(verdict(&lab, 3), Verdict::NoTrial, "not twice");
}

fn first_boot_is_cut() {
    let lab = Lab::new();
    confirmed(&lab);
    recovered(&lab, 2);
    assert_eq!(
        recovered(&lab, 3),
        [
            "the first boot with the new network was not confirmed; the files of the previous network are restored"
        ]
    );
    assert_old(&lab);
    assert_clean(&lab);
}

fn later_boot_is_silent() {
    let lab = Lab::new();
    confirmed(&lab);
    recovered(&lab, 2);
    assert_eq!(verdict(&lab, 2), Verdict::Confirmed);
    lab.silence();
    assert_eq!(recovered(&lab, 3), [""; 0]);
    assert_eq!(verdict(&lab, 3), Verdict::NoTrial);
    assert_new(&lab);
}

fn two_changes() {
    let lab = Lab::new();
    confirmed(&lab);
    on(&lab.host, async |kernel| {
        let path = lab.files().join("interfaces");
        let second = [postscripts::files::DesiredFile::text(&path, "second\n")];
        let guarded = begin(&boot(&lab, 1), &intent(&kernel, &second).await).await.unwrap();
        guarded.write(&second).unwrap();
        guarded.confirm().unwrap();
    });
    assert_eq!(interfaces(&lab), "second\n");
    assert_eq!(recovered(&lab, 2), [MARKED]);
    recovered(&lab, 3);
    assert_old(&lab);
    assert_clean(&lab);
}
