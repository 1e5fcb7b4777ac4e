//! Faults of Linux bridges and their ports.

use acceptance::{Cluster, Failure};

use crate::fault::{Fault, port, reach, says};

acceptance::promises![
    a_port_that_left_its_bridge_is_named,
    an_uplink_that_left_its_bridge_is_named,
    a_smaller_mtu_of_the_uplink_is_named,
    a_disconnected_cable_is_named,
    a_deleted_bridge_is_named,
];

const FLAT: (&str, &str) = ("host1c1", "host2c1");

async fn a_port_that_left_its_bridge_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let port = port(cluster, "host2", "host2c1").await?;
    let (put_in, take_out) =
        (format!("ip link set {port} nomaster"), format!("ip link set {port} master br98"));
    Fault::new(FLAT, "host2", &put_in, &take_out)
        .named(
            cluster,
            &format!("port host2c1: {port} is in no bridge; to correct it: ssh host2 netd reconcile"),
        )
        .await
}

async fn an_uplink_that_left_its_bridge_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = ("ip link set eth1 nomaster", "ip link set eth1 master br98");
    Fault::new(FLAT, "host1", put_in, take_out).named(cluster, "uplink host1: eth1 is in no bridge").await
}

async fn a_smaller_mtu_of_the_uplink_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = ("ip link set eth1 mtu 1400", "ip link set eth1 mtu 1500");
    let expected = "host1c1 and host2c1 lose long packets: mtu host1c1: eth1 on host2 has 1400; to correct it: ssh host2 ip link set eth1 mtu 1500";
    Fault::new(FLAT, "host2", put_in, take_out).named(cluster, expected).await
}

async fn a_disconnected_cable_is_named(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, FLAT).await?;
    cluster.lab.link("host2", "eth1", false).await?;
    let named = says(
        cluster,
        FLAT,
        "uplink host2: eth1 has no carrier; to correct it: check cable and switch port of eth1 on host2",
    )
    .await;
    cluster.lab.link("host2", "eth1", true).await?;
    named?;
    reach(cluster, FLAT).await
}

async fn a_deleted_bridge_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let expected = "bridge host2: br98 does not exist; to correct it: updatenode host2 -P \"xdock network\"";
    let fault = Fault::new(FLAT, "host2", "ip link del br98", "true");
    let ran = fault.tried(cluster).await?;
    // as the last line says
    cluster.updatenode(&["host2"], "xdock network").await?;
    reach(cluster, FLAT).await?;
    let last = ran.stdout.lines().last().unwrap_or_default();
    if ran.code == 1 && last.ends_with(expected) { Ok(()) } else { Err(format!("{ran:?}").into()) }
}
