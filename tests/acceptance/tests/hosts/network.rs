//! What a host's network must be, and how it is changed.

use std::time::{Duration, Instant};

use acceptance::{Cluster, Failure, Tables};

/// The suite's tables. They say the MTU, so that another one can be taken back.
pub(crate) fn tables() -> Tables {
    Tables::of_lab_with(
        4,
        &[("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("mtu", "1500")],
    )
}

/// The lab's hosts, by manager.
pub(crate) const HOSTS: [&str; 4] = ["host1", "host2", "host3", "host4"];

/// The table's address of a host.
pub(crate) fn address(host: &str) -> String {
    format!("10.99.0.1{}", host.trim_start_matches("host"))
}

/// Addresses, ports and default routes, one a line: equal texts are equal networks.
pub(crate) async fn seen(cluster: &Cluster, host: &str) -> Result<String, Failure> {
    let look = "ip -br -4 addr show | awk '$1 != \"lo\" && $1 != \"docker0\" {sub(/@.*/, \"\", $1); print $1, $3, $4}' | sort; \
                for p in /sys/class/net/*/brport; do [ -e $p ] && echo port $(basename $(dirname $p)) of $(basename $(readlink $p/bridge)); done; \
                ip -4 route show default; ip -4 route show 10.99.0.0/16 | awk '{print $1, $2, $3}'";
    cluster.sh(host, look).await
}

/// `eth0` in the bridge `mynet0`, which has the table's address and nothing else has; the management node is reached.
pub(crate) async fn is_bridged(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let found = seen(cluster, host).await?;
    let of_containers = |line: &&str| !line.starts_with("port xh");
    let lines: Vec<&str> = found.lines().map(str::trim_end).filter(of_containers).collect();
    let bridge = format!("mynet0 {}/16", address(host));
    let wanted = [bridge.as_str(), "port eth0 of mynet0", "10.99.0.0/16 dev mynet0"];
    let missing: Vec<&&str> = wanted.iter().filter(|line| !lines.contains(line)).collect();
    if !missing.is_empty() {
        return Err(format!("{host} lacks {missing:?}: {found}").into());
    }
    if let Some(line) = lines.iter().find(|line| line.starts_with("eth0 ")) {
        return Err(format!("{host} has its address on the NIC: {line}").into());
    }
    cluster.sh(host, "ping -c 1 -W 2 10.99.0.1").await.map(drop)
}

/// As [`is_bridged`], waited for: managers work on after they said that they are ready.
pub(crate) async fn becomes_bridged(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match is_bridged(cluster, host).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(500)).await,
            ended => return ended,
        }
    }
}

/// Runs a step on a host through updatenode; what it said.
pub(crate) async fn step(cluster: &Cluster, host: &str, words: &str) -> Result<String, Failure> {
    cluster.updatenode(&[host], &format!("xdock {words}")).await
}

/// The step must have nothing to do.
pub(crate) async fn nothing_to_do(cluster: &Cluster, host: &str, words: &str) -> Result<(), Failure> {
    let said = step(cluster, host, words).await?;
    let name = words.split(' ').next().unwrap_or_default();
    match said.contains(&format!("xdock: {name}: nothing to do")) {
        true => Ok(()),
        false => Err(format!("{words} on {host} did something again: {said}").into()),
    }
}
