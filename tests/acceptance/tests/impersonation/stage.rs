//! The containers' namespaces, and what is sent and received in them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use acceptance::container::interfaces;
use acceptance::{Cluster, Failure};
use hostnet::netns::Namespace;

use crate::frames::{self, Frame, Station};

/// The two fabrics, each with its interface in the containers.
pub(crate) const FABRICS: [(&str, &str); 2] = [("Linux bridge", "eth0"), ("Open vSwitch", "eth1-0")];

/// Longer than a switch needs to deliver a frame.
const DELIVERY: Duration = Duration::from_millis(700);
const SOON: Duration = Duration::from_secs(20);

/// A container's interface as a station, and the namespace that it is in.
pub(crate) struct Container {
    pub(crate) station: Station,
    pub(crate) namespace: Namespace,
    pub(crate) device: String,
}

pub(crate) async fn container(cluster: &Cluster, node: &str, device: &str) -> Result<Container, Failure> {
    let host = if node.ends_with('1') { "host1" } else { "host2" };
    let pid = cluster.sh(host, &format!("docker inspect -f '{{{{.State.Pid}}}}' {node}")).await?;
    let leader = cluster.lab.host(host)?.leader.ok_or("the host is off")?;
    let path = format!("/proc/{leader}/root/proc/{}/ns/net", pid.trim());
    let namespace = Namespace::open(Path::new(&path))?;
    let found = interfaces(cluster, host, node).await?;
    let found = found.into_iter().find(|interface| interface.name == device);
    let found = found.ok_or_else(|| format!("{node} has no interface {device}"))?;
    let text = |v4: bool| {
        let address = found.addresses.iter().find(|address| address.is_ipv4() == v4);
        address.map(ToString::to_string).ok_or_else(|| format!("{node} lacks an address on {device}"))
    };
    let station = frames::station(&found.mac, &text(true)?, &text(false)?);
    Ok(Container { station, namespace, device: device.to_owned() })
}

/// What `b1` and `c2` receive of the frames that `a1` sends.
pub(crate) async fn heard(
    cluster: &Cluster,
    device: &str,
    frames: &[Frame],
) -> Result<[BTreeSet<String>; 2], Failure> {
    let a1 = container(cluster, "a1", device).await?;
    let mut listening = Vec::new();
    for node in ["b1", "c2"] {
        let listener = container(cluster, node, device).await?;
        listening.push(listener.namespace.run(|| frames::listen(&listener.device))?);
    }
    a1.namespace.run(|| frames::send(&a1.device, frames))?;
    tokio::time::sleep(DELIVERY).await;
    let names = |socket| frames::received(socket, frames).into_iter().map(str::to_owned).collect();
    Ok([names(&listening[0]), names(&listening[1])])
}

/// Frames of `a1` as itself and as an impostor of `c2`.
pub(crate) async fn frames_of_a1(cluster: &Cluster, device: &str) -> Result<Vec<Frame>, Failure> {
    let own = container(cluster, "a1", device).await?.station;
    let other = container(cluster, "c2", device).await?.station;
    Ok(frames::all(&own, &other))
}

/// Dropped frames of `a1` on an interface, as `netd status --json` says.
pub(crate) async fn dropped(cluster: &Cluster, device: &str) -> Result<u64, Failure> {
    let status: serde_json::Value = serde_json::from_str(&cluster.sh("host1", "netd status --json").await?)?;
    let network = if device == "eth0" { "net98" } else { "red" };
    let endpoints = status["endpoints"].as_array().ok_or("no endpoints")?;
    let of_a1 = endpoints.iter().find(|endpoint| endpoint["node"] == "a1" && endpoint["network"] == network);
    let endpoint = of_a1.ok_or("a1 is not attached")?;
    endpoint["dropped"].as_u64().ok_or_else(|| format!("no count in {endpoint}").into())
}

/// Retries until it holds.
pub(crate) async fn soon(what: &str, holds: impl AsyncFn() -> Result<bool, Failure>) -> Result<(), Failure> {
    let deadline = std::time::Instant::now() + SOON;
    while !holds().await? {
        if std::time::Instant::now() > deadline {
            return Err(format!("never: {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Gives the management node other tables and delivers them.
pub(crate) async fn with_tables(cluster: &Cluster, tables: &acceptance::Tables) -> Result<(), Failure> {
    cluster.write_tables(tables).await?;
    cluster.xdock_done("sync dockerhosts").await.map(drop)
}
