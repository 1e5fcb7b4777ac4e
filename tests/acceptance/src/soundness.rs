//! What must be true of the cluster at any quiet moment, whatever was done to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use inventory::{ContainerSpec, Inventory, PublishedPorts};

use crate::cluster::Cluster;
use crate::container::{Interface, interfaces, ping_all};
use crate::engine::Failure;
use crate::network;

/// The containers of the suite's tables, by host.
///
/// # Errors
/// The tables are wrong.
pub fn expected(cluster: &Cluster) -> Result<BTreeMap<String, Vec<ContainerSpec>>, Failure> {
    let inventory = Inventory::from_stanzas(cluster.tables.text())?;
    let mut by_host: BTreeMap<String, Vec<ContainerSpec>> = BTreeMap::new();
    for node in inventory.select("containers")? {
        let spec = inventory.container(&node)?;
        by_host.entry(spec.host.name.to_string()).or_default().push(spec);
    }
    Ok(by_host)
}

/// All containers run, each with exactly the table's interfaces; links resolve, published ports are reached, no port lacks
/// its filter; every pair of hosts' containers pings; no port, record or interface too much. Waits for it: docker restarts
/// containers in its own time.
///
/// # Errors
/// What is not so.
pub async fn sound(cluster: &Cluster) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        match is_sound(cluster).await {
            Ok(()) => return all_ping(cluster).await,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

async fn is_sound(cluster: &Cluster) -> Result<(), Failure> {
    for (host, specs) in expected(cluster)? {
        running_are(cluster, &host, &specs).await?;
        for spec in &specs {
            let found = interfaces(cluster, &host, spec.node.as_str()).await?;
            same(&format!("interfaces of {} on {host}", spec.node), &found, &table_interfaces(spec))?;
        }
        nothing_leaked(cluster, &host, specs.iter().map(|spec| spec.attachments.len()).sum()).await?;
        filtered(cluster, &host).await?;
    }
    links_and_ports(cluster).await
}

/// Every container's port on a Linux bridge has the program that drops what is not the container's own.
async fn filtered(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let line = "for port in /sys/class/net/xh*/brport; do [ -e $port ] || continue; port=${port%/brport}; port=${port##*/}; \
        tc filter show dev $port ingress | grep -q bpf || echo $port; done";
    same(&format!("ports of {host} without a filter"), cluster.sh(host, line).await?.as_str(), "")
}

/// The aliases of links resolve in their container, and published ports are reached from another host.
async fn links_and_ports(cluster: &Cluster) -> Result<(), Failure> {
    let expected = expected(cluster)?;
    let all: Vec<(&String, &ContainerSpec)> =
        expected.iter().flat_map(|(host, specs)| specs.iter().map(move |spec| (host, spec))).collect();
    for (host, spec) in &all {
        for link in &spec.settings.links {
            let target = all
                .iter()
                .find(|(_, other)| other.node == link.node)
                .and_then(|(_, other)| other.attachments.first()?.ipv4());
            // with a dot: busybox asks for the name itself, not for it in the search domains
            let line = format!("docker exec {} nslookup {}. 2>&1 || true", spec.node, link.alias);
            let said = cluster.sh(host, &line).await?;
            if !target.is_some_and(|target| said.split_whitespace().any(|word| word == target.to_string())) {
                return Err(
                    format!("{} does not resolve {} as {target:?}: {said}", spec.node, link.alias).into()
                );
            }
        }
        let address = network::address(host);
        let (client, _) = all.iter().find(|(other, _)| other != host).ok_or("there is one host only")?;
        for (port, _) in spec.settings.ports.iter().flat_map(PublishedPorts::pairs) {
            let to = format!("/dev/tcp/{address}/{port}");
            let line =
                format!("timeout 3 bash -c 'exec 3<>{to} && echo GET / >&3 && head -n 1 <&3' 2>&1 || true");
            let said = cluster.sh(client, &line).await?;
            if !said.starts_with("HTTP/1") {
                return Err(format!("{client} does not reach {} at {to}: {said}", spec.node).into());
            }
        }
    }
    Ok(())
}

async fn running_are(cluster: &Cluster, host: &str, specs: &[ContainerSpec]) -> Result<(), Failure> {
    let said = cluster.sh(host, "docker ps --filter status=running --format '{{.Names}}'").await?;
    let found: BTreeSet<&str> = said.lines().collect();
    let wanted: BTreeSet<&str> = specs.iter().map(|spec| spec.node.as_str()).collect();
    same(&format!("running containers of {host}"), &found, &wanted)
}

/// What the tables say a container has: `eth0` on the first network, `eth1-0` on the second (ARCHITECTURE.md says why).
pub fn table_interfaces(spec: &ContainerSpec) -> Vec<Interface> {
    let named = |nic: &str| if nic == "eth0" { nic.to_owned() } else { format!("{nic}-0") };
    let interfaces = spec.attachments.iter().map(|at| Interface {
        name: named(at.nic.as_str()),
        mac: at.mac.to_string(),
        addresses: at.addresses.clone(),
        mtu: 1500,
    });
    interfaces.collect()
}

/// As many ports and records as there are endpoints, no other interface of netd's, and netd says that all is well.
///
/// # Errors
/// What is too much.
pub async fn nothing_leaked(cluster: &Cluster, host: &str, endpoints: usize) -> Result<(), Failure> {
    let ports = cluster.sh(host, "ip -o link | grep -c ': xh' || true").await?;
    same(&format!("ports (xh*) on {host}"), &ports, &endpoints.to_string())?;
    let strays = cluster.sh(host, "ip -o link | grep -c ': xc' || true").await?;
    same(&format!("container ends (xc*) left on {host}"), &strays, &"0".to_owned())?;
    let records = cluster.sh(host, "ls /run/xdock/netd/endpoints | wc -l").await?;
    same(&format!("endpoint records on {host}"), &records, &endpoints.to_string())?;
    let gateway = cluster.sh(host, "ip -o link | grep -c docker_gwbridge || true").await?;
    same(&format!("docker_gwbridge on {host}"), &gateway, &"0".to_owned())
}

/// Every container reaches every other at every address of the networks that they share.
///
/// # Errors
/// Who is not reached.
pub async fn all_ping(cluster: &Cluster) -> Result<(), Failure> {
    let expected = expected(cluster)?;
    let all: Vec<(&String, &ContainerSpec)> =
        expected.iter().flat_map(|(host, specs)| specs.iter().map(move |spec| (host, spec))).collect();
    for (host, spec) in &all {
        let others = all.iter().filter(|(_, other)| other.node != spec.node);
        let reachable = |other: &ContainerSpec| -> Vec<IpAddr> {
            let shared = other
                .attachments
                .iter()
                .filter(|at| spec.attachments.iter().any(|own| own.network == at.network));
            shared.flat_map(|at| at.addresses.clone()).collect()
        };
        let addresses: Vec<IpAddr> = others.flat_map(|(_, other)| reachable(other)).collect();
        let (silent, _) = ping_all(cluster, host, spec.node.as_str(), &addresses).await?;
        same(&format!("addresses that do not answer {}", spec.node), &silent, &vec![])?;
    }
    Ok(())
}

/// Equal, or an error with both.
///
/// # Errors
/// They differ.
pub fn same<T: PartialEq + std::fmt::Debug + ?Sized>(
    what: &str,
    found: &T,
    wanted: &T,
) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: found {found:?}, wanted {wanted:?}").into()) }
}
