//! A container is on the networks that it was made for, whatever was done to them by hand, and keeps what it wrote.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

acceptance::promises![
    a_removed_network_is_reported_created_again_and_joined,
    a_container_disconnected_by_hand_is_connected_again,
    another_network_and_another_address_are_reported,
    an_outsider_that_holds_a_node_s_address_is_named,
];

const HOST: &str = "host2";
const MK: &str = "xdock mk xcat2 reconnects it";

/// A container that wrote something.
async fn with_data(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("mk xcat2 --start").await?;
    cluster.xdock_done("exec xcat2 -- touch /kept").await.map(drop)
}

/// It runs with its address, and has what it wrote.
async fn is_whole(cluster: &Cluster) -> Result<(), Failure> {
    let line = "exec xcat2 -- sh -c 'ls /kept; ip -o -4 addr show eth0 | grep -o 10.99.2.70'";
    same("data and address", cluster.xdock_done(line).await?.as_str(), "xcat2: /kept\nxcat2: 10.99.2.70\n")
}

async fn says(cluster: &Cluster, line: &str, wanted: &str) -> Result<(), Failure> {
    same(line, cluster.xdock_done(line).await?.as_str(), wanted)
}

/// `ls -l` and `host status` report it; `way`: what `host status` says to do.
async fn is_reported(cluster: &Cluster, fault: &str, way: &str) -> Result<(), Failure> {
    let long = cluster.xdock_done("ls -l xcat2").await?;
    same(&format!("{fault} in {long}"), &long.contains(&format!(" ({fault})")), &true)?;
    let json = cluster.xdock_done("ls xcat2 --json").await?;
    same(&format!("{fault} in {json}"), &json.contains(&format!("\"problems\":[\"{fault}\"]")), &true)?;
    let ran = cluster.xdock("host host2 status").await?;
    let message = ran.stderr.trim_end().ends_with(&format!(", containers: xcat2: {fault} ({way})"));
    same(&format!("{fault} in {ran:?}"), &(ran.code, message), &(1, true))
}

async fn a_removed_network_is_reported_created_again_and_joined(cluster: &Cluster) -> Result<(), Failure> {
    // moby/moby #17160
    with_data(cluster).await?;
    let removed = "xcat2: network mynet0 was removed; reconnected\n";
    for (line, answer) in [
        ("power xcat2 on", "xcat2: success\n"),
        ("mk xcat2 --start", "xcat2: already created\n"),
        ("mk xcat2 --replace --start", "xcat2: already created\n"),
    ] {
        cluster.xdock_done("power xcat2 off").await?;
        cluster.sh(HOST, "docker network prune -f").await?;
        is_reported(cluster, "network mynet0 was removed", MK).await?;
        says(cluster, line, &format!("{removed}{answer}")).await?;
        is_whole(cluster).await?;
    }
    // another container brings the network back
    cluster.xdock_done("power xcat2 off").await?;
    cluster.sh(HOST, "docker network rm mynet0").await?;
    cluster.xdock_done("mk full2").await?;
    is_reported(cluster, "network mynet0 was removed and recreated", MK).await?;
    let restored = "xcat2: network mynet0 was removed and recreated; reconnected\nxcat2: success\n";
    says(cluster, "power xcat2 on", restored).await?;
    is_whole(cluster).await?;
    let ran = cluster.xdock("host host2 status").await?;
    same(&format!("host status: {ran:?}"), &ran.code, &0)?;
    cluster.xdock_done("rm -f xcat2,full2").await.map(drop)
}

