//! Faults of published ports and names, and isolated networks.

use acceptance::{Cluster, Failure};

use crate::fault::{reach, says, why};

acceptance::promises![
    closed_dns_sockets_are_noted,
    a_missing_link_on_an_isolated_network_is_named,
    a_published_port_that_a_program_of_the_host_uses_is_named,
];

/// A container that publishes port 8080 of host1, as another host sees it.
const WEB: (&str, &str) = ("host2c1", "host1:8080");

async fn closed_dns_sockets_are_noted(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, ("host1l1", "partner")).await?;
    // without netd nothing answers; its sockets stay with systemd, which discards them when it stops
    let pair = ("host1c1", "host2c1");
    reach(cluster, pair).await?;
    cluster.sh("host1", "systemctl stop netd.socket netd.service").await?;
    let ran = why(cluster, pair).await;
    cluster.sh("host1", "systemctl restart netd.socket netd.service").await?;
    let ran = ran?;
    let noted = |line: &str| line.starts_with("also wrong: name host1c1: no answer: ");
    if ran.code != 0 || !ran.stdout.lines().any(noted) {
        return Err(format!("{ran:?}").into());
    }
    reach(cluster, pair).await
}

async fn a_missing_link_on_an_isolated_network_is_named(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, ("host1l1", "host2l1")).await?;
    let expected = "link host1l1: no link; to correct it: add link=host2l2 to vmothersettings of host1l1, then xdock sync host1,host2";
    says(cluster, ("host1l1", "host2l2"), expected).await
}

async fn a_published_port_that_a_program_of_the_host_uses_is_named(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, WEB).await?;
    cluster.xdock_done("power host1w1 off").await?;
    // netd gives the port back
    let listen = "for i in $(seq 50); do systemctl reset-failed taker 2>/dev/null; \
                  systemd-run -q --unit=taker systemd-socket-activate -a -l 8080 /bin/cat && sleep 0.3 && systemctl -q is-active taker && exit 0; done; exit 1";
    cluster.sh("host1", listen).await?;
    let refused = cluster.xdock("power host1w1 on").await;
    let named = says(cluster, WEB, "of the host listens on port 8080; to correct it: stop systemd-socket- on host1 or change port= of host1w1, then xdock power host1w1 on").await;
    cluster.sh("host1", "systemctl stop taker").await?;
    cluster.xdock_done("power host1w1 on").await?;
    let refused = refused?;
    if refused.code == 0 {
        return Err(format!("host1w1 started although its port is taken: {refused:?}").into());
    }
    named?;
    reach(cluster, WEB).await
}
