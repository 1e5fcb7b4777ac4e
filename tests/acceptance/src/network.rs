//! The network of a lab's host before and after `xdock network` makes `eth0` a port of the bridge `mynet0`.

use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::engine::Failure;

/// How long a manager may take until the bridge is as the tables say.
const SETTLED: Duration = Duration::from_secs(30);

/// The address that the tables give a host: 10.99.0.11 for `host1`.
pub fn address(host: &str) -> String {
    let number: u16 = host.trim_start_matches("host").parse().unwrap_or_default();
    format!("10.99.0.{}", 10 + number)
}

/// Addresses, ports and default routes, one a line. Equal texts are equal networks.
///
/// # Errors
/// The host does not answer.
pub async fn seen(cluster: &Cluster, host: &str) -> Result<String, Failure> {
    let look = "ip -br -4 addr show | awk '$1 != \"lo\" && $1 != \"docker0\" {sub(/@.*/, \"\", $1); gsub(/ metric [0-9]+/, \"\"); print $1, $3, $4}' | sort; \
                for p in /sys/class/net/*/brport; do [ -e $p ] && echo port $(basename $(dirname $p)) of $(basename $(readlink $p/bridge)); done; \
                ip -4 route show default; ip -4 route show 10.99.0.0/16 | awk '{print $1, $2, $3}'";
    cluster.sh(host, look).await
}

/// Checks that `eth0` is a port of `mynet0`, that only the bridge has the table's address, and that the host reaches the
/// management node.
///
/// # Errors
/// What is missing.
pub async fn is_bridged(cluster: &Cluster, host: &str) -> Result<(), Failure> {
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

/// Waits for [`is_bridged`]. A manager goes on working after it has reported that it is ready.
///
/// # Errors
/// What is still missing after 30 seconds.
pub async fn becomes_bridged(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + SETTLED;
    loop {
        match is_bridged(cluster, host).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(500)).await,
            ended => return ended,
        }
    }
}

/// Runs a step on a host through updatenode. Returns its output.
///
/// # Errors
/// The step failed. The error has its output.
pub async fn step(cluster: &Cluster, host: &str, words: &str) -> Result<String, Failure> {
    cluster.updatenode(&[host], &format!("xdock {words}")).await
}

/// Runs a step that must have nothing to do.
///
/// # Errors
/// It failed, or changed something.
pub async fn nothing_to_do(cluster: &Cluster, host: &str, words: &str) -> Result<(), Failure> {
    let said = step(cluster, host, words).await?;
    let name = words.split(' ').next().unwrap_or_default();
    match said.contains(&format!("xdock: {name}: nothing to do")) {
        true => Ok(()),
        false => Err(format!("{words} on {host} did something again: {said}").into()),
    }
}

/// Opens a new ssh connection from the management node to a host.
///
/// # Errors
/// It does not get in.
pub async fn ssh_gets_in(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let line = format!(
        "ssh -o BatchMode=yes -o ConnectTimeout=5 -o ControlMaster=no -o ControlPath=none root@{} true",
        address(host)
    );
    cluster.sh("mn", &line).await.map(drop).map_err(|error| format!("{host} is cut off: {error}").into())
}

/// Installs packages on a host from the management node, as the docker step does.
///
/// # Errors
/// Output of apt.
pub async fn install(cluster: &Cluster, host: &str, packages: &str) -> Result<(), Failure> {
    cluster.sh(host, &install_line(packages)).await.map(drop)
}

/// The line of shell that does so on any machine of a lab.
pub fn install_line(packages: &str) -> String {
    format!(
        "echo 'deb [trusted=yes] http://10.99.0.1/install/post/otherpkgs/debian12/x86_64/ ./' > /root/mn.list; \
         apt='apt-get -qq -y -o Dir::Etc::SourceList=/root/mn.list -o Dpkg::Options::=--force-unsafe-io'; \
         export DEBIAN_FRONTEND=noninteractive; $apt update && $apt --no-install-recommends install {packages}; \
         rm /root/mn.list"
    )
}
