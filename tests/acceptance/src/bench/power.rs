//! `xdock power` of 50 containers of one host.

use super::Stage;
use super::containers::{each, stop};
use super::machine::Timed;
use super::row::{Reach, Row};
use super::samples::{Duel, median};
use super::stage::{ON_HOST, POWERED, tables};
use crate::cluster::{Cluster, programs};
use crate::engine::Failure;

/// xdock's requests to one host at a time (cli/src/host.rs).
pub(super) const AT_ONCE: usize = 16;
const ROUNDS: usize = 4;

/// An administrator's xdock on the host itself, at the engine's socket.
const LOCAL: &str = "XDOCK_CONFIG=/root/local.toml XDOCK_INVENTORY=file:/root/local.stanza";
const SETTINGS: &str = "[engines]\nhost1 = \"unix:///run/docker.sock\"\n";

pub(super) async fn state(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    stage.powered().await?;
    install(cluster).await?;
    let local = timed(cluster, "host1", LOCAL, 25, "state").await?;
    let ssh = timed(cluster, "mn", "", 9, "state").await?;
    stage.note(&format!("power-state over ssh from the management node: {:.0} ms", median(&ssh.ms)));
    // the least of 800 to 1060, each time
    let found = Duel { peer: vec![800.0; local.ms.len()], ours: local.ms };
    Ok(Row::against("power-state", &found, "ms", "xCAT's Perl (recorded)", Reach::AtMost(60.0)))
}

pub(super) async fn on(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    stage.powered().await?;
    install(cluster).await?;
    let engine = cluster.engine("host1")?;
    let names: Vec<String> = (1..=POWERED).map(|number| format!("power{number}")).collect();
    stop(&engine, &names).await?;
    let mut found = Duel::default();
    for round in 0..=ROUNDS {
        let ours = once(cluster).await?;
        stop(&engine, &names).await?;
        let peer = each(&engine, &names, "start", AT_ONCE).await?;
        stop(&engine, &names).await?;
        found.add(round, 1, ours, peer);
    }
    Ok(stage.report(
        Row::against("power-on", &found, "ms", "engine's API directly", Reach::RatioAtMost(1.05)),
        &found,
    ))
}

async fn install(cluster: &Cluster) -> Result<(), Failure> {
    cluster.lab.put("host1", &programs()?.join("xdock"), "/usr/local/bin/xdock").await?;
    cluster.write("host1", "/root/local.stanza", tables().text()).await?;
    cluster.write("host1", "/root/local.toml", SETTINGS).await
}

async fn timed(
    cluster: &Cluster,
    host: &str,
    environment: &str,
    rounds: usize,
    verb: &str,
) -> Result<Timed, Failure> {
    let line = format!("{environment} {ON_HOST} time {rounds} -- xdock power powered {verb}");
    Ok(serde_json::from_str(&cluster.sh(host, &line).await?)?)
}

/// One run, without warm-up: a running container cannot be started again.
async fn once(cluster: &Cluster) -> Result<f64, Failure> {
    let line = format!("{LOCAL} {ON_HOST} time --cold 1 -- xdock power powered on");
    let timed: Timed = serde_json::from_str(&cluster.sh("host1", &line).await?)?;
    Ok(median(&timed.ms))
}
