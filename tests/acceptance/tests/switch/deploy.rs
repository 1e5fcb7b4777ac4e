//! The install NIC moves into Open vSwitch, and the host stays in reach, also over a reboot.

use std::time::{Duration, Instant};

use acceptance::reach::moves_within_reach;
use acceptance::soundness::{same, sound};
use acceptance::{Cluster, Failure};
use futures_util::future::try_join_all;
use lab::Power;

use crate::HOSTS;

acceptance::promises![
    a_bare_debian_gets_open_vswitch_as_its_switch_under_each_manager,
    twelve_containers_are_where_the_tables_say,
    a_second_run_has_nothing_to_do,
    the_switch_and_the_containers_are_back_after_a_reboot,
    the_host_is_back_if_open_vswitch_starts_late,
    a_switch_that_is_no_longer_in_the_tables_is_removed,
];

/// `br0` is an Open vSwitch bridge over `eth0` with the host's address.
async fn is_switched(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let number = host.trim_start_matches("host");
    let ports = cluster.sh(host, "ovs-vsctl list-ports br0 | grep eth").await?;
    same(&format!("uplink of br0 on {host}"), ports.as_str(), "eth0")?;
    let address = cluster.sh(host, "ip -br -4 addr show br0 | awk '{print $3}'").await?;
    same(&format!("address of br0 on {host}"), &address, &format!("10.99.0.1{number}/16"))?;
    let bare = cluster.sh(host, "ip -br -4 addr show eth0 | awk '{print $3}'").await?;
    same(&format!("address of eth0 on {host}"), bare.as_str(), "")?;
    let failed =
        cluster.sh(host, "ovs-vsctl --columns=name,error find interface 'error!=[]' | tr '\\n' ' '").await?;
    same(&format!("interfaces of Open vSwitch with an error on {host}"), failed.trim(), "")?;
    cluster.sh("mn", &format!("ping -c 1 -W 2 10.99.0.1{number}")).await.map(drop)
}

/// As [`is_switched`], waited for.
pub(crate) async fn becomes_switched(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match is_switched(cluster, host).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(500)).await,
            ended => return ended,
        }
    }
}

async fn a_bare_debian_gets_open_vswitch_as_its_switch_under_each_manager(
    cluster: &Cluster,
) -> Result<(), Failure> {
    cluster.updatenode(&HOSTS, "xdock docker unsigned=yes").await?;
    moves_within_reach(cluster, &HOSTS, becomes_switched).await?;
    cluster.updatenode(&HOSTS, "xdock netd").await.map(drop)
}

async fn twelve_containers_are_where_the_tables_say(cluster: &Cluster) -> Result<(), Failure> {
    try_join_all(HOSTS.map(|host| async move { cluster.lab.image(host).await })).await?;
    cluster.xdock_done("mk containers --start").await?;
    sound(cluster).await
}

async fn a_second_run_has_nothing_to_do(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let said = cluster.updatenode(&[host], "xdock network").await?;
        if !said.contains("xdock: network: nothing to do") {
            return Err(format!("{host} did something again: {said}").into());
        }
    }
    Ok(())
}

async fn the_switch_and_the_containers_are_back_after_a_reboot(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        cluster.lab.power(host, Power::Off).await?;
        cluster.lab.power(host, Power::On).await?;
        becomes_switched(cluster, host).await?;
    }
    sound(cluster).await
}

async fn the_host_is_back_if_open_vswitch_starts_late(cluster: &Cluster) -> Result<(), Failure> {
    let late = "mkdir -p /etc/systemd/system/ovs-vswitchd.service.d; \
                printf '[Service]\\nExecStartPre=/bin/sleep 8\\n' > /etc/systemd/system/ovs-vswitchd.service.d/late.conf";
    for host in HOSTS {
        cluster.sh(host, late).await?;
        cluster.lab.power(host, Power::Off).await?;
        cluster.lab.power(host, Power::On).await?;
        becomes_switched(cluster, host).await?;
        cluster
            .sh(host, "rm /etc/systemd/system/ovs-vswitchd.service.d/late.conf; systemctl daemon-reload")
            .await?;
    }
    sound(cluster).await
}

/// A second one, over `eth1`, which one run makes and the next removes; the containers on the first one go on.
async fn a_switch_that_is_no_longer_in_the_tables_is_removed(cluster: &Cluster) -> Result<(), Failure> {
    let br98 = [
        ("nictypes.br98", "bridge_ovs"),
        ("nicdevices.br98", "eth1"),
        ("nicnetworks.br98", "net98"),
        ("nicextraparams.br98", "datapath_type=netdev"),
        ("nicips.br98", "10.98.0.1"),
    ];
    let net98 = [("net", "10.98.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "br98")];
    let with = crate::tables_of(&crate::MYNET0, &br98).object("net98", "network", &net98);
    for host in HOSTS {
        let made = cluster.xdockhost(&with, host, "network").await?;
        same(&format!("a second switch on {host} ({made:?})"), &made.code, &0)?;
        cluster
            .sh(host, "ovs-vsctl list-ports br98 | grep eth1 && ip -br -4 addr show br98 | grep 10.98.0.1/16")
            .await?;
        let gone = cluster.xdockhost(&cluster.tables, host, "network").await?;
        same(&format!("removed on {host} ({gone:?})"), &gone.stdout.ends_with("removed br98\n"), &true)?;
        cluster.sh(host, "! ovs-vsctl br-exists br98 && ! ip link show br98 2>/dev/null").await?;
        let again = cluster.xdockhost(&cluster.tables, host, "network").await?;
        same(host, again.stdout.as_str(), "xdock: network: nothing to do\n")?;
    }
    sound(cluster).await
}
