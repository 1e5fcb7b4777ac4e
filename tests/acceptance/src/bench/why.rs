//! `xdock why` of a healthy pair on two hosts.

use super::machine::Timed;
use super::row::Row;
use super::samples::median;
use super::stage::{ON_HOST, Stage};
use crate::cluster::Cluster;
use crate::engine::Failure;

/// Runs, each with new ssh connections.
const ROUNDS: usize = 9;

/// Closes the ssh connections that commands share, as a minute without commands does.
const CLOSE: &str =
    "for socket in /run/xdock-ssh/*; do [ ! -S $socket ] || ssh -O exit -S $socket x 2>/dev/null; done; true";

pub(super) async fn healthy(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    cluster.xdock_done("mk near1,far1 --start").await?;
    let told = cluster.xdock_done("why near1 far1 -q").await?;
    if told != "near1 and far1 reach each other\n" {
        return Err(format!("the pair is not healthy: {told}").into());
    }
    let shared = timed(cluster, ROUNDS, "").await?;
    stage.note(&format!("why over shared ssh connections: {:.0} ms", median(&shared.ms)));
    let mut cold = Vec::new();
    for _ in 0..ROUNDS {
        cluster.sh("mn", CLOSE).await?;
        cold.extend(timed(cluster, 1, "--cold ").await?.ms);
    }
    Ok(Row::alone("why", median(&cold), "ms", 500.0))
}

async fn timed(cluster: &Cluster, rounds: usize, cold: &str) -> Result<Timed, Failure> {
    let line = format!("{ON_HOST} time {cold}{rounds} -- xdock why near1 far1");
    Ok(serde_json::from_str(&cluster.sh("mn", &line).await?)?)
}
