//! The program as it is run on a node: what it prints, its exit status, and that it needs nothing around it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_xdockhost");

fn ran(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn run(words: &[&str]) -> (i32, String, String) {
    ran(Command::new(PROGRAM).args(words).env_clear().output().unwrap())
}

#[test]
fn wrong_usage_is_status_2() {
    let (code, stdout, stderr) = run(&["nettwork"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    let text = "[E]:Error: xdock: usage: unknown step \"nettwork\"; steps are all, docker, network, netd and status\n";
    assert_eq!(stderr, text);
    assert_eq!(run(&["--nosuch"]).0, 2);
}

#[test]
fn outside_of_xcat_the_missing_variable_is_named() {
    let (code, stdout, stderr) = run(&["network", "--dry-run"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert_eq!(
        stderr,
        "[E]:Error: xdock: network: NODE is not set; run this through xCAT, which exports it: updatenode NODE -P xdock\n"
    );
}

/// chroot needs root, as the program itself does.
#[test]
fn it_runs_in_an_empty_root() {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root (chroot); run the tests as root");
    let root = tempfile::tempdir().unwrap();
    // by a program of its own: a child that another test's thread starts meanwhile would inherit the open file ("text file busy")
    assert!(Command::new("cp").arg(PROGRAM).arg(root.path().join("xdockhost")).status().unwrap().success());
    fs::set_permissions(root.path().join("xdockhost"), fs::Permissions::from_mode(0o755)).unwrap();
    let inside = |word: &str| {
        let mut command = Command::new("chroot");
        ran(command
            .arg(root.path())
            .args(["/xdockhost", word])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin")
            .output()
            .unwrap())
    };
    let version = format!("xdockhost {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(inside("--version"), (0, version, String::new()));
    let (code, stdout, _) = inside("--help");
    assert_eq!(code, 0);
    assert!(stdout.starts_with("Configure this machine as a docker host\n\nUsage: xdockhost"), "{stdout}");
    let (code, _, stderr) = inside("docker");
    assert_eq!(code, 1);
    assert!(stderr.starts_with("[E]:Error: xdock: docker: NODE is not set; "), "{stderr}");
}
