//! What is rendered, read by the managers' own parsers, as far as Debian has one that works without the daemon:
//! `netplan generate`, `ifquery` and `ifup --no-act`, `nmcli --offline`. networkd has none: its files are tried on booted hosts. Those of
//! network-scripts and wicked are in no Debian package.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod hosts;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hosts::{CASES, Etc, network};
use postscripts::steps::network::manager::Manager;

/// Runs a program of a package that must be there.
fn run(package: &str, command: &mut Command) -> Output {
    command.env("LC_ALL", "C").stdin(Stdio::null());
    let program = command.get_program().to_owned();
    command.output().unwrap_or_else(|error| {
        panic!("{}: {error}: install the package {package} (tests/prepare does)", program.display())
    })
}

/// It succeeded and had nothing to complain of.
fn accepted(case: &str, output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{case}: {}: {errors}", output.status);
}

/// The host of a case after a run.
fn host(manager: Manager, case: &str) -> Etc {
    let etc = if case == "dhcp" { Etc::with_dhcp(manager) } else { Etc::bare(manager) };
    etc.apply(&network(case));
    etc
}

/// The files of one directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn netplan_generates() {
    for case in CASES {
        let etc = host(Manager::Netplan, case);
        for file in files(&etc.root().join("etc/netplan")) {
            // as their owner would have them: netplan warns of anything else
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let generate =
            run("netplan.io", Command::new("netplan").args(["generate", "--root-dir"]).arg(etc.root()));
        accepted(case, &generate);
        let generated = etc.root().join("run/systemd/network");
        assert!(!files(&generated).is_empty(), "{case}: netplan generated nothing for networkd");
    }
}

#[test]
fn netplan_creates_the_desired_bridge() {
    let etc = host(Manager::Netplan, "bridge");
    accepted(
        "bridge",
        &run("netplan.io", Command::new("netplan").args(["generate", "--root-dir"]).arg(etc.root())),
    );
    let netdev = etc.text("run/systemd/network/10-netplan-mynet0.netdev");
    assert_eq!(
        netdev,
        "[NetDev]\nName=mynet0\nMACAddress=02:78:64:00:00:02\nKind=bridge\n\n[Bridge]\nForwardDelaySec=0\nSTP=false\n"
    );
}

#[test]
fn networkmanager_reads_every_profile() {
    for case in CASES {
        let etc = host(Manager::NetworkManager, case);
        for file in files(&etc.root().join("etc/NetworkManager/system-connections")) {
            let profile = fs::File::open(&file).unwrap();
            let mut command = Command::new("nmcli");
            command
                .args(["--offline", "connection", "modify", "connection.zone", ""])
                .env("LC_ALL", "C")
                .stdin(profile);
            let output = command.output().unwrap_or_else(|error| {
                panic!("nmcli: {error}: install the package network-manager (tests/prepare does)")
            });
            accepted(&format!("{case}: {}", file.display()), &output);
        }
    }
}

#[test]
fn ifupdown_reads_every_stanza() {
    for case in CASES {
        let etc = host(Manager::Ifupdown, case);
        let file = etc.root().join("etc/network/interfaces.d/xdock");
        let listed = run("ifupdown", Command::new("ifquery").args(["--list", "-a", "-i"]).arg(&file));
        accepted(case, &listed);
        // in their order: lower devices first
        let ours: Vec<String> = network(case).devices.iter().map(|device| device.name.to_string()).collect();
        let found = String::from_utf8(listed.stdout).unwrap();
        let found: Vec<&str> = found.lines().filter(|name| *name != "lo").collect();
        assert_eq!(found, ours, "{case}");
        for device in &network(case).devices {
            accepted(
                case,
                &run("ifupdown", Command::new("ifquery").arg("-i").arg(&file).arg(device.name.as_str())),
            );
        }
    }
}
