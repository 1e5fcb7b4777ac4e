//! The engine's configuration on a host whose engine runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::host::Host;
use crate::management::ManagementNode;

/// dockerd 27: it judges a file.
const DOCKERD: &str = "grep -q nosuch \"$3\" && { echo 'unknown key nosuch' >&2; exit 1; }; exit 0";

/// A Debian with a running engine of its own packages and somebody's configuration.
fn host(configuration: &str) -> (Host, ManagementNode) {
    let host = Host::of("debian-12").with_apt().script("dockerd", DOCKERD);
    let installed = "Package: docker.io\nStatus: install ok installed\n\nPackage: iptables\nStatus: install ok installed\n";
    host.write("/var/lib/dpkg/status", installed);
    host.write("/active", "");
    host.write("/etc/docker/daemon.json", configuration);
    (host, ManagementNode::serving(&[("/install/xdock/registry/ca.crt", "-----BEGIN CERTIFICATE-----\nx\n")]))
}

#[test]
fn containers_are_held_before_the_engine_starts_anew() {
    let (host, mn) = host("{\n    \"debug\": true,\n    \"zeta\": [ 1,2 ]\n}\n");
    fs::set_permissions(host.path("/etc/docker/daemon.json"), fs::Permissions::from_mode(0o600)).unwrap();
    let ran = host.run(&mn, &[]);
    let keys = "bip, default-address-pools, live-restore, log-driver, log-opts";
    let text = format!("restarted docker 27.5.1 with its new configuration ({keys}); containers went on");
    assert_eq!((ran.code, ran.stdout), (0, format!("xdock: docker: {text}\n")));
    let wanted = [
        "dockerd --validate --config-file /run/xdock/daemon.json",
        "systemctl reload docker.service",
        "systemctl reset-failed docker.service",
        "systemctl restart docker.service",
    ];
    assert_eq!(host.called(&mn), wanted);
    let file = host.read("/etc/docker/daemon.json");
    assert!(
        file.starts_with("{\n  \"debug\": true,\n  \"zeta\": [ 1,2 ],\n  \"live-restore\": true,\n"),
        "{file}"
    );
    let mode = fs::metadata(host.path("/etc/docker/daemon.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(host.run(&mn, &[]).stdout, "xdock: docker: nothing to do\n");
}

#[test]
fn a_registry_needs_no_restart() {
    let (host, mn) = host("{}");
    assert_eq!(host.run(&mn, &[]).code, 0);
    host.called(&mn);
    let ran = host.run(&mn, &["registry=mn:5000"]);
    assert_eq!(ran.stdout, "xdock: docker: docker 27.5.1 took its new configuration (registry-mirrors)\n");
    let wanted =
        ["dockerd --validate --config-file /run/xdock/daemon.json", "systemctl reload docker.service"];
    assert_eq!(host.called(&mn), wanted);
    assert_eq!(host.read("/etc/docker/certs.d/mn:5000/ca.crt"), "-----BEGIN CERTIFICATE-----\nx\n");
}

#[test]
fn an_engine_that_does_not_hold_its_containers_is_not_restarted() {
    let (host, mn) = host("{}");
    // it never takes it; the time that it is given is the product's
    host.write("/live-restore", "false 3\n");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: the engine did not take live-restore within 30 s, so it was not restarted; see journalctl -u docker\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert!(!host.called(&mn).iter().any(|call| call.contains("restart")));
    // the next run goes on where this one ended
    host.write("/live-restore", "true 3\n");
    let ran = host.run(&mn, &[]);
    assert_eq!(
        ran.stdout,
        "xdock: docker: restarted docker 27.5.1 with its new configuration; containers went on\n"
    );
}

#[test]
fn what_the_engine_refuses_is_not_written() {
    let (host, mn) = host("{\"nosuch\": 1}");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: the engine refuses the new /etc/docker/daemon.json; nothing was changed: /usr/bin/dockerd --validate --config-file /run/xdock/daemon.json ended with exit status: 1: unknown key nosuch\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert_eq!(host.read("/etc/docker/daemon.json"), "{\"nosuch\": 1}");
}

#[test]
fn an_engine_that_does_not_start_goes_back() {
    let (host, mn) = host("{\"debug\": true}");
    let failing = "case $1 in show) printf 'MainPID=0\\nActiveState=active\\nUnitFileState=enabled\\n' ;;\n\
        restart) grep -q bip /etc/docker/daemon.json && { echo no >&2; exit 1; } ;; esac; exit 0";
    let host = host.script("systemctl", failing);
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: the engine does not start with the new /etc/docker/daemon.json; the old one is back; see journalctl -u docker: systemctl restart docker.service ended with exit status: 1: no\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    let back = "{\n  \"debug\": true,\n  \"live-restore\": true\n}\n";
    assert_eq!(host.read("/etc/docker/daemon.json"), back);
}

#[test]
fn files_that_can_not_be_read_and_keys_of_others_change_nothing() {
    for (present, error) in [
        (
            "{\n  \"a\": 1\n  \"b\": 2\n}\n",
            "/etc/docker/daemon.json is no JSON; nothing was changed: correct it: expected `,` or `}` at line 3 column 3",
        ),
        (
            "{\"bip\": \"10.99.5.1/24\"}",
            "/etc/docker/daemon.json: bip is \"10.99.5.1/24\", which overlaps the cluster's 10.99.0.0/16 and has to be \"172.17.0.1/16\": take the key out of it, or say override=bip; nothing was changed",
        ),
    ] {
        let (host, mn) = host(present);
        let ran = host.run(&mn, &[]);
        assert_eq!((ran.code, ran.stderr), (1, format!("[E]:Error: xdock: docker: {error}\n")));
        assert_eq!(host.read("/etc/docker/daemon.json"), present);
        assert_eq!(host.called(&mn), Vec::<String>::new());
        assert!(!host.path("/etc/modules-load.d").exists());
    }
}

#[test]
fn an_engine_of_a_swarm_or_with_containers_elsewhere_is_left_alone() {
    let (host, mn) = host("{\"data-root\": \"/old\"}");
    host.write("/old/swarm/docker-state.json", "{}");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: this engine is in a swarm, which excludes live-restore: its containers would end whenever it restarts; leave it: docker swarm leave\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    fs::remove_dir_all(host.path("/old/swarm")).unwrap();
    host.write("/old/containers/0123/config.v2.json", "{}");
    let ran = host.run(&mn, &["data-root=/new", "override=data-root"]);
    let text = "[E]:Error: xdock: docker: the engine has containers in /old, and would not know them in /new; remove them, or: systemctl stop docker.socket docker, end the containers, mv /old /new, and run this again\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
}

#[test]
fn a_dry_run_prints_the_difference_and_changes_nothing() {
    let (host, mn) = host("{\n  \"debug\": true\n}\n");
    let ran = host.run(&mn, &["--dry-run", "packages=docker.io"]);
    let difference = "xdock: docker: would write /etc/docker/daemon.json\n--- /etc/docker/daemon.json\n+++ /etc/docker/daemon.json\n@@ -1,3 +1,8 @@\n {\n-  \"debug\": true\n+  \"debug\": true,\n+  \"live-restore\": true,\n";
    assert!(ran.stdout.contains(difference), "{}", ran.stdout);
    let steps = "xdock: docker: would reload docker.service\nxdock: docker: would restart docker.service; containers go on\n";
    assert!(ran.stdout.starts_with(steps), "{}", ran.stdout);
    assert_eq!(host.read("/etc/docker/daemon.json"), "{\n  \"debug\": true\n}\n");
    assert_eq!(host.called(&mn), Vec::<String>::new());
}
