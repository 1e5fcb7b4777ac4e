//! What others break on a host is healed by netd alone.

use acceptance::container::{inside, interfaces};
use acceptance::{Cluster, Failure};

use acceptance::soundness::{expected, same, sound};

acceptance::promises![
    bridged_traffic_flows_again_after_a_firewall_reload,
    a_port_removed_from_its_bridge_is_attached_again,
    a_deleted_port_and_a_foreign_veth_are_cleaned_up,
];

async fn bridged_traffic_flows_again_after_a_firewall_reload(cluster: &Cluster) -> Result<(), Failure> {
    // Docker's policy DROP stays, our rule goes: what a reload of a firewall does
    cluster
        .sh(
            "host1",
            "iptables -P FORWARD DROP; iptables -F FORWARD; ip6tables -P FORWARD DROP; ip6tables -F FORWARD",
        )
        .await?;
    sound(cluster).await
}

async fn a_port_removed_from_its_bridge_is_attached_again(cluster: &Cluster) -> Result<(), Failure> {
    let port = cluster.sh("host1", "ls /sys/class/net/mynet0/brif | grep -m1 ^xh").await?;
    cluster.sh("host1", &format!("ip link set {port} nomaster; ip link set {port} mtu 1400")).await?;
    sound(cluster).await?;
    same(
        "MTU of the port",
        cluster.sh("host1", &format!("cat /sys/class/net/{port}/mtu")).await?.as_str(),
        "1500",
    )?;
    let log = cluster
        .sh("host1", &format!("journalctl -u netd --no-pager -o cat | grep repaired | grep -c {port}"))
        .await?;
    if log == "0" {
        Err(format!("nothing in the log of netd says that {port} was repaired").into())
    } else {
        Ok(())
    }
}

async fn a_deleted_port_and_a_foreign_veth_are_cleaned_up(cluster: &Cluster) -> Result<(), Failure> {
    let expected = expected(cluster)?;
    let spec = expected.get("host3").and_then(|specs| specs.first()).ok_or("host3 has no container")?;
    let node = spec.node.as_str();
    // not /sys: it shows the namespace in which it was mounted
    let shown = cluster.sh("host3", &inside(node, "ip -o link show eth0")).await?;
    let index = shown.split_once("@if").and_then(|(_, rest)| rest.split_once(':')).map(|(index, _)| index);
    let index = index.ok_or_else(|| format!("no peer in {shown}"))?;
    let port =
        cluster.sh("host3", &format!("ip -o link | sed -n 's/^{index}: \\(xh[^@]*\\)@.*/\\1/p'")).await?;
    // a veth with netd's prefix and without a record, and a container that lost its own
    cluster.sh("host3", "ip link add xh0123456789 type veth peer name xc0123456789").await?;
    cluster.sh("host3", &format!("ip link del {port}")).await?;
    same("interfaces of the container", &interfaces(cluster, "host3", node).await?.len(), &1)?;
    cluster.sh("host3", "netd reconcile").await?;
    let strays = cluster.sh("host3", "ip -o link | grep -c x[hc]0123456789 || true").await?;
    same("foreign veths", strays.as_str(), "0")?;
    cluster.xdock_done(&format!("power {node} restart")).await?;
    sound(cluster).await
}
