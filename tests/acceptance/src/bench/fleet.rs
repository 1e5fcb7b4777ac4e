//! `xdock` over five hosts that are spoken to by TLS.
//!
//! A separate lab, so that leftovers of other figures do not count.

use std::sync::OnceLock;
use std::time::Instant;

use futures_util::future::try_join_all;
use lab::{Lab, LabName};
use tokio::sync::OnceCell;

use super::machine::Timed;
use super::row::{Reach, Row};
use super::samples::{Duel, median, ms_since};
use super::stage::{ON_HOST, POWERED, Stage};
use crate::cluster::{Cluster, programs};
use crate::engine::Failure;
use crate::tables::Tables;

/// Hosts.
const HOSTS: u8 = 5;
/// Containers of each of them.
const EACH: u8 = 100;
/// Runs of `power state`, and of the peer.
const ROUNDS: usize = 25;
/// How long a host has to answer, in seconds (`--timeout`).
const PATIENCE: f64 = 2.0;
/// Runs with a dead host, each as long as its deadline.
const DEAD: usize = 3;

/// The hosts, and the containers that are only asked for.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    begun: OnceLock<LabName>,
    cluster: OnceCell<Cluster>,
    made: OnceCell<()>,
}

impl Fleet {
    /// The lab, made when it is needed first, its engines enrolled.
    pub(super) async fn cluster(&self, name: &LabName) -> Result<&Cluster, Failure> {
        let provision = || async {
            let name = self.begun.get_or_init(|| name.clone());
            Lab::remove(name).await?;
            let cluster = Cluster::provision(name, HOSTS, &tables(), &|line| eprintln!("  {line}")).await?;
            cluster.xdock_done("host dockerhosts enroll").await?;
            cluster.lab.put("mn", &programs()?.join("bench"), ON_HOST).await?;
            Ok(cluster)
        };
        self.cluster.get_or_try_init(provision).await
    }

    /// The lab with all containers made: none of them runs, which is as much of an answer.
    async fn made(&self, name: &LabName) -> Result<&Cluster, Failure> {
        let cluster = self.cluster(name).await?;
        let make = || async {
            eprintln!("  making {} containers", usize::from(HOSTS) * usize::from(EACH));
            cluster.xdock_done("mk many").await.map(drop)
        };
        self.made.get_or_try_init(make).await?;
        Ok(cluster)
    }

    /// Removes what was made.
    pub(super) async fn down(&self) -> Result<(), Failure> {
        match self.begun.get() {
            Some(name) => Ok(Lab::remove(name).await?),
            None => Ok(()),
        }
    }
}

/// A hundred nodes on each host that are asked for, and on the first fifty more that live and die.
fn tables() -> Tables {
    let many = (1..=HOSTS).flat_map(|host| (1..=EACH).map(move |number| (host, number)));
    let tables = many.fold(Tables::of_lab(HOSTS), |tables, (host, number)| {
        let (name, ip) = (format!("host{host}c{number}"), format!("10.99.{host}.{number}"));
        tables.container(&name, &format!("host{host}"), &ip, &[("groups", "many,all")])
    });
    (1..=POWERED).fold(tables, |tables, number| {
        let (name, ip) = (format!("life{number}"), format!("10.99.9.{number}"));
        tables.container(&name, "host1", &ip, &[("groups", "lives,all")])
    })
}

/// The name of the lab.
pub(super) fn name(stage: &Stage) -> Result<LabName, Failure> {
    stage.beside("fleet")
}

/// All hosts, beside what no client can do without: each engine asked for its list, all at once, at its own socket.
pub(super) async fn state(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.fleet.made(&name(stage)?).await?;
    let whole = |lines: usize| lines == usize::from(HOSTS) * usize::from(EACH);
    let output = cluster.xdock_done("power many state").await?;
    if !whole(output.lines().filter(|line| line.ends_with(": created")).count()) {
        return Err(format!("xdock power many state: {output}").into());
    }
    let mut found = Duel::default();
    for round in 0..=ROUNDS {
        let ours = once(cluster, "xdock power many state").await?;
        found.add(round, 1, ours, asked(cluster).await?);
    }
    let row =
        Row::against("power-state-500", &found, "ms", "the engines' lists directly", Reach::AtMost(250.0));
    Ok(stage.report(row, &found))
}

async fn asked(cluster: &Cluster) -> Result<f64, Failure> {
    let engines: Vec<_> =
        cluster.host_names().iter().map(|host| cluster.engine(host)).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let lists =
        engines.iter().map(|engine| async { engine.call("GET", "/containers/json?all=true", None).await });
    try_join_all(lists).await?;
    Ok(ms_since(begun))
}

/// The others are reported, and the command ends after the timeout of the dead host.
pub(super) async fn dead(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.fleet.made(&name(stage)?).await?;
    // it hears us, and no word of it comes back
    cluster.sh("host5", "ip route replace blackhole 10.99.0.1/32").await?;
    let measured = with_dead(cluster).await;
    cluster.sh("host5", "ip route del blackhole 10.99.0.1/32").await?;
    Ok(Row::alone("dead-host", median(&measured?) / 1e3, "s", PATIENCE + 0.3))
}

async fn with_dead(cluster: &Cluster) -> Result<Vec<f64>, Failure> {
    let words = format!("--timeout {PATIENCE} power many state");
    let ran = cluster.xdock(&words).await?;
    let alive = usize::from(HOSTS - 1) * usize::from(EACH);
    if (ran.code, ran.stdout.lines().count()) != (1, alive) {
        return Err(format!("xdock {words}: {ran:?}").into());
    }
    let mut took = Vec::new();
    for _ in 0..DEAD {
        took.push(once(cluster, &format!("sh -c 'xdock {words}; test $? = 1'")).await?);
    }
    Ok(took)
}

/// One run of a command of the management node, in ms.
pub(super) async fn once(cluster: &Cluster, words: &str) -> Result<f64, Failure> {
    let said = cluster.sh("mn", &format!("{ON_HOST} time --cold 1 -- {words}")).await?;
    let timed: Timed = serde_json::from_str(&said)?;
    Ok(median(&timed.ms))
}
