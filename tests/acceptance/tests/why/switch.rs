//! Faults of Open vSwitch and its VLANs.

use std::time::Duration;

use acceptance::{Cluster, Failure};
use process::Command;

use crate::fault::{Fault, port, reach, says};

acceptance::promises![
    a_port_removed_from_open_vswitch_is_named,
    a_port_in_another_vlan_is_named,
    an_uplink_without_the_vlan_is_named,
    a_trunk_without_the_vlan_is_named,
    a_stopped_open_vswitch_is_named,
    a_removed_bridge_of_open_vswitch_is_named,
];

const RED: (&str, &str) = ("host1r1", "host2r1");

async fn a_port_removed_from_open_vswitch_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let port = port(cluster, "host2", "host2r1").await?;
    let put_in = format!("ovs-vsctl del-port br0 {port}");
    Fault::new(RED, "host2", &put_in, "true")
        .named(
            cluster,
            &format!(
                "port host2r1: {port} is no port of Open vSwitch; to correct it: ssh host2 netd reconcile"
            ),
        )
        .await
}

async fn a_port_in_another_vlan_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let port = port(cluster, "host1", "host1r1").await?;
    let put_in = format!("ovs-vsctl set port {port} tag=72");
    Fault::new(RED, "host1", &put_in, "true")
        .named(cluster, &format!("port host1r1: {port} is in VLAN 72"))
        .await
}

async fn an_uplink_without_the_vlan_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = ("ovs-vsctl set port eth2 trunks=99", "ovs-vsctl clear port eth2 trunks");
    Fault::new(RED, "host2", put_in, take_out).named(cluster, "uplink host2: eth2 carries only VLAN 99").await
}

/// The switch between the hosts drops VLAN 71: nothing on the hosts is wrong.
async fn a_trunk_without_the_vlan_is_named(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, RED).await?;
    fabric(
        cluster,
        "add table bridge trunk { chain pass { type filter hook forward priority 0; vlan id 71 drop; }; }",
    )
    .await?;
    // an entry of a forwarding database proves nothing once it is older than the probe
    tokio::time::sleep(OLD).await;
    let named = says(
        cluster,
        RED,
        "to correct it: check switch ports, VLAN 71 on the trunk and cables between host1 and host2",
    )
    .await;
    fabric(cluster, "delete table bridge trunk").await?;
    named?;
    reach(cluster, RED).await
}

/// Longer than `xdock why` takes an entry of a forwarding database for a frame of its own probe.
const OLD: Duration = Duration::from_secs(7);

/// Runs nft(8) in the namespace of the switches between the hosts.
async fn fabric(cluster: &Cluster, rules: &str) -> Result<(), Failure> {
    let enter = ["netns", "exec", &cluster.lab.fabric(), "nft", rules].map(str::to_owned);
    Command::new("ip", Duration::from_secs(10)).args(enter).execute().await?;
    Ok(())
}

async fn a_stopped_open_vswitch_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = ("systemctl stop openvswitch-switch", "systemctl start openvswitch-switch");
    Fault::new(RED, "host1", put_in, take_out)
        .named(cluster, "bridge host1: Open vSwitch does not answer")
        .await
}

async fn a_removed_bridge_of_open_vswitch_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let fault = Fault::new(RED, "host2", "ovs-vsctl del-br br0", "true");
    let ran = fault.tried(cluster).await?;
    cluster.updatenode(&["host2"], "xdock network").await?;
    reach(cluster, RED).await?;
    let last = ran.stdout.lines().last().unwrap_or_default();
    let expected =
        "bridge host2: Open vSwitch has no bridge br0; to correct it: updatenode host2 -P \"xdock network\"";
    if ran.code == 1 && last.ends_with(expected) { Ok(()) } else { Err(format!("{ran:?}").into()) }
}
