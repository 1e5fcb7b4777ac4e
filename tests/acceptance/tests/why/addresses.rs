//! Faults inside containers, and of addresses.

use acceptance::container::{inside, interfaces};
use acceptance::{Cluster, Failure};

use crate::fault::{Fault, reach, says, why};

acceptance::promises![
    healthy_pairs_on_both_fabrics_name_nothing,
    a_loss_outside_of_the_cluster_is_not_explained_by_a_guess,
    an_address_removed_inside_a_container_is_named,
    a_default_route_removed_inside_a_container_is_named,
    a_default_route_removed_on_a_host_is_named,
    an_address_removed_on_a_host_is_named,
    a_wrong_neighbour_entry_is_named,
    another_machine_with_the_address_is_named,
    frames_with_another_address_are_named,
    a_paused_container_is_named,
    a_stopped_container_is_named,
    a_port_on_which_no_program_listens_is_named,
];

/// Two containers on Linux bridges.
const FLAT: (&str, &str) = ("host1c1", "host2c1");

async fn healthy_pairs_on_both_fabrics_name_nothing(cluster: &Cluster) -> Result<(), Failure> {
    for pair in
        [FLAT, ("host1r1", "host2r1"), ("host1c1", "host1c2"), ("host1", "host2c1"), ("host1", "host2")]
    {
        reach(cluster, pair).await?;
    }
    // addresses, names with the domain, and a machine outside
    for words in
        ["host1c1 10.98.2.1", "host1c1.lab.test host2c1.lab.test", "host1 10.99.0.1", "host1 10.99.0.1:22"]
    {
        cluster.xdock_done(&format!("why {words}")).await?;
    }
    let unknown = cluster.xdock("why host1c1 nobody").await?;
    if unknown.code == 2 && unknown.stderr.contains("\"nobody\" is no node of the tables and no address") {
        return Ok(());
    }
    Err(format!("an unknown node: {unknown:?}").into())
}

async fn a_loss_outside_of_the_cluster_is_not_explained_by_a_guess(cluster: &Cluster) -> Result<(), Failure> {
    says(
        cluster,
        ("host1", "10.99.0.77"),
        "host1 and 10.99.0.77 lose packets, and no check explains it; checked: ",
    )
    .await
}

async fn an_address_removed_inside_a_container_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let put_in = inside("host2c1", "ip addr del 10.98.2.1/16 dev eth0");
    let take_out = inside(
        "host2c1",
        "sh -c 'ip addr add 10.98.2.1/16 dev eth0; ip route replace default via 10.98.0.254'",
    );
    Fault::new(FLAT, "host2", &put_in, &take_out)
        .named(cluster, "interface host2c1: eth0 has no address")
        .await
}

async fn a_default_route_removed_inside_a_container_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let far = ("host1c1", "192.0.2.1");
    says(cluster, far, "lose packets, and no check explains it").await?;
    cluster.sh("host1", &inside("host1c1", "ip route del default")).await?;
    let named = says(cluster, far, "route host1c1: no route to 192.0.2.1").await;
    cluster.sh("host1", &inside("host1c1", "ip route add default via 10.98.0.254")).await?;
    named
}

async fn a_default_route_removed_on_a_host_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let route = cluster.sh("host1", "ip route show default").await?;
    cluster.sh("host1", "systemctl stop xdock-network-watch 2>/dev/null; ip route del default").await?;
    let named = says(cluster, ("host1", "192.0.2.1"), "route host1: no route to 192.0.2.1").await;
    cluster.sh("host1", &format!("ip route replace {}", route.trim())).await?;
    cluster.run("host1", "systemctl start xdock-network-watch").await?;
    named
}

async fn an_address_removed_on_a_host_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = ("ip addr del 10.98.0.11/16 dev br98", "ip addr add 10.98.0.11/16 dev br98");
    Fault::new(("host1", "host2c1"), "host1", put_in, take_out)
        .named(cluster, "interface host1: br98 has no address")
        .await?;
    // without the address of ssh, only its containers answer
    let (put_in, take_out) = (
        "ip addr del 10.99.0.12/16 dev mynet0",
        "ip addr add 10.99.0.12/16 dev mynet0; ip route replace default via 10.99.0.1",
    );
    let fault = Fault::new(("host1", "host2"), "host2", put_in, take_out);
    fault.named(cluster, "its container host2c1 (10.98.2.1) answers, so the host is up and connected").await
}

async fn a_wrong_neighbour_entry_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let put_in =
        inside("host1c1", "ip neigh replace 10.98.2.1 lladdr 02:00:00:00:00:99 nud permanent dev eth0");
    let take_out = inside("host1c1", "ip neigh del 10.98.2.1 dev eth0");
    Fault::new(FLAT, "host1", &put_in, &take_out)
        .named(cluster, "neighbour host1c1: at 02:00:00:00:00:99: set by hand")
        .await
}

async fn another_machine_with_the_address_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let put_in = "ip netns add thief; ip link add thief0 type veth peer name eth0 netns thief address 02:00:00:00:00:77; \
                  ip link set thief0 master br98 up; ip -n thief addr add 10.98.2.1/16 dev eth0; ip -n thief link set eth0 up";
    let take_out = "ip netns del thief; ip link del thief0 2>/dev/null; true";
    Fault::new(FLAT, "host1", put_in, take_out).named(cluster, "02:00:00:00:00:77").await
}

async fn frames_with_another_address_are_named(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, FLAT).await?;
    let put_in = inside(
        "host1c1",
        "sh -c 'ip addr add 10.98.1.99/16 dev eth0; ip route replace 10.98.0.0/16 dev eth0 src 10.98.1.99'",
    );
    let take_out = inside(
        "host1c1",
        "sh -c 'ip route replace 10.98.0.0/16 dev eth0 src 10.98.1.1; ip addr del 10.98.1.99/16 dev eth0'",
    );
    cluster.sh("host1", &put_in).await?;
    let named =
        says(cluster, FLAT, "they have another MAC or address; to correct it: xdock power host1c1 restart")
            .await;
    cluster.sh("host1", &take_out).await?;
    named?;
    reach(cluster, FLAT).await
}

async fn a_paused_container_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let expected = "container host2c1: paused: its address answers, its programs do not; to correct it: xdock power host2c1 unpause";
    Fault::new(FLAT, "host2", "docker pause host2c1", "docker unpause host2c1").named(cluster, expected).await
}

async fn a_stopped_container_is_named(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("power host2c1 off").await?;
    let named = says(cluster, FLAT, "container host2c1: exited; to correct it: xdock power host2c1 on").await;
    cluster.xdock_done("power host2c1 on").await?;
    named?;
    reach(cluster, FLAT).await?;
    let found = interfaces(cluster, "host2", "host2c1").await?;
    if found.len() == 1 { Ok(()) } else { Err(format!("{found:?}").into()) }
}

async fn a_port_on_which_no_program_listens_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let ran = why(cluster, ("host1c1", "host2c1:81")).await?;
    if ran.code == 1 && ran.stdout.contains("service host2c1: connections to port 81 are refused") {
        return Ok(());
    }
    Err(format!("{ran:?}").into())
}
