//! First boots with the helper's test, under each manager; and a change that ignores the firewall. The hosts of the pairs have their
//! changes on trial until then.

use std::time::{Duration, Instant};

use acceptance::firewall::Firewall;
use acceptance::network::{becomes_bridged, install, seen, ssh_gets_in, step};
use acceptance::{Cluster, Failure};
use futures_util::future::try_join_all;
use lab::Power;

acceptance::promises![
    a_step_that_ignores_the_firewall_changes_the_network_and_reports_it,
    a_first_boot_that_lets_ssh_in_keeps_the_new_network,
    a_first_boot_behind_ufw_keeps_the_new_network,
    a_first_boot_behind_firewalld_keeps_the_new_network,
    a_first_boot_that_drops_ssh_brings_the_old_network_back,
];

/// Without a firewall, one under each manager.
const BARE: [&str; 4] = ["host17", "host18", "host19", "host20"];
/// The hosts of the pairs, by firewall.
const IPTABLES: [&str; 4] = ["host1", "host2", "host3", "host4"];
const NFTABLES: [&str; 4] = ["host5", "host6", "host7", "host8"];
const UFW: [&str; 4] = ["host9", "host10", "host11", "host12"];
const FIREWALLD: [&str; 4] = ["host13", "host14", "host15", "host16"];

async fn a_step_that_ignores_the_firewall_changes_the_network_and_reports_it(
    cluster: &Cluster,
) -> Result<(), Failure> {
    try_join_all(BARE.map(|host| ignores(cluster, host))).await.map(drop)
}

async fn ignores(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let firewall = Firewall::Iptables;
    install(cluster, host, firewall.packages()).await?;
    cluster.sh(host, firewall.accept_on_nic()).await?;
    let ended = step(cluster, host, "network firewall=ignore").await;
    let reached = ssh_gets_in(cluster, host).await;
    cluster.sh(host, firewall.remove()).await?;
    let said = ended?;
    if !said.contains("; new ssh connections were not tested, because of firewall=ignore") {
        return Err(format!("{host} does not say that it ignored the firewall: {said}").into());
    }
    if reached.is_ok() {
        return Err(format!("ssh gets into {host}: its rules do not drop it, so nothing was tried").into());
    }
    becomes_bridged(cluster, host).await?;
    ssh_gets_in(cluster, host).await
}

async fn a_first_boot_that_lets_ssh_in_keeps_the_new_network(cluster: &Cluster) -> Result<(), Failure> {
    let firewall = Firewall::Iptables;
    let rules = format!("{}; {}", firewall.accept_on_nic(), firewall.accept_on_bridge());
    try_join_all(IPTABLES.map(async |host| {
        filter_at_boot(cluster, host, &rules).await?;
        keeps(cluster, host).await?;
        cluster.sh(host, "iptables -S INPUT | grep -q -- '-P INPUT DROP'").await.map(drop)
    }))
    .await
    .map(drop)
}

async fn a_first_boot_behind_ufw_keeps_the_new_network(cluster: &Cluster) -> Result<(), Failure> {
    try_join_all(UFW.map(async |host| {
        keeps(cluster, host).await?;
        cluster.sh(host, "iptables -S INPUT | grep -q -- '-P INPUT DROP'").await.map(drop)
    }))
    .await
    .map(drop)
}

async fn a_first_boot_behind_firewalld_keeps_the_new_network(cluster: &Cluster) -> Result<(), Failure> {
    try_join_all(FIREWALLD.map(async |host| {
        keeps(cluster, host).await?;
        let zone = "[ \"$(firewall-cmd --get-zone-of-interface=mynet0)\" = internal ]";
        cluster.sh(host, zone).await.map(drop)
    }))
    .await
    .map(drop)
}

/// Boots with the change on trial.
async fn keeps(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    step(cluster, host, "network").await?;
    boot(cluster, host).await?;
    logged(cluster, host, "the first boot with the new network is confirmed; it is kept").await?;
    becomes_bridged(cluster, host).await?;
    ssh_gets_in(cluster, host).await
}

/// The way in was open when the change was made. The rules that close it come with the boot.
async fn a_first_boot_that_drops_ssh_brings_the_old_network_back(cluster: &Cluster) -> Result<(), Failure> {
    try_join_all(NFTABLES.map(|host| goes_back(cluster, host))).await.map(drop)
}

async fn goes_back(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    step(cluster, host, "network").await?;
    install(cluster, host, Firewall::Nftables.packages()).await?;
    filter_at_boot(cluster, host, Firewall::Nftables.accept_on_nic()).await?;
    boot(cluster, host).await?;
    // a host of the lab cannot boot by itself: it ends, and is put on again
    let back = "the files of the previous network are restored, and the host reboots";
    let root = cluster.lab.host(host)?.root;
    on_disk(&root.join("var/log/xcat/xcat.log"), back).await?;
    // it may have ended by itself meanwhile
    let _ = cluster.lab.power(host, Power::Cut).await;
    cluster.lab.power(host, Power::On).await?;
    ssh_gets_in(cluster, host).await?;
    let found = seen(cluster, host).await?;
    let is_old = found.lines().any(|line| line.starts_with("eth0 ")) && !found.contains("port eth0");
    if is_old { Ok(()) } else { Err(format!("{host} is not on its old network: {found}").into()) }
}

/// Loads rules at each boot before the network is up.
async fn filter_at_boot(cluster: &Cluster, host: &str, rules: &str) -> Result<(), Failure> {
    let unit = "[Unit]\nDescription=Packet filter of this host\nDefaultDependencies=no\nBefore=network-pre.target\n\
                Wants=network-pre.target\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh /etc/filter\n\n\
                [Install]\nWantedBy=sysinit.target\n";
    cluster.write(host, "/etc/filter", rules).await?;
    cluster.write(host, "/etc/systemd/system/filter.service", unit).await?;
    cluster.sh(host, "systemctl enable filter.service").await.map(drop)
}

async fn boot(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    cluster.lab.power(host, Power::Off).await?;
    Ok(cluster.lab.power(host, Power::On).await?)
}

/// Waits until the log of the postscripts has a line.
async fn logged(cluster: &Cluster, host: &str, line: &str) -> Result<(), Failure> {
    let root = cluster.lab.host(host)?.root;
    on_disk(&root.join("var/log/xcat/xcat.log"), line).await
}

/// The same from outside: the host may go off.
async fn on_disk(log: &std::path::Path, line: &str) -> Result<(), Failure> {
    // a first boot gives the management node 120 s to answer
    let end = Instant::now() + Duration::from_secs(240);
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        match text.contains(line) {
            true => return Ok(()),
            false if Instant::now() > end => {
                return Err(format!("{} lacks {line:?}: {text}", log.display()).into());
            }
            false => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}
