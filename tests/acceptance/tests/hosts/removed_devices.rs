//! Devices that are no longer in the tables are removed from the host, unless they are in use.

use acceptance::network::{becomes_bridged, seen, step};
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use futures_util::future::try_join_all;

use crate::network::{HOSTS, tables};

acceptance::promises![
    a_bridge_that_is_no_longer_in_the_tables_is_removed,
    a_bridge_that_is_no_longer_in_the_tables_stays_while_it_is_used,
    a_bridge_that_is_no_longer_in_the_tables_is_removed_after_a_kill_at_any_moment,
];

/// The suite's tables, and on a host a second bridge, over `eth1`, with an address.
fn with_a_second_bridge() -> Tables {
    let net98 = [("net", "10.98.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "br98")];
    let br98 = [
        ("nictypes.br98", "bridge"),
        ("nicdevices.br98", "eth1"),
        ("nicnetworks.br98", "net98"),
        // of each host in turn
        ("nicips.br98", "10.98.0.1"),
    ];
    tables().object("net98", "network", &net98).object("dockerhosts", "group", &br98)
}

/// What the step says of its network on that host; it must end well.
async fn network(cluster: &Cluster, tables: &Tables, host: &str) -> Result<String, Failure> {
    let ran = cluster.xdockhost(tables, host, "network").await?;
    match ran.stdout.trim_end().strip_prefix("xdock: network: ") {
        Some(said) if ran.code == 0 => Ok(said.to_owned()),
        _ => Err(format!("the network step of {host}: {ran:?}").into()),
    }
}

/// Makes the second bridge; the network without it.
async fn second_bridge(cluster: &Cluster, host: &str) -> Result<String, Failure> {
    step(cluster, host, "network").await?;
    let before = seen(cluster, host).await?;
    let said = network(cluster, &with_a_second_bridge(), host).await?;
    same("a second bridge", &said.ends_with("; bridge br98 over eth1 with 10.98.0.1/16"), &true)?;
    Ok(before)
}

/// The network is what it was, and no file has the second bridge.
async fn is_gone(cluster: &Cluster, host: &str, before: &str) -> Result<(), Failure> {
    becomes_bridged(cluster, host).await?;
    same("the network", seen(cluster, host).await?.as_str(), before)?;
    let gone = "! ip link show br98 2>/dev/null && ip -br link show eth1 && \
        ! grep -rl br98 /etc/network /etc/systemd/network /etc/NetworkManager /etc/netplan 2>/dev/null";
    cluster.sh(host, gone).await?;
    same("one more run", network(cluster, &tables(), host).await?.as_str(), "nothing to do")
}

async fn a_bridge_that_is_no_longer_in_the_tables_is_removed(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let before = second_bridge(cluster, host).await?;
        network(cluster, &tables(), host).await?;
        is_gone(cluster, host, &before).await?;
    }
    Ok(())
}

async fn a_bridge_that_is_no_longer_in_the_tables_stays_while_it_is_used(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // NetworkManager removes a bridge with its profile, even if it is in use
    for host in HOSTS.into_iter().filter(|host| *host != "host3") {
        let before = second_bridge(cluster, host).await?;
        cluster
            .sh(host, "ip link add tap98 type veth peer name tap99 && ip link set tap98 master br98")
            .await?;
        let stays = "bridge br98 is kept: tap98 uses it";
        let said = network(cluster, &tables(), host).await?;
        same(&format!("what is reported of it ({said})"), &said.ends_with(&format!("; {stays}")), &true)?;
        cluster.sh(host, "ip -br link show br98").await?;
        same("the next run", network(cluster, &tables(), host).await?.as_str(), stays)?;
        cluster.sh(host, "ip link delete tap98").await?;
        same("when it is free", network(cluster, &tables(), host).await?.as_str(), "removed br98")?;
        is_gone(cluster, host, &before).await?;
    }
    Ok(())
}

/// Of the change that does without it, or of the one that removes it; the next run does the rest.
async fn a_bridge_that_is_no_longer_in_the_tables_is_removed_after_a_kill_at_any_moment(
    cluster: &Cluster,
) -> Result<(), Failure> {
    try_join_all(HOSTS.map(|host| killed_on(cluster, host))).await.map(drop)
}

async fn killed_on(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    // after the second change began: the first one forgets the bridge in the plan, and remembers it in left.json
    let second = "[ -e left.json ] && ! grep -q br98 plan.json && [ -e change.json ]";
    for (moment, after) in [
        ("[ -e change.json ]", "0.05"),
        ("[ -e change.json ]", "0.2"),
        (second, "0"),
        (second, "0.02"),
        (second, "0.1"),
    ] {
        let before = second_bridge(cluster, host).await?;
        let kill = format!(
            "cd /var/lib/xdock/network; for i in $(seq 4000); do {moment} && break; sleep 0.002; done; sleep {after}; kill -9 $(pgrep xdockhost)"
        );
        let tables = tables();
        let (ran, _) = tokio::join!(cluster.xdockhost(&tables, host, "network"), cluster.run(host, &kill));
        ran?;
        network(cluster, &tables, host)
            .await
            .map_err(|error| format!("{moment}, {after} s later: {error}"))?;
        is_gone(cluster, host, &before)
            .await
            .map_err(|error| format!("{moment}, {after} s later: {error}"))?;
    }
    Ok(())
}
