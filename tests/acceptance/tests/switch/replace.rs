//! The bridge of running containers becomes one of another kind, or gets another name, on hosts of each manager.

use std::net::Ipv4Addr;
use std::time::Duration;

use acceptance::container::interfaces;
use acceptance::reach::without_cable;
use acceptance::soundness::{same, sound};
use acceptance::{Cluster, Failure, Tables};
use futures_util::future::try_join_all;

use crate::{HOSTS, MYNET0};

acceptance::promises![bridges_of_running_containers_change_their_kind_and_name,];

/// How long a container may be without the network: the change of its host, then netd's turn.
const SILENCE: Duration = Duration::from_secs(20);

/// The hosts' network on a bridge of that kind and name, and on it a container of each host.
fn tables(kind: &str, bridge: &str) -> Tables {
    let columns = [
        (format!("nictypes.{bridge}"), kind),
        (format!("nicdevices.{bridge}"), "eth0"),
        (format!("nicnetworks.{bridge}"), "mynet0"),
        (format!("nicextraparams.{bridge}"), "datapath_type=netdev"),
    ];
    let is_ovs = kind == "bridge_ovs";
    let columns = columns.iter().filter(|(name, _)| is_ovs || !name.starts_with("nicextraparams"));
    let columns: Vec<(&str, &str)> = columns.map(|(name, value)| (name.as_str(), *value)).collect();
    let tables = Tables::of_lab_with(4, &MYNET0).object("dockerhosts", "group", &columns);
    HOSTS.into_iter().fold(tables, |tables, host| {
        tables.container(&mover(host), host, &address(host).to_string(), &[("groups", "movers,all")])
    })
}

fn mover(host: &str) -> String {
    format!("{host}m")
}

fn address(host: &str) -> Ipv4Addr {
    let number = host.trim_start_matches("host").parse().unwrap_or_default();
    Ipv4Addr::new(10, 99, 1, number)
}

async fn bridges_of_running_containers_change_their_kind_and_name(cluster: &Cluster) -> Result<(), Failure> {
    // as far as they were made
    cluster.xdock("rm -f containers").await?;
    cluster.write_tables(&tables("bridge_ovs", "br0")).await?;
    each(|host| network(cluster, "bridge_ovs", "br0", host)).await?;
    cluster.xdock_done("mk movers --start").await?;
    each(|host| async move {
        let keep = format!("docker exec {} sh -c 'echo kept > /kept'", mover(host));
        cluster.sh(host, &keep).await.map(drop)
    })
    .await?;
    let mut old = "br0";
    for (kind, bridge) in [("bridge", "br0"), ("bridge", "br1"), ("bridge_ovs", "br1"), ("bridge_ovs", "br0")]
    {
        synced(cluster, kind, bridge).await?;
        each(|host| replaced(cluster, kind, bridge, host)).await?;
        if bridge != old {
            each(|host| async move {
                cluster.sh(host, &format!("! ip link show {old} 2>/dev/null")).await.map(drop)
            })
            .await?;
        }
        old = bridge;
    }
    synced(cluster, "bridge", "br0").await?;
    each(|host| locked_out(cluster, host)).await?;
    // the hosts have these tables already
    each(|host| killed(cluster, "bridge", "0.05", host)).await?;
    for (kind, after) in [("bridge_ovs", "0.4"), ("bridge", "1.2")] {
        synced(cluster, kind, "br0").await?;
        each(|host| killed(cluster, kind, after, host)).await?;
    }
    cluster.xdock_done("rm -f movers").await?;
    cluster.write_tables(&cluster.tables).await?;
    each(|host| async move {
        let ran = cluster.xdockhost(&cluster.tables, host, "network").await?;
        same(&format!("the suite's network on {host}: {ran:?}"), &ran.code, &0)
    })
    .await?;
    cluster.xdock_done("mk containers --start").await?;
    sound(cluster).await
}

