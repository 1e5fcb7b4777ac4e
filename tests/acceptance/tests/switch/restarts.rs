//! What survives which failure on Open vSwitch. After each of them the cluster is sound again without anybody's help.

use acceptance::soundness::sound;
use acceptance::{Cluster, Failure};
use lab::Power;

use crate::deploy::becomes_switched;

acceptance::promises![
    sound_after_netd_is_killed,
    sound_after_dockerd_is_killed,
    sound_after_ovs_vswitchd_is_restarted,
    sound_after_ovs_vswitchd_is_killed,
    sound_after_ovsdb_server_is_restarted,
    sound_after_ovsdb_server_is_killed,
    sound_after_the_database_of_open_vswitch_was_deleted,
    sound_after_a_power_cut,
    sound_after_a_port_was_removed_and_a_tag_changed,
];

async fn spoilt(cluster: &Cluster, line: &str) -> Result<(), Failure> {
    for host in crate::HOSTS {
        cluster.sh(host, line).await?;
        becomes_switched(cluster, host).await.map_err(|error| format!("{host} after {line}: {error}"))?;
    }
    sound(cluster).await
}

async fn sound_after_netd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(cluster, "kill -9 $(systemctl show -P MainPID netd)").await
}

async fn sound_after_dockerd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(cluster, "kill -9 $(systemctl show -P MainPID docker)").await
}

async fn sound_after_ovs_vswitchd_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(cluster, "systemctl restart ovs-vswitchd").await
}

async fn sound_after_ovs_vswitchd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(cluster, "kill -9 $(systemctl show -P MainPID ovs-vswitchd)").await
}

async fn sound_after_ovsdb_server_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(cluster, "systemctl restart ovsdb-server").await
}

async fn sound_after_ovsdb_server_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(cluster, "kill -9 $(systemctl show -P MainPID ovsdb-server)").await
}

async fn sound_after_the_database_of_open_vswitch_was_deleted(cluster: &Cluster) -> Result<(), Failure> {
    spoilt(
        cluster,
        "systemctl stop ovs-vswitchd ovsdb-server; rm -f /etc/openvswitch/conf.db /var/lib/openvswitch/conf.db; systemctl start openvswitch-switch",
    )
    .await
}

async fn sound_after_a_power_cut(cluster: &Cluster) -> Result<(), Failure> {
    for host in crate::HOSTS {
        cluster.lab.power(host, Power::Cut).await?;
        cluster.lab.power(host, Power::On).await?;
        becomes_switched(cluster, host).await?;
    }
    sound(cluster).await
}

/// By netd alone, before its timer of 30 s would do it.
async fn sound_after_a_port_was_removed_and_a_tag_changed(cluster: &Cluster) -> Result<(), Failure> {
    let spoil = "set -- $(ovs-vsctl list-ports br0 | grep xh); ovs-vsctl del-port br0 $1; ovs-vsctl set port $2 tag=99";
    let healed = "timeout 20 sh -c 'until [ $(ovs-vsctl list-ports br0 | grep -c xh) = 3 ] && ! ovs-vsctl --columns=tag list port | grep -q 99; do sleep 0.1; done'";
    for host in crate::HOSTS {
        cluster.sh(host, spoil).await?;
        cluster.sh(host, healed).await.map_err(|error| format!("{host} is not healed: {error}"))?;
    }
    sound(cluster).await
}
