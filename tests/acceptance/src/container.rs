//! What a running container really has, seen from the kernel: its interfaces and whom it reaches.

use std::net::IpAddr;

use serde::Deserialize;

use crate::cluster::Cluster;
use crate::engine::Failure;

/// An interface inside a container, loopback left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its MAC address.
    pub mac: String,
    /// Its addresses but link-local ones.
    pub addresses: Vec<IpAddr>,
    /// Its MTU in bytes.
    pub mtu: u32,
}

/// As `ip -j addr` writes it.
#[derive(Deserialize)]
struct IpLink {
    ifname: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    addr_info: Vec<IpAddress>,
    mtu: u32,
}

#[derive(Deserialize)]
struct IpAddress {
    local: IpAddr,
    scope: String,
}

/// The interfaces of a container, by the host's `ip -j addr` inside its network namespace.
///
/// # Errors
/// The container does not run.
pub async fn interfaces(cluster: &Cluster, host: &str, container: &str) -> Result<Vec<Interface>, Failure> {
    let text = cluster.sh(host, &inside(container, "ip -j addr")).await?;
    let links: Vec<IpLink> = serde_json::from_str(&text)?;
    let mut found: Vec<Interface> =
        links.into_iter().filter(|link| link.ifname != "lo").map(Interface::from).collect();
    found.sort();
    Ok(found)
}

impl From<IpLink> for Interface {
    fn from(link: IpLink) -> Self {
        let global = link.addr_info.into_iter().filter(|address| address.scope != "link");
        Self {
            name: link.ifname,
            mac: link.address,
            addresses: global.map(|address| address.local).collect(),
            mtu: link.mtu,
        }
    }
}

/// A line of shell that runs a program of the host in the container's network namespace.
pub fn inside(container: &str, program: &str) -> String {
    format!("nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {container}) -n {program}")
}

/// Pings every address from a container, three tries each: those that did not answer, and the median time in
/// milliseconds of those that did.
///
/// # Errors
/// The container does not run.
pub async fn ping_all(
    cluster: &Cluster,
    host: &str,
    container: &str,
    addresses: &[IpAddr],
) -> Result<(Vec<IpAddr>, f64), Failure> {
    let list: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    // one process in the namespace for all, in parallel: hundreds of pairs are pinged
    let script = format!(
        "for a in {}; do (ping -n -c 3 -i 0.2 -W 2 $a | sed -n \"s/^rtt .* = [0-9.]*\\/\\([0-9.]*\\)\\/.*/$a \\1/p\") & done; wait",
        list.join(" ")
    );
    let said =
        cluster.sh(host, &inside(container, &format!("sh -c '{}'", script.replace('\'', r"'\''")))).await?;
    let answered: Vec<(IpAddr, f64)> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(address, time)| Some((address.parse().ok()?, time.parse().ok()?)))
        .collect();
    let silent = addresses.iter().copied().filter(|a| !answered.iter().any(|(from, _)| from == a)).collect();
    let mut times: Vec<f64> = answered.iter().map(|(_, time)| *time).collect();
    times.sort_by(f64::total_cmp);
    Ok((silent, times.get(times.len() / 2).copied().unwrap_or(f64::NAN)))
}
