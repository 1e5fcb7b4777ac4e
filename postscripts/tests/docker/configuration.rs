//! The engine's configuration on a host whose engine runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::host::Host;
use crate::management::ManagementNode;

/// dockerd 27: it judges a file.
const DOCKERD: &str = "grep -q nosuch \"$3\" && { echo 'unknown key nosuch' >&2; exit 1; }; exit 0";

/// A Debian with a running engine from its own packages and an administrator's configuration.
fn host(configuration: &str) -> (Host, ManagementNode) {
    let host = Host::of("debian-12").with_apt().script("dockerd", DOCKERD);
    let installed = "Package: docker.io\nStatus: install ok installed\n\nPackage: iptables\nStatus: install ok installed\n";
    host.write("/var/lib/dpkg/status", installed);
    host.write("/active", "");
    host.write("/etc/docker/daemon.json", configuration);
    (host, ManagementNode::serving(&[("/install/xdock/registry/ca.crt", "-----BEGIN CERTIFICATE-----\nx\n")]))
}

#[test]
fn live_restore_is_in_effect_before_the_engine_restarts() {
    let (host, mn) = host("{\n    \"debug\": true,\n    \"zeta\": [ 1,2 ]\n}\n");
    fs::set_permissions(host.path("/etc/docker/daemon.json"), fs::Permissions::from_mode(0o600)).unwrap();
    let ran = host.run(&mn, &[]);
    let keys = "bip, default-address-pools, live-restore, log-driver, log-opts";
    let text =
        format!("restarted docker 27.5.1 with its new configuration ({keys}); containers kept running");
    assert_eq!((ran.code, ran.stdout), (0, format!("xdock: docker: {text}\n")));
    let wanted = [
        "systemctl daemon-reload",
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
    let backups = backups(&host);
    let [(name, text)] = backups.as_slice() else { panic!("{backups:?}") };
    let stamp = name.strip_prefix("daemon.json.xdock-").unwrap();
    assert_eq!((stamp.len(), stamp.find('-')), ("20261129-101500".len(), Some(8)), "{name}");
    assert_eq!(text, "{\n    \"debug\": true,\n    \"zeta\": [ 1,2 ]\n}\n");
}

/// What lies beside the engine's configuration: names and texts.
fn backups(host: &Host) -> Vec<(String, String)> {
    let entries = durable::list(&host.path("/etc/docker")).unwrap().unwrap_or_default();
    let named = entries.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named
        .filter(|(name, _)| name.contains(".xdock-"))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn a_registry_needs_no_restart() {
    let (host, mn) = host("{}");
    assert_eq!(host.run(&mn, &[]).code, 0);
    host.called(&mn);
    let ran = host.run(&mn, &["registry=mn:5000"]);
    assert_eq!(
        ran.stdout,
        "xdock: docker: docker 27.5.1 reloaded its new configuration (registry-mirrors)\n"
    );
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
    let text = "[E]:Error: xdock: docker: live-restore was not in effect after 30 s, so the engine was not restarted; see journalctl -u docker\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert!(!host.called(&mn).iter().any(|call| call.contains("restart")));
    // the next run goes on where this one ended
    host.write("/live-restore", "true 3\n");
    let ran = host.run(&mn, &[]);
    assert_eq!(
        ran.stdout,
        "xdock: docker: restarted docker 27.5.1 with its new configuration; containers kept running\n"
    );
}

#[test]
fn what_the_engine_refuses_is_not_written() {
    let (host, mn) = host("{\"nosuch\": 1}");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: the engine refuses the new /etc/docker/daemon.json; nothing was changed: dockerd: unknown key nosuch\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert_eq!(host.read("/etc/docker/daemon.json"), "{\"nosuch\": 1}");
}

#[test]
fn an_engine_that_does_not_start_is_rolled_back() {
    let (host, mn) = host("{\"debug\": true}");
    let failing = "case $1 in show) printf 'ActiveState=active\\nUnitFileState=enabled\\n' ;;\n\
        restart) grep -q bip /etc/docker/daemon.json && { echo no >&2; exit 1; } ;; esac; exit 0";
    let host = host.script("systemctl", failing).script("journalctl", "cat /journal");
    host.write("/journal", "Starting docker.service - Docker...\ntime=\"x\" level=info msg=\"Starting up\"\nfailed to start daemon: no room for bip\ndocker.service: Failed with result 'exit-code'.\n");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: the engine does not start with the new /etc/docker/daemon.json; the previous one is restored; journalctl -u docker: failed to start daemon: no room for bip: systemctl: no\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    let back = "{\n  \"debug\": true,\n  \"live-restore\": true\n}\n";
    assert_eq!(host.read("/etc/docker/daemon.json"), back);
}

#[test]
fn settings_of_the_unit_are_not_repeated_and_duplicates_are_reported() {
    let unit = "ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS ; ignore_errors=no ; pid=0 }\nEnvironmentFiles=/etc/engine.env (ignore_errors=yes)\n";
    let (host, mn) = host("{\"hosts\": [\"unix:///var/run/docker.sock\"]}");
    host.write("/unit", unit);
    host.write("/etc/engine.env", "DOCKER_OPTS='--live-restore --log-driver=journald'\n");
    // no file of this unit
    host.write("/etc/default/docker", "DOCKER_OPTS=--bip=10.1.2.3/24\n");
    let ran = host.run(&mn, &["--dry-run"]);
    let text = "[E]:Error: xdock: docker: /etc/docker/daemon.json and the command line of docker.service both set hosts, so the engine would not start; nothing was changed. Remove it from one of them (systemctl cat docker.service)\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert_eq!(host.run(&mn, &[]).stderr, text);
    assert_eq!(host.called(&mn), Vec::<String>::new());
    host.write("/etc/docker/daemon.json", "{}");
    let ran = host.run(&mn, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("with its new configuration (bip, default-address-pools);"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_service_that_does_not_start_is_reported_with_its_log() {
    let (host, mn) = host("{}");
    assert_eq!(host.run(&mn, &[]).code, 0);
    fs::remove_file(host.path("/active")).unwrap();
    let failing =
        "case $1 in show) printf 'ActiveState=failed\\nUnitFileState=enabled\\n' ;; start) exit 1 ;; esac";
    let host = host
        .script("systemctl", failing)
        .script("journalctl", "echo 'failed to load listeners: no sockets found'");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: cannot start docker.service; journalctl -u docker: failed to load listeners: no sockets found: systemctl ended with exit status: 1\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
}

#[test]
fn unreadable_files_and_foreign_keys_change_nothing() {
    for (present, error) in [
        (
            "{\n  \"a\": 1\n  \"b\": 2\n}\n",
            "/etc/docker/daemon.json is not JSON; nothing was changed; correct it: expected `,` or `}` at line 3 column 3",
        ),
        (
            "{\"bip\": \"10.99.5.1/24\"}",
            "/etc/docker/daemon.json: bip is \"10.99.5.1/24\", which overlaps the cluster's 10.99.0.0/16, but must be \"172.17.0.1/16\"; remove the key, or use override=bip; nothing was changed",
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
fn an_engine_of_a_swarm_is_left_alone() {
    let (host, mn) = host("{\"data-root\": \"/old\"}");
    host.write("/old/swarm/docker-state.json", "{}");
    host.write("/roots", "/old\toverlay2\n");
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: this engine is in a swarm, which excludes live-restore: its containers would stop at each restart; leave the swarm: docker swarm leave\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
}

#[test]
fn a_data_root_is_not_moved_away_from_under_containers() {
    let (host, mn) = host("{\"data-root\": \"/old\"}");
    host.write("/old/containers/0123/config.v2.json", "{}");
    host.write("/old/image/overlay2/imagedb/content/sha256/ab", "{}");
    host.write("/roots", "/old\toverlay2\n");
    let ran = host.run(&mn, &["data-root=/new", "override=data-root"]);
    let text = "[E]:Error: xdock: docker: the engine has 1 container, 1 image in /old, and would not find them with data-root /new instead of /old; nothing was changed. Move them: systemctl stop docker.socket docker, stop the remaining containers, mv /old /new, then run this again. To abandon them: override=abandon\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert_eq!(host.read("/etc/docker/daemon.json"), "{\"data-root\": \"/old\"}");
    // the administrator's own edit, or a lost file, moves it as well: the engine would only find it out at our restart
    fs::remove_file(host.path("/etc/docker/daemon.json")).unwrap();
    let ran = host.run(&mn, &[]);
    let other = text
        .replace("data-root /new", "data-root /var/lib/docker")
        .replace("mv /old /new", "mv /old /var/lib/docker");
    assert_eq!((ran.code, ran.stderr), (1, other));
    assert!(!host.path("/etc/docker/daemon.json").exists());
    assert_eq!(host.called(&mn), Vec::<String>::new());
    // as the messages say
    host.write("/etc/docker/daemon.json", "{\"data-root\": \"/old\"}");
    let ran = host.run(&mn, &["data-root=/new", "override=data-root:abandon"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(host.read("/etc/docker/daemon.json").contains("\"data-root\": \"/new\""));
}

#[test]
fn unreadable_files_are_reported_and_nothing_is_changed() {
    const PATH: &str = "/etc/docker/daemon.json";
    let not_text = |path: &Path| fs::write(path, b"{\"data-root\": \"/srv/d\xf6cker\"}").unwrap();
    let dangling = |path: &Path| symlink("/mnt/daemon.json", path).unwrap();
    let directory = |path: &Path| fs::create_dir(path).unwrap();
    let large = |path: &Path| fs::File::create(path).unwrap().set_len(durable::READ_LIMIT + 1).unwrap();
    type Defect<'a> = (&'a dyn Fn(&Path), &'a str);
    let defects: [Defect<'_>; 4] = [
        (&not_text, "invalid utf-8 sequence of 1 bytes from index 21"),
        (
            &dangling,
            "it is a link to /mnt/daemon.json, which does not exist; mount its file system, or remove the link",
        ),
        (&directory, "not a regular file"),
        (&large, "larger than 16 MiB"),
    ];
    let files = [
        PATH,
        "/etc/default/docker",
        "/etc/os-release",
        "/run/xdock/docker.untold",
        "/etc/modules-load.d/xdock.conf",
        "/etc/systemd/system/docker.service.d/00-xdock-shutdown.conf",
    ];
    for file in files {
        for (defect, reason) in defects {
            let (host, mn) = host("{}");
            let path = host.path(file);
            let _ = fs::remove_file(&path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            defect(&path);
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let ran = host.run(&mn, &[]);
            // a file of ours is only compared: bytes that are no text differ from it, and go
            if file.ends_with(".conf") && reason.starts_with("invalid") {
                assert_eq!(ran.code, 0, "{file}: {}", ran.stderr);
                continue;
            }
            let message =
                format!("[E]:Error: xdock: docker: cannot read {file}: {}\n", reason.replace("FILE", file));
            assert_eq!((ran.code, ran.stderr), (1, message));
            assert_eq!(fs::symlink_metadata(&path).unwrap().file_type(), kind, "{file}");
            assert_eq!(host.called(&mn), Vec::<String>::new());
            assert_eq!(backups(&host), []);
        }
    }
}

#[test]
fn a_dry_run_prints_the_difference_and_changes_nothing() {
    let (host, mn) = host("{\n  \"debug\": true\n}\n");
    let ran = host.run(&mn, &["--dry-run", "packages=docker.io"]);
    let difference = "xdock: docker: would write /etc/docker/daemon.json\n--- /etc/docker/daemon.json\n+++ /etc/docker/daemon.json\n@@ -1,3 +1,8 @@\n {\n-  \"debug\": true\n+  \"debug\": true,\n+  \"live-restore\": true,\n";
    assert!(ran.stdout.contains(difference), "{}", ran.stdout);
    let steps = "xdock: docker: would reload systemd's units\nxdock: docker: would reload docker.service\nxdock: docker: would restart docker.service; containers keep running\n";
    assert!(ran.stdout.starts_with(steps), "{}", ran.stdout);
    assert_eq!(host.read("/etc/docker/daemon.json"), "{\n  \"debug\": true\n}\n");
    assert_eq!(host.called(&mn), Vec::<String>::new());
}
