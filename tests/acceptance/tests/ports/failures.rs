//! Published ports survive what happens to a host.

use acceptance::{Cluster, Failure};
use lab::Power;

use crate::service::{becomes, start};

acceptance::promises![
    ports_are_published_after_dockerd_is_restarted,
    ports_are_published_after_netd_is_killed,
    ports_are_published_again_after_a_flush_of_the_firewall,
    ports_are_published_again_after_a_power_cut,
];

async fn published(cluster: &Cluster) -> Result<(), Failure> {
    becomes(cluster, "host2", None, "10.99.0.11:8080", "10.99.0.12").await?;
    becomes(cluster, "host1", None, "127.0.0.1:8081", "10.99.0.11").await?;
    becomes(cluster, "host1", Some("web"), "10.99.0.11:8080", "10.99.0.11").await
}

async fn ports_are_published_after_dockerd_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host1", "systemctl restart docker").await?;
    published(cluster).await
}

async fn ports_are_published_after_netd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host1", "kill -9 $(systemctl show -P MainPID netd)").await?;
    published(cluster).await
}

async fn ports_are_published_again_after_a_flush_of_the_firewall(cluster: &Cluster) -> Result<(), Failure> {
    let flush =
        "for t in nat filter raw; do iptables -t $t -F; iptables -t $t -X; done; iptables -P FORWARD DROP";
    cluster.sh("host1", flush).await?;
    published(cluster).await
}

async fn ports_are_published_again_after_a_power_cut(cluster: &Cluster) -> Result<(), Failure> {
    cluster.lab.power("host1", Power::Cut).await?;
    cluster.lab.power("host1", Power::On).await?;
    let running = "for i in $(seq 300); do [ \"$(docker inspect -f '{{.State.Running}}' web 2>/dev/null)\" = true ] && exit 0; sleep 0.2; done; exit 1";
    cluster.sh("host1", running).await?;
    start(cluster).await?;
    published(cluster).await
}
