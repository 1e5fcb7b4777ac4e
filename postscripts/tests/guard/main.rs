//! Commit-confirm with the real kernel, real processes and real disks: whoever dies, the network is the old one or the new
//! one.
//!
//! Not the usual test harness: this program is also the run that dies, see `applier`, and it has a mount namespace of
//! its own, for small disks that fill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test"
)]

mod applier;
mod boots;
mod disks;
mod kills;
mod lab;

use libtest_mimic::{Arguments, Trial};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).map(String::as_str) == Some(applier::WORD) {
        applier::main(&words[2..]);
        return;
    }
    let arguments = Arguments::from_args();
    assert!(nix::unistd::geteuid().is_root(), "these tests need root (namespaces); run the tests as root");
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    let tests: Vec<Trial> = [kills::tests(), disks::tests(), boots::tests()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, tests).exit();
}

/// A test of that name.
pub(crate) fn test(name: &str, run: fn()) -> Trial {
    Trial::test(name, move || {
        run();
        Ok(())
    })
}
