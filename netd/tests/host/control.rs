//! The commands that a person or `xdock` types at the host.

use std::process::Output;

use inventory::Snapshot;

use crate::support::{Host, id, node, snapshot};

fn told(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn load(host: &Host, snapshot: &Snapshot) -> (bool, String, String) {
    std::fs::write(host.path("new.json"), snapshot.to_text()).unwrap();
    told(&host.netd(&["snapshot", "load", host.path("new.json").to_str().unwrap()]))
}

fn with(version: u64, extra: &str) -> Snapshot {
    let Snapshot { host, networks, mut nodes, .. } = snapshot(version);
    nodes.push(node(extra, "dh1", 50));
    Snapshot::seal(host, version, networks, nodes)
}

fn said(text: &str) -> (bool, String, String) {
    (true, text.to_owned(), String::new())
}

fn failed(text: &str) -> (bool, String, String) {
    (false, String::new(), text.to_owned())
}

#[test]
fn a_newer_snapshot_is_in_force_at_once_and_after_a_restart() {
    let mut host = Host::up();
    host.start();
    assert_eq!(load(&host, &snapshot(9)), said("snapshot 7 already\n"), "equal tables");
    assert_eq!(load(&host, &with(8, "d50")), said("snapshot 8 delivered\n"));
    host.create_network();
    host.begin(&id('a'), "d50", "10.99.1.50");
    assert_eq!(
        load(&host, &with(7, "d51")),
        failed("netd: snapshot 7 is older than 8, which this host has; run \"xdock sync dh1\"\n")
    );
    host.kill();
    host.start();
    assert_eq!(host.status()["snapshot"]["version"], 8);
    let shown = told(&host.netd(&["snapshot", "show"]));
    assert_eq!(shown, said(&with(8, "d50").to_text()));
    let left = std::fs::read_dir(host.dir.path()).unwrap().filter_map(Result::ok);
    let left: Vec<String> = left.map(|file| file.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("incoming")), "{left:?}");
}

#[test]
fn without_a_daemon_a_snapshot_is_kept_for_it() {
    let mut host = Host::bare();
    assert_eq!(load(&host, &snapshot(7)), said("snapshot 7 delivered\n"));
    assert_eq!(load(&host, &snapshot(7)), said("snapshot 7 already\n"));
    let other = snapshot(8);
    let other = Snapshot::seal("dh2".parse().unwrap(), 8, other.networks, other.nodes);
    assert_eq!(
        load(&host, &other),
        failed("netd: the snapshot is for dh2, but this host is dh1; run \"xdock sync dh1\"\n")
    );
    host.start();
    assert_eq!(host.status()["snapshot"]["version"], 7);
}

#[test]
fn a_broken_snapshot_changes_nothing() {
    let mut host = Host::up();
    host.start();
    let torn = snapshot(9).to_text().replace("10.99.1.1", "10.99.1.8");
    std::fs::write(host.path("new.json"), torn).unwrap();
    let (done, _, error) = told(&host.netd(&["snapshot", "load", host.path("new.json").to_str().unwrap()]));
    assert!(!done && error.contains("its content hashes to"), "{error}");
    assert_eq!(host.status()["snapshot"]["version"], 7);
}

#[test]
fn without_tables_netd_serves_and_says_what_to_do() {
    let mut host = Host::bare();
    host.start();
    let pool = serde_json::json!({"AddressSpace": "local", "Pool": "10.99.0.0/16", "SubPool": "", "Options": {}, "V6": false});
    assert_eq!(
        host.refused("IpamDriver.RequestPool", &pool),
        "no snapshot on this host yet: run \"xdock sync HOST\" on the management node"
    );
    let (_, text, _) = told(&host.netd(&["status"]));
    assert_eq!(text, "snapshot: none yet: run \"xdock sync HOST\" on the management node\n");
}

#[test]
fn a_node_that_vanished_from_the_tables_keeps_running_and_is_an_orphan() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    host.start_container(&id('a'), "d1", "10.99.1.1");
    let Snapshot { host: name, networks, nodes, .. } = snapshot(8);
    let nodes = nodes.into_iter().filter(|row| row.node.as_str() != "d1").collect();
    assert_eq!(load(&host, &Snapshot::seal(name, 8, networks, nodes)), said("snapshot 8 delivered\n"));
    let (_, text, _) = told(&host.netd(&["status"]));
    assert!(text.contains("joined, orphan: the tables do not have it so any more\n"), "{text}");
    assert_eq!(host.records(), 1);
}

#[test]
fn without_a_daemon_status_says_where_to_look() {
    let host = Host::bare();
    let (done, _, error) = told(&host.netd(&["status"]));
    let socket = host.path("netd.sock");
    let expected = format!(
        "netd: cannot reach netd at {}; see systemctl status netd.socket netd.service: No such file or directory (os error 2)\n",
        socket.display()
    );
    assert_eq!((done, error), (false, expected));
}

#[test]
fn a_snapshot_that_broke_on_the_disk_is_a_problem_until_a_new_one_comes() {
    let mut host = Host::up();
    std::fs::write(host.path("snapshot.json"), "{").unwrap();
    host.start();
    let problems = host.status()["problems"].to_string();
    assert!(problems.contains("snapshot is not valid JSON"), "{problems}");
    assert_eq!(load(&host, &snapshot(9)), said("snapshot 9 delivered\n"));
    host.until("it is no problem any more", |host| host.status()["problems"] == serde_json::json!([]));
}
