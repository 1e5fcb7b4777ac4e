//! The next run repairs changes by hand.

use acceptance::network::{address, becomes_bridged, nothing_to_do, step};
use acceptance::{Cluster, Failure};

use crate::network::HOSTS;

acceptance::promises![
    a_deleted_bridge_is_restored,
    a_deleted_address_is_restored,
    a_removed_port_is_restored,
    a_deleted_file_is_restored,
];

/// Spoils each host in turn, lets the step run there, and looks. It runs on the host itself, which may be cut off.
async fn repaired(cluster: &Cluster, spoil: impl Fn(&str) -> String) -> Result<(), Failure> {
    for host in HOSTS {
        step(cluster, host, "network").await?;
        let line = spoil(host);
        cluster.sh(host, &line).await?;
        let ran = cluster.xdockhost(&cluster.tables, host, "network").await?;
        if ran.code != 0 {
            return Err(format!("{host} after {line}: {ran:?}").into());
        }
        becomes_bridged(cluster, host).await.map_err(|error| format!("{host} after {line}: {error}"))?;
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

async fn a_deleted_bridge_is_restored(cluster: &Cluster) -> Result<(), Failure> {
    repaired(cluster, |_| "ip link delete mynet0".to_owned()).await
}

async fn a_deleted_address_is_restored(cluster: &Cluster) -> Result<(), Failure> {
    repaired(cluster, |host| format!("ip addr del {}/16 dev mynet0", address(host))).await
}

async fn a_removed_port_is_restored(cluster: &Cluster) -> Result<(), Failure> {
    repaired(cluster, |_| "ip link set eth0 nomaster".to_owned()).await
}

async fn a_deleted_file_is_restored(cluster: &Cluster) -> Result<(), Failure> {
    let ours = "grep -rl 'Written by xdockhost' /etc/network/interfaces.d /etc/systemd/network /etc/NetworkManager/system-connections /etc/netplan 2>/dev/null";
    repaired(cluster, |_| format!("rm $({ours})")).await
}
