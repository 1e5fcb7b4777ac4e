//! Two VLANs on one wire do not see each other.

use std::time::Duration;

use acceptance::container::{inside, ping_all};
use acceptance::soundness::{all_ping, same};
use acceptance::{Cluster, Failure};

use crate::deploy::becomes_switched;

acceptance::promises![
    containers_of_one_vlan_ping_and_none_across,
    an_address_that_another_machine_has_in_the_vlan_is_refused,
    a_wrong_vlan_is_rolled_back,
];

async fn containers_of_one_vlan_ping_and_none_across(cluster: &Cluster) -> Result<(), Failure> {
    all_ping(cluster).await?;
    // host1c1 is red; with a route to blue on its own wire, nobody there hears it
    cluster.sh("host1", &inside("host1c1", "ip route add 10.72.0.0/16 dev eth0")).await?;
    let blue: Vec<std::net::IpAddr> = ["10.72.1.2", "10.72.2.1", "10.72.3.2", "10.72.4.1"]
        .iter()
        .map(|address| address.parse())
        .collect::<Result<_, _>>()?;
    let pinged = ping_all(cluster, "host1", "host1c1", &blue).await;
    cluster.sh("host1", &inside("host1c1", "ip route del 10.72.0.0/16")).await?;
    same("addresses of the other VLAN that do not answer", &pinged?.0, &blue)
}

async fn an_address_that_another_machine_has_in_the_vlan_is_refused(
    cluster: &Cluster,
) -> Result<(), Failure> {
    cluster.xdock_done("mk spare").await?;
    let thief = "ovs-vsctl add-port br0 thief tag=71 -- set interface thief type=internal && ip addr add 10.71.1.99/16 dev thief && ip link set thief up";
    cluster.sh("host2", thief).await?;
    let ran = cluster.xdock("power spare on").await;
    cluster.sh("host2", "ovs-vsctl del-port br0 thief").await?;
    cluster.xdock_done("rm -f spare").await?;
    let ran = ran?;
    if ran.code == 0 || !ran.stderr.contains("10.71.1.99") {
        return Err(format!("a stolen address was not refused: {ran:?}").into());
    }
    acceptance::soundness::sound(cluster).await
}

async fn a_wrong_vlan_is_rolled_back(cluster: &Cluster) -> Result<(), Failure> {
    let wrong = [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("vlanid", "99")];
    for host in crate::HOSTS {
        let watch = cluster.lab.watch_ping(host, Duration::from_millis(100))?;
        let ran = cluster.xdockhost(&crate::tables_with(&wrong), host, "network confirm=3").await?;
        becomes_switched(cluster, host).await?;
        let silence = watch.stop().await?.longest_silence;
        eprintln!("  {host}: longest silence {} ms", silence.as_millis());
        if ran.code != 1 || !ran.stderr.contains("rolled back to the previous network") {
            return Err(format!("{host} took a VLAN in which nobody answers: {ran:?}").into());
        }
    }
    acceptance::soundness::sound(cluster).await
}
