//! A raft cluster of three real ovsdb-servers, and a relay.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure fails the test")]

mod server;

use std::time::Duration;

use ovsdb::{
    Atom, Client, Condition, Monitor, MonitorRequest, Mutation, Options, Remote, Row, Status, Transaction,
    Value,
};
use server::bridges::bridge;
use server::{PATIENCE, SCHEMA, Server, chain, run, wait_until};
use tempfile::TempDir;
use tokio::time::timeout;

struct Cluster {
    members: Vec<Server>,
}

/// A loopback address that no other test, in this process or another, uses at the same time.
fn raft_address(cluster: u8, member: u8) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("tcp:127.{}.{}.{}:6644", high % 250 + 2, low, cluster * 10 + member + 1)
}

impl Cluster {
    /// `number` tells the clusters of this file apart.
    fn new(number: u8) -> Self {
        let first = raft_address(number, 0);
        let mut members = Vec::new();
        for member in 0..3 {
            let directory = TempDir::new().unwrap();
            let database = directory.path().join("db").display().to_string();
            match member {
                0 => run("ovsdb-tool", &["create-cluster", &database, SCHEMA, &first]),
                _ => {
                    let own = raft_address(number, member);
                    run("ovsdb-tool", &["join-cluster", &database, "Open_vSwitch", &own, &first])
                }
            };
            let mut server = Server::stopped(directory, vec![database]);
            server.start();
            members.push(server);
        }
        let cluster = Self { members };
        for server in &cluster.members {
            wait_until(|| status(server).contains("Status: cluster member"), "all have joined");
        }
        cluster
    }

    fn options(&self) -> Options {
        let remotes = self.members.iter().map(Server::remote).collect();
        Options::new("Open_vSwitch").remotes(remotes).deadline(PATIENCE)
    }

    fn leader(&self) -> usize {
        let mut leader = None;
        wait_until(
            || {
                leader = self.members.iter().position(|server| status(server).contains("Role: leader"));
                leader.is_some()
            },
            "the cluster has a leader",
        );
        leader.unwrap()
    }

    fn member(&mut self, remote: &Remote) -> &mut Server {
        self.members.iter_mut().find(|server| server.remote() == *remote).unwrap()
    }
}

/// What a member says of itself; nothing while it is down.
fn status(server: &Server) -> String {
    if server.is_running() { server.control(&["cluster/status", "Open_vSwitch"]) } else { String::new() }
}

async fn ready(client: &Client, other_than: Option<&Remote>) -> Remote {
    let mut status = client.status();
    let found = status.wait_for(
        |status| matches!(status, Status::Ready { remote } if other_than.is_none_or(|other| remote != other)),
    );
    match &*timeout(PATIENCE, found).await.unwrap().unwrap() {
        Status::Ready { remote } => remote.clone(),
        Status::Connecting { .. } => unreachable!(),
    }
}

const MANY: usize = 50;

fn many_bridges() -> Transaction {
    let names: Vec<String> = (0..MANY).map(|number| format!("br{number}")).collect();
    let inserts = names.iter().fold(Transaction::new(), |tx, name| {
        tx.insert("Bridge", Row::new().with("name", name.as_str()), Some(name))
    });
    let all = Value::set(names.iter().map(|name| Atom::NamedUuid(name.clone())));
    inserts.mutate("Open_vSwitch", [], [Mutation::insert("bridges", all)])
}

fn bridges() -> Vec<MonitorRequest> {
    vec![MonitorRequest::table("Bridge").columns(["name"])]
}

