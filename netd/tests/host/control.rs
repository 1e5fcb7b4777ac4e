//! The commands that a person or `xdock` types at the host.

use std::process::Output;

use inventory::{Origin, Snapshot, Stamp};

use crate::support::{Host, id, node, snapshot};

fn result(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn told_by(host: &Host, words: &[&str]) -> (bool, String, String) {
    result(&host.netd(words))
}

fn load(host: &Host, snapshot: &Snapshot) -> (bool, String, String) {
    std::fs::write(host.path("new.json"), snapshot.to_text()).unwrap();
    result(&host.netd(&["snapshot", "load", host.path("new.json").to_str().unwrap()]))
}

fn with(version: u64, extra: &str) -> Snapshot {
    let Snapshot { host, networks, mut nodes, .. } = snapshot(version);
    nodes.push(node(extra, "dh1", 50));
    Snapshot::seal(host, version, networks, nodes)
}

fn success(text: &str) -> (bool, String, String) {
    (true, text.to_owned(), String::new())
}

/// The snapshot that the host has, and why it keeps it.
fn kept(snapshot: &Snapshot, why: &str) -> (bool, String, String) {
    let Stamp { version, .. } = snapshot.stamp();
    (false, format!("snapshot {version} kept {}\n", snapshot.stamp()), why.to_owned())
}

fn failed(text: &str) -> (bool, String, String) {
    (false, String::new(), text.to_owned())
}

#[test]
fn a_newer_snapshot_is_in_force_at_once_and_after_a_restart() {
    let mut host = Host::up();
    host.start();
    let already = format!("snapshot 7 already {}\n", snapshot(7).stamp());
    assert_eq!(load(&host, &snapshot(9)), success(&already), "equal tables");
    assert_eq!(load(&host, &with(8, "d50")), success("snapshot 8 delivered\n"));
    host.create_network();
    host.begin(&id('a'), "d50", "10.99.1.50");
    let older = "netd: snapshot 7 is older than snapshot 8 of this host (of 1970-01-01 00:00:00 UTC, made by an earlier release of xdock); run \"xdock sync dh1\"\n";
    assert_eq!(load(&host, &with(7, "d51")), kept(&with(8, "d50"), older));
    host.kill();
    host.start();
    assert_eq!(host.status()["snapshot"]["version"], 8);
    let shown = result(&host.netd(&["snapshot", "show"]));
    assert_eq!(shown, success(&with(8, "d50").to_text()));
    let left = std::fs::read_dir(host.dir.path()).unwrap().filter_map(Result::ok);
    let left: Vec<String> = left.map(|file| file.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("incoming")), "{left:?}");
}

#[test]
fn without_a_daemon_a_snapshot_is_kept_for_it() {
    let mut host = Host::bare();
    assert_eq!(load(&host, &snapshot(7)), success("snapshot 7 delivered\n"));
    let already = format!("snapshot 7 already {}\n", snapshot(7).stamp());
    assert_eq!(load(&host, &snapshot(7)), success(&already));
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
    let (done, _, error) = result(&host.netd(&["snapshot", "load", host.path("new.json").to_str().unwrap()]));
    assert!(!done && error.contains("its content hashes to"), "{error}");
    assert_eq!(host.status()["snapshot"]["version"], 7);
}

#[test]
fn without_tables_netd_serves_and_reports_the_remedy() {
    let mut host = Host::bare();
    host.start();
    let pool = serde_json::json!({"AddressSpace": "local", "Pool": "10.99.0.0/16", "SubPool": "", "Options": {}, "V6": false});
    assert_eq!(
        host.refused("IpamDriver.RequestPool", &pool),
        "no snapshot on this host yet: run \"xdock sync HOST\" on the management node"
    );
    let (_, text, _) = result(&host.netd(&["status"]));
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
    assert_eq!(load(&host, &Snapshot::seal(name, 8, networks, nodes)), success("snapshot 8 delivered\n"));
    let (_, text, _) = result(&host.netd(&["status"]));
    assert!(text.contains("joined, orphan: it no longer matches the tables"), "{text}");
    assert_eq!(host.records(), 1);
}