async fn each<W: Future<Output = Result<(), Failure>>>(
    work: impl Fn(&'static str) -> W,
) -> Result<(), Failure> {
    try_join_all(HOSTS.map(work)).await.map(drop)
}

/// netd has to know where containers go before their bridge makes way.
async fn synced(cluster: &Cluster, kind: &str, bridge: &str) -> Result<(), Failure> {
    let host = "host1";
    let refused = cluster.xdockhost(&tables(kind, bridge), host, "network").await?;
    let hint = "has containers, and the snapshot of this host still has network mynet0 on it; run \"xdock sync host1\" on the management node, then this step again";
    same(&format!("a step before the tables ({refused:?})"), &refused.stderr.contains(hint), &true)?;
    cluster.write_tables(&tables(kind, bridge)).await?;
    cluster.xdock_done("sync dockerhosts").await.map(drop)
}

async fn network(cluster: &Cluster, kind: &str, bridge: &str, host: &str) -> Result<(), Failure> {
    let ran = cluster.xdockhost(&tables(kind, bridge), host, "network").await?;
    same(&format!("{kind} {bridge} on {host}: {ran:?}"), &ran.code, &0)
}

async fn replaced(cluster: &Cluster, kind: &str, bridge: &str, host: &str) -> Result<(), Failure> {
    let before = interfaces(cluster, host, &mover(host)).await?;
    let watch = cluster.lab.watch_address(address(host), Duration::from_millis(200))?;
    network(cluster, kind, bridge, host).await?;
    is_joined(cluster, host).await?;
    let silence = watch.stop().await?.longest_silence;
    eprintln!("  {host}: {kind} {bridge}: container without the network for {} ms", silence.as_millis());
    same(&format!("silence of {} below {SILENCE:?}", mover(host)), &(silence < SILENCE), &true)?;
    same("interfaces", &interfaces(cluster, host, &mover(host)).await?, &before)?;
    let again = cluster.xdockhost(&tables(kind, bridge), host, "network").await?;
    same(host, again.stdout.as_str(), "xdock: network: nothing to do\n")
}

/// The container answers by ICMP and its host by TCP, the writable layer is there, netd has nothing to say.
async fn is_joined(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let answers = format!("for i in $(seq 60); do ping -c 1 -W 1 {} && exit 0; done; exit 1", address(host));
    cluster.sh("mn", &answers).await?;
    let tcp = format!(
        "docker exec {} wget -q -O /dev/null http://10.99.0.1/install/postscripts/xdock",
        mover(host)
    );
    cluster.sh(host, &tcp).await?;
    same(
        "kept",
        cluster.sh(host, &format!("docker exec {} cat /kept", mover(host))).await?.as_str(),
        "kept",
    )?;
    let settled = "for i in $(seq 60); do [ \"$(netd reconcile 2>&1)\" = 'nothing to do' ] && exit 0; sleep 0.5; done; netd status; exit 1";
    cluster.sh(host, settled).await.map(drop)
}

/// Step and guard are killed in the middle of the change, and the next run makes it.
async fn killed(cluster: &Cluster, kind: &str, after: &str, host: &str) -> Result<(), Failure> {
    let kill = format!(
        "cd /var/lib/xdock/network; for i in $(seq 4000); do [ -e change.json ] && break; sleep 0.002; done; sleep {after}; kill -9 $(pgrep xdockhost)"
    );
    let tables = tables(kind, "br0");
    let (ran, _) = tokio::join!(cluster.xdockhost(&tables, host, "network"), cluster.run(host, &kill));
    ran?;
    network(cluster, kind, "br0", host).await.map_err(|error| format!("killed {after} s later: {error}"))?;
    is_joined(cluster, host).await.map_err(|error| format!("{host}, killed {after} s later: {error}").into())
}

/// The cable is pulled in the middle of the change: the old bridge comes back, and its container with it.
async fn locked_out(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let ran = without_cable(cluster, &tables("bridge", "br0"), host).await?;
    let back = ran.code == 1 && ran.stderr.contains("rolled back to the previous network");
    same(&format!("{host} without its cable: {ran:?}"), &back, &true)?;
    cluster.sh(host, "ovs-vsctl br-exists br0").await?;
    let answers = format!("for i in $(seq 60); do ping -c 1 -W 1 {} && exit 0; done; exit 1", address(host));
    cluster.sh("mn", &answers).await?;
    same("kept", cluster.sh(host, &format!("docker exec {} cat /kept", mover(host))).await?.as_str(), "kept")
}
