//! Times of starts. Containers are made beforehand; only `POST /containers/X/start` counts.

use serde_json::json;

use super::Stage;
use super::containers::{bridge, duel, each, make, make_complete, make_node, make_publishing, network, stop};
use super::row::{Reach, Row};
use super::samples::Duel;
use super::stage::{CROWD, OF_SWARM, PROBED, address, probe};
use crate::cluster::Cluster;
use crate::engine::{Engine, Failure};
use crate::soundness::same;

/// Rounds of one start each.
const ROUNDS: usize = 25;
/// Rounds of 30 starts each, and those before that do not count.
const CROWD_ROUNDS: usize = 5;
/// netd's default (`netd run --help`).
const WINDOW_MS: f64 = 40.0;

const BRIDGE: &str = "user-defined bridge";

pub(super) async fn alone(stage: &Stage) -> Result<Row, Failure> {
    let engine = stage.cluster().await?.engine("host1")?;
    bridge(&engine, "bench-start").await?;
    make(&engine, "start-peer", "bench-start").await?;
    let ours = |_| "start1".to_owned();
    replace_node(&engine, "start1", &address(1, 1)).await?;
    let found = duel(&engine, ROUNDS, ours, "start-peer").await?;
    Ok(stage.report(Row::against("start", &found, "ms", BRIDGE, Reach::RatioAtMost(1.0)), &found))
}

/// All that a container of the tables may have, beside a published port of Docker's.
pub(super) async fn publishing(stage: &Stage) -> Result<Row, Failure> {
    let engine = stage.cluster().await?.engine("host1")?;
    bridge(&engine, "bench-port").await?;
    make_publishing(&engine, "port-peer", "bench-port", 18081).await?;
    make_complete(&engine, "port1", &address(13, 1), 18080).await?;
    let found = duel(&engine, ROUNDS, |_| "port1".to_owned(), "port-peer").await?;
    let peer = "user-defined bridge with a port";
    Ok(stage.report(Row::against("start-port", &found, "ms", peer, Reach::RatioAtMost(1.0)), &found))
}

/// `xdock mk` made a container for the sake of the network: another takes its place, the same as the peer's.
async fn replace_node(engine: &Engine, node: &str, ip: &str) -> Result<(), Failure> {
    engine.call("DELETE", &format!("/containers/{node}?force=true"), None).await?;
    make_node(engine, node, node, ip).await
}

pub(super) async fn probed(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    let engine = cluster.engine("host1")?;
    bridge(&engine, "bench-probe").await?;
    make(&engine, "probe-peer", "bench-probe").await?;
    for number in 1..=PROBED {
        let node = format!("probe{number}");
        make_node(&engine, &node, &node, &address(2, number)).await?;
    }
    probe(cluster, "host1", None).await?;
    // two of them warm up
    let rounds = usize::from(PROBED) - 2;
    let found = duel(&engine, rounds, |round| format!("probe{}", round + 1), "probe-peer").await;
    probe(cluster, "host1", Some(0)).await?;
    let found = found?;
    let reach = Reach::PeerAndAtMost(WINDOW_MS);
    Ok(stage.report(Row::against("start-probe", &found, "ms", BRIDGE, reach), &found))
}

/// Ours and the peer's, on the host of the swarm.
pub(super) async fn beside_overlay(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    let engine = cluster.engine(OF_SWARM)?;
    swarm(cluster, &engine).await?;
    network(&engine, &json!({"Name": "bench-overlay", "Driver": "overlay", "Attachable": true})).await?;
    make(&engine, "overlay-peer", "bench-overlay").await?;
    replace_node(&engine, "overlay1", &address(5, 1)).await?;
    let found = duel(&engine, ROUNDS, |_| "overlay1".to_owned(), "overlay-peer").await;
    engine.call("POST", "/swarm/leave?force=true", None).await?;
    let found = found?;
    let reach = Reach::RatioAtMost(0.6);
    Ok(stage.report(Row::against("start-overlay", &found, "ms", "Swarm overlay", reach), &found))
}

/// Docker makes no swarm where live-restore is on, as the product has it.
async fn swarm(cluster: &Cluster, engine: &Engine) -> Result<(), Failure> {
    let off = "sed -i 's/\"live-restore\": *true/\"live-restore\": false/' /etc/docker/daemon.json && systemctl restart docker && docker info -f '{{.LiveRestoreEnabled}}'";
    same("live-restore of the swarm's engine", cluster.sh(OF_SWARM, off).await?.as_str(), "false")?;
    let address = cluster.lab.host(OF_SWARM)?.address;
    let body = json!({"ListenAddr": format!("{address}:2377"), "AdvertiseAddr": address.to_string()});
    engine.call("POST", "/swarm/init", Some(&body)).await.map(drop)
}

pub(super) async fn together(stage: &Stage) -> Result<Row, Failure> {
    let engine = stage.cluster().await?.engine("host1")?;
    bridge(&engine, "bench-crowd").await?;
    let names = |kind: &str| (1..=CROWD).map(|number| format!("{kind}{number}")).collect::<Vec<_>>();
    let (ours, peers) = (names("crowd"), names("crowd-peer"));
    for (number, (own, peer)) in (1..=CROWD).zip(ours.iter().zip(&peers)) {
        make_node(&engine, own, own, &address(3, number)).await?;
        make(&engine, peer, "bench-crowd").await?;
    }
    let mut found = Duel::default();
    for round in 0..=CROWD_ROUNDS {
        let mine = start_all(&engine, &ours).await?;
        let theirs = start_all(&engine, &peers).await?;
        found.add(round, 1, mine, theirs);
    }
    Ok(stage.report(Row::against("start-30", &found, "ms", BRIDGE, Reach::RatioAtMost(1.0)), &found))
}

async fn start_all(engine: &Engine, names: &[String]) -> Result<f64, Failure> {
    let took = each(engine, names, "start", names.len()).await?;
    stop(engine, names).await?;
    Ok(took)
}