#[test]
fn without_a_daemon_status_reports_where_to_look() {
    let host = Host::bare();
    let (done, _, error) = result(&host.netd(&["status"]));
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
    let path = host.path("snapshot.json").display().to_string();
    let told = format!(
        "snapshot {path} is broken, and there is no good copy in {path}.last; run \\\"xdock sync HOST\\\" on the management node: snapshot is not valid JSON"
    );
    assert!(problems.contains(&told), "{problems}");
    assert_eq!(load(&host, &snapshot(9)), success("snapshot 9 delivered\n"));
    host.until("it is no problem any more", |host| host.status()["problems"] == serde_json::json!([]));
}

#[test]
fn a_snapshot_that_broke_is_served_from_its_copy_and_written_again_by_a_sync() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    host.kill();
    let path = host.path("snapshot.json");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    host.start();
    host.begin(&id('a'), "d1", "10.99.1.1");
    let told = format!(
        "snapshot {0} is broken; netd serves the last good one, of 1970-01-01 00:00:00 UTC ({0}.last), until \"xdock sync dh1\" replaces it: cannot read {0}: not a regular file",
        path.display()
    );
    assert_eq!(host.status()["problems"], serde_json::json!([told]));
    assert!(host.log().contains(&told), "{}", host.log());
    let shown = told_by(&host, &["snapshot", "show"]);
    assert_eq!(shown, (false, snapshot(7).to_text(), format!("netd: {told}\n")));
    assert_eq!(load(&host, &snapshot(9)), success(&format!("snapshot 7 already {}\n", snapshot(7).stamp())));
    host.until("it is no problem any more", |host| host.status()["problems"] == serde_json::json!([]));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), snapshot(7).to_text());
}

#[test]
fn a_snapshot_of_the_future_is_replaced_by_naming_it_and_never_returns() {
    let mut host = Host::up();
    host.start();
    let of = |name: &str, epoch, snapshot: Snapshot| {
        snapshot.made_by(Some(Origin { name: name.to_owned(), id: "4f3a".to_owned(), epoch }))
    };
    let future = of("mn1", 0, with(9_000_000_000_000, "d50"));
    assert_eq!(load(&host, &future), success("snapshot 9000000000000 delivered\n"));
    let (_, status, _) = told_by(&host, &["status"]);
    assert!(status.contains(" s in the future of this host's clock, made by mn1) for dh1"), "{status}");
    let right = of("mn1", 1, with(20, "d51"));
    std::fs::write(host.path("new.json"), right.to_text()).unwrap();
    let new = host.path("new.json").display().to_string();
    let expected = format!("9000000000000@{}", future.digest);
    let replaced = told_by(&host, &["snapshot", "load", "--replaces", &expected, &new]);
    assert_eq!(replaced, success("snapshot 20 delivered\n"));
    let older = "netd: snapshot 9000000000000 is older than snapshot 20 of this host (of 1970-01-01 00:00:00 UTC, made by mn1); run \"xdock sync dh1\"\n";
    assert_eq!(load(&host, &future), kept(&right, older));
    let foreign = "netd: this host has the tables of management node mn1 (of 1970-01-01 00:00:00 UTC), not of mn2; run \"xdock sync dh1\" to replace them\n";
    assert_eq!(load(&host, &of("mn2", 5, with(30, "d52"))), kept(&right, foreign));
    assert_eq!(load(&host, &of("mn1", 1, with(21, "d52"))), success("snapshot 21 delivered\n"));
    std::fs::write(host.path("new.json"), right.to_text()).unwrap();
    let (done, _, why) = told_by(&host, &["snapshot", "load", "--replaces", &expected, &new]);
    assert!(!done && why.ends_with("as expected; try again\n"), "{why}");
}