async fn a_container_disconnected_by_hand_is_connected_again(cluster: &Cluster) -> Result<(), Failure> {
    with_data(cluster).await?;
    let fault = "not connected to mynet0";
    for (line, answer) in [("power xcat2 on", "container already started"), ("mk xcat2", "already created")] {
        cluster.sh(HOST, "docker network disconnect mynet0 xcat2").await?;
        is_reported(cluster, fault, MK).await?;
        let restored = "reconnected, its interface has a new name until the next start";
        says(cluster, line, &format!("xcat2: {fault}; {restored}\nxcat2: {answer}\n")).await?;
        let address = "exec xcat2 -- sh -c 'ip -o -4 addr | grep -o 10.99.2.70'";
        says(cluster, address, "xcat2: 10.99.2.70\n").await?;
    }
    cluster.xdock_done("power xcat2 restart").await?;
    is_whole(cluster).await?;
    cluster.xdock_done("power xcat2 off").await?;
    cluster.sh(HOST, "docker network disconnect -f mynet0 xcat2").await?;
    let dry = format!(
        "xcat2: already created\nxcat2: {fault}\nxcat2: would connect to mynet0\nxcat2: would start\n"
    );
    says(cluster, "mk xcat2 --start --dry-run", &dry).await?;
    says(cluster, "power xcat2 on", &format!("xcat2: {fault}; reconnected\nxcat2: success\n")).await?;
    is_whole(cluster).await?;
    cluster.xdock_done("rm -f xcat2").await.map(drop)
}

async fn another_network_and_another_address_are_reported(cluster: &Cluster) -> Result<(), Failure> {
    with_data(cluster).await?;
    cluster.sh(HOST, "docker network create byhand && docker network connect byhand xcat2").await?;
    let fault = "manually connected to byhand";
    is_reported(cluster, fault, "docker network disconnect byhand xcat2 disconnects it").await?;
    let left = format!("xcat2: {fault}; not changed\nxcat2: already created\n");
    says(cluster, "mk xcat2", &left).await?;
    let ran = cluster.xdock("mk xcat2 --strict").await?;
    let error = format!("xcat2: Error: already created, with warnings: {fault}; not changed\n");
    same("mk --strict", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(1, "", error.as_str()))?;
    cluster.sh(HOST, "docker network disconnect byhand xcat2 && docker network rm byhand").await?;
    cluster.xdock_done("power xcat2 off").await?;
    let other =
        "docker network disconnect -f mynet0 xcat2 && docker network connect --ip 10.99.2.50 mynet0 xcat2";
    cluster.sh(HOST, other).await?;
    let fault = "has 10.99.2.50 on mynet0, not 10.99.2.70";
    is_reported(cluster, fault, MK).await?;
    says(cluster, "power xcat2 on", &format!("xcat2: {fault}; reconnected\nxcat2: success\n")).await?;
    is_whole(cluster).await?;
    cluster.xdock_done("rm -f xcat2").await.map(drop)
}

async fn an_outsider_that_holds_a_node_s_address_is_named(cluster: &Cluster) -> Result<(), Failure> {
    // moby/moby #49781
    let outsider = "docker run -d --name outsider --network mynet0 --ip 10.99.2.70 busybox sleep 100000";
    cluster.xdock_done("mk xcat2").await?;
    cluster.sh(HOST, outsider).await?;
    let named = |stderr: &str| {
        let line = stderr.lines().next().unwrap_or_default();
        line.contains("xcat2 is on mynet0 already, as endpoint ")
            && line.ends_with("; that is the container outsider")
    };
    let ran = cluster.xdock("power xcat2 on").await?;
    same(&format!("{ran:?}"), &(ran.code, named(&ran.stderr)), &(1, true))?;
    cluster.xdock_done("rm xcat2").await?;
    let ran = cluster.xdock("mk xcat2 --start").await?;
    same(&format!("{ran:?}"), &(ran.code, named(&ran.stderr)), &(1, true))?;
    let hint = "hint: the container exists: fix the cause, then run \"xdock power xcat2 on\"";
    same("hint", ran.stderr.lines().last().unwrap_or_default(), hint)?;
    // with the command from the message
    cluster.sh(HOST, "docker rm -f outsider").await?;
    says(cluster, "power xcat2 on", "xcat2: success\n").await?;
    cluster.xdock_done("rm -f xcat2").await.map(drop)
}