async fn until_reported(monitor: &mut Monitor, name: &str) {
    let named = |monitor: &Monitor| monitor.rows("Bridge").values().any(|row| row.string("name") == Ok(name));
    while !named(monitor) {
        timeout(PATIENCE, monitor.changed()).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn continues_after_the_leader_is_killed() {
    let mut cluster = Cluster::new(0);
    let client = Client::connect(cluster.options().leader_only(true)).await.unwrap();
    server::root(&client).await;
    // a server forgets its history where that is larger than the database (ovsdb/transaction.c,
    // ovsdb_txn_history_run)
    client.transact(many_bridges()).await.unwrap();
    client.transact(bridge("before")).await.unwrap();
    let monitor = client.monitor(bridges()).await.unwrap();
    let first = ready(&client, None).await;
    assert_eq!(first, cluster.members[cluster.leader()].remote());
    // every member has it
    for server in &cluster.members {
        let options = Options::new("Open_vSwitch").remotes(vec![server.remote()]).deadline(PATIENCE);
        let member = Client::connect(options).await.unwrap();
        until_reported(&mut member.monitor(bridges()).await.unwrap(), "before").await;
        server.log_messages();
    }

    cluster.member(&first).kill();
    // a call that is sent before the client notices this may fail with the connection
    let left = |status: &Status| !matches!(status, Status::Ready { remote } if *remote == first);
    client.status().wait_for(left).await.unwrap();
    client.transact(bridge("after")).await.unwrap();
    // monitors are updated before waiting calls are answered
    assert!(monitor.rows("Bridge").values().any(|row| row.string("name") == Ok("after")));
    let second = ready(&client, Some(&first)).await;
    assert_eq!(second, cluster.members[cluster.leader()].remote());
    let names: Vec<_> =
        monitor.rows("Bridge").values().map(|row| row.string("name").unwrap().to_owned()).collect();
    assert_eq!(names.len(), MANY + 2, "{names:?}");
    // the monitor was resumed: the new leader knew the last transaction, and sent nothing again
    let log = cluster.member(&second).log();
    assert!(log.contains("send reply, result=[true,"));
    assert!(!log.contains(r#""initial":{"name":"before"}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_the_leadership_and_leaves_a_hanging_leader() {
    let cluster = Cluster::new(1);
    let options = cluster.options().leader_only(true).probe(Duration::from_secs(1));
    let client = Client::connect(options).await.unwrap();
    server::root(&client).await;
    let first = ready(&client, None).await;

    // a leader gives its place to another before it compacts its log
    let leader = cluster.leader();
    assert_eq!(cluster.members[leader].remote(), first);
    cluster.members[leader].control(&["cluster/failure-test", "transfer-leadership"]);
    let second = ready(&client, Some(&first)).await;
    client.transact(bridge("br0")).await.unwrap();

    let hanging = cluster.members.iter().find(|server| server.remote() == second).unwrap();
    hanging.freeze(true);
    let third = ready(&client, Some(&second)).await;
    let named = [Condition::equal("name", "br0")];
    let selected = client.transact(Transaction::new().select("Bridge", named, ["name"])).await.unwrap();
    assert_eq!(selected[0].rows().len(), 1);
    hanging.freeze(false);
    // back, it is no leader any more
    let status = timeout(Duration::from_millis(500), ready(&client, Some(&third))).await;
    assert!(status.is_err(), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_member_will_do_unless_it_is_cut_off() {
    let mut cluster = Cluster::new(2);
    let leader = cluster.leader();
    let remotes: Vec<Remote> = {
        let followers = cluster.members.iter().enumerate().filter(|(at, _)| *at != leader);
        followers.map(|(_, server)| server.remote()).collect()
    };
    let follower = Options::new("Open_vSwitch").remotes(vec![remotes[0].clone()]).deadline(PATIENCE);
    let client = Client::connect(follower.clone()).await.unwrap();
    // forwarded to the leader
    server::root(&client).await;
    let only = follower.clone().leader_only(true).deadline(Duration::from_secs(1));
    let error = chain(&Client::connect(only).await.unwrap_err());
    let told = format!("{} cannot be used for database Open_vSwitch: it is not the leader", remotes[0]);
    assert!(error.ends_with(&told), "{error}");

    // without a majority
    let other = remotes[1].clone();
    cluster.members[leader].kill();
    cluster.member(&other).kill();
    let mut status = client.status();
    let down = status.wait_for(|status| matches!(status, Status::Connecting { .. }));
    drop(timeout(PATIENCE, down).await.unwrap().unwrap());
    let error = chain(&client.with_deadline(Duration::from_secs(1)).echo().await.unwrap_err());
    let told = "it is not connected to its cluster, or to the server that it relays";
    assert!(error.ends_with(told), "{error}");
    cluster.member(&other).start();
    client.transact(bridge("br0")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_served_and_is_no_leader() {
    let mut source = Server::standalone(&[]);
    source.client().await;
    source.kill();
    let words = vec![format!("relay:Open_vSwitch:unix:{}", source.socket().display())];
    let mut relay = Server::stopped(TempDir::new().unwrap(), words);
    relay.start();
    let options = Options::new("Open_vSwitch").remotes(vec![relay.remote()]).deadline(PATIENCE);
    let unfit = format!("{} cannot be used for database Open_vSwitch", relay.remote());
    let quick = options.clone().deadline(Duration::from_millis(500));
    let error = chain(&Client::connect(quick.clone()).await.unwrap_err());
    let told = "it is not connected to its cluster, or to the server that it relays";
    assert!(error.ends_with(&format!("{unfit}: {told}")), "{error}");

    source.start();
    let client = Client::connect(options).await.unwrap();
    let mut monitor = client.monitor(bridges()).await.unwrap();
    client.transact(bridge("br0")).await.unwrap();
    until_reported(&mut monitor, "br0").await;
    let direct = Client::connect(source.options()).await.unwrap();
    direct.transact(bridge("br1")).await.unwrap();
    until_reported(&mut monitor, "br1").await;
    let error = chain(&Client::connect(quick.leader_only(true)).await.unwrap_err());
    assert!(error.ends_with(&format!("{unfit}: it is not the leader")), "{error}");
}
