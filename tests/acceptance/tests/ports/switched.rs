//! Ports of a container on Open vSwitch: the switch translates addresses, so the service sees those of its clients.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use crate::service::{becomes, sees};

acceptance::promises![
    clients_of_a_port_on_open_vswitch_keep_their_address,
    clients_that_the_switch_does_not_see_reach_a_port,
    ports_on_open_vswitch_survive_failures,
];

async fn clients_of_a_port_on_open_vswitch_keep_their_address(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host2", None, "10.96.0.11:8090", "10.96.0.12").await?;
    sees(cluster, "host1", Some("swc"), "10.96.0.11:8090", "10.96.1.2").await?;
    sees(cluster, "host2", None, "10.96.0.11:8093", "10.96.0.12").await?;
    sees(cluster, "host2", None, "10.96.0.11:8092", "").await?;
    sees(cluster, "host2", None, "udp/10.96.0.11:7011", "10.96.0.12").await?;
    sees(cluster, "host1", Some("swc"), "udp/10.96.0.11:7011", "10.96.1.2").await
}

async fn clients_that_the_switch_does_not_see_reach_a_port(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host1", None, "10.96.0.11:8090", "10.96.0.11").await?;
    sees(cluster, "host1", None, "127.0.0.1:8090", "10.96.0.11").await?;
    sees(cluster, "host1", Some("sw"), "10.96.0.11:8090", "10.96.0.11").await?;
    // at another address of the host, from another network
    sees(cluster, "host2", None, "10.99.0.11:8090", "10.96.0.11").await
}

async fn published(cluster: &Cluster) -> Result<(), Failure> {
    becomes(cluster, "host2", None, "10.96.0.11:8090", "10.96.0.12").await?;
    becomes(cluster, "host1", Some("swc"), "10.96.0.11:8090", "10.96.1.2").await?;
    becomes(cluster, "host1", None, "127.0.0.1:8090", "10.96.0.11").await
}

async fn ports_on_open_vswitch_survive_failures(cluster: &Cluster) -> Result<(), Failure> {
    for failure in [
        "ovs-ofctl del-flows br1 && ovs-ofctl add-flow br1 actions=normal",
        "systemctl restart ovs-vswitchd",
        "kill -9 $(systemctl show -P MainPID netd)",
        "systemctl restart docker",
    ] {
        cluster.sh("host1", failure).await?;
        published(cluster).await.map_err(|error| format!("{failure}: {error}"))?;
    }
    let flows =
        "ovs-ofctl dump-flows br1 cookie=0x7865000000000000/0xffff000000000000 | grep -c cookie || true";
    cluster.sh("host1", "docker stop -t 0 sw").await?;
    let gone = format!("for i in $(seq 100); do n=$({flows}); [ $n = 0 ] && exit 0; sleep 0.1; done; exit 1");
    let left = cluster.sh("host1", &gone).await;
    cluster.sh("host1", "docker start sw").await?;
    left?;
    crate::service::start(cluster).await?;
    published(cluster).await?;
    let status = cluster.sh("host1", "netd status").await?;
    same("netd status", &status.contains("problem"), &false).map_err(|_| status.into())
}
