//! TCP between containers of two hosts, beside the least that Linux needs for it.

use super::Stage;
use super::containers::make_node;
use super::row::{Reach, Row};
use super::samples::Duel;
use super::stage::{ON_HOST, address};
use crate::cluster::Cluster;
use crate::engine::Failure;

const ROUNDS: usize = 15;
/// More, because the difference is small.
const FILTER_ROUNDS: usize = 31;
const RUN_MS: u64 = 500;

/// A namespace on a host, as the words that enter it, and its address.
struct End {
    host: &'static str,
    enter: String,
    address: String,
}

pub(super) async fn tcp(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    let ours = [
        container(cluster, "host1", "near1", address(6, 1)).await?,
        container(cluster, "host2", "far1", address(7, 1)).await?,
    ];
    let peer = [by_hand(cluster, "host1", 1).await?, by_hand(cluster, "host2", 2).await?];
    let found = duel(cluster, &ours, &peer, ROUNDS).await?;
    let reach = Reach::RatioAtLeast(0.98);
    Ok(stage.report(Row::against("tcp", &found, "Gbit/s", "bridge and veth by hand", reach), &found))
}

/// The filter of what containers send, beside containers with `antispoof=no`.
pub(super) async fn filtered(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    let ours = [
        container(cluster, "host1", "guard1", address(9, 1)).await?,
        container(cluster, "host2", "guardfar1", address(10, 1)).await?,
    ];
    let peer = [
        container(cluster, "host1", "open1", address(11, 1)).await?,
        container(cluster, "host2", "openfar1", address(12, 1)).await?,
    ];
    // what is compared is what the names say
    let status = cluster.sh("host1", "netd status").await?;
    let filtered =
        |node: &str| status.lines().any(|line| line.starts_with(node) && !line.contains("antispoof=no"));
    if !filtered("guard1:") || filtered("open1:") {
        return Err(format!("guard1 must have the filter and open1 must not: {status}").into());
    }
    let found = duel(cluster, &ours, &peer, FILTER_ROUNDS).await?;
    let reach = Reach::RatioAtLeast(0.98);
    Ok(stage.report(
        Row::against("tcp-antispoof", &found, "Gbit/s", "the same without the filter", reach),
        &found,
    ))
}

/// Runs of both, in turn.
async fn duel(cluster: &Cluster, ours: &[End; 2], peer: &[End; 2], rounds: usize) -> Result<Duel, Failure> {
    let mut found = Duel::default();
    for round in 0..=rounds {
        let (mine, theirs) = if round % 2 == 0 {
            let mine = blast(cluster, ours).await?;
            (mine, blast(cluster, peer).await?)
        } else {
            let theirs = blast(cluster, peer).await?;
            (blast(cluster, ours).await?, theirs)
        };
        found.add(round, 1, mine, theirs);
    }
    Ok(found)
}

async fn container(
    cluster: &Cluster,
    host: &'static str,
    node: &str,
    address: String,
) -> Result<End, Failure> {
    let engine = cluster.engine(host)?;
    make_node(&engine, node, node, &address).await?;
    engine.call("POST", &format!("/containers/{node}/start"), None).await?;
    let inspected = engine.call("GET", &format!("/containers/{node}/json"), None).await?;
    let pid = inspected.pointer("/State/Pid").and_then(serde_json::Value::as_i64);
    let enter = format!("nsenter -t {} -n", pid.ok_or("the container has no process")?);
    Ok(End { host, enter, address })
}

/// On the second NIC, without netd; a rule before Docker's accepts its packets.
async fn by_hand(cluster: &Cluster, host: &'static str, number: u8) -> Result<End, Failure> {
    let address = format!("10.97.0.{number}");
    let script = format!(
        "set -e
        ip link add bench0 type bridge
        ip link set eth1 master bench0 up
        ip link set bench0 up
        ip netns add bench
        ip link add bench1 type veth peer name eth0 netns bench
        ip link set bench1 master bench0 up
        ip -n bench addr add {address}/24 dev eth0
        ip -n bench link set eth0 up
        iptables -w -I FORWARD -i bench0 -o bench0 -j ACCEPT"
    );
    cluster.sh(host, &script).await?;
    Ok(End { host, enter: "nsenter --net=/run/netns/bench".to_owned(), address })
}

/// One connection from the first to the second, in Gbit/s.
async fn blast(cluster: &Cluster, [from, to]: &[End; 2]) -> Result<f64, Failure> {
    let take = format!("{} {ON_HOST} take {}:5001", to.enter, to.address);
    let send = format!("{} {ON_HOST} send {}:5001 {RUN_MS}", from.enter, to.address);
    let (taken, sent) = tokio::join!(cluster.sh(to.host, &take), cluster.sh(from.host, &send));
    taken?;
    Ok(sent?.parse()?)
}
