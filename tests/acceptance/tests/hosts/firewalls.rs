//! Firewalls that name the NIC: when it becomes a port of a bridge, the management node's ssh still gets in, or the old network
//! comes back. The suite `matrix` tries all pairs of firewall and network manager.

use acceptance::firewall::{Firewall, change_is_refused, old_network_comes_back, zone_moves, zone_nic};
use acceptance::network::step;
use acceptance::{Cluster, Failure};
use futures_util::future::try_join_all;

acceptance::promises![
    a_firewall_that_accepts_ssh_on_the_nic_only_causes_a_rollback,
    without_the_helper_such_a_firewall_refuses_the_change,
    a_dry_run_reports_what_names_the_nic,
    the_zone_of_the_nic_moves_with_its_address,
];

/// Each on a host of another manager; firewalld is on host3.
const FIREWALLS: [(&str, Firewall); 3] =
    [("host1", Firewall::Iptables), ("host2", Firewall::Nftables), ("host4", Firewall::Ufw)];

async fn a_firewall_that_accepts_ssh_on_the_nic_only_causes_a_rollback(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // as in kernelkit/infix #1345 and NethServer/dev #5637
    let tried = FIREWALLS.map(|(host, firewall)| old_network_comes_back(cluster, host, firewall));
    try_join_all(tried).await.map(drop)
}

async fn without_the_helper_such_a_firewall_refuses_the_change(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("mn", "systemctl stop xdock-knock.socket").await?;
    let tried = FIREWALLS.map(|(host, firewall)| change_is_refused(cluster, host, firewall));
    let refused = try_join_all(tried).await;
    cluster.sh("mn", "systemctl start xdock-knock.socket").await?;
    refused.map(drop)
}

async fn a_dry_run_reports_what_names_the_nic(cluster: &Cluster) -> Result<(), Failure> {
    let [(host, firewall), ..] = FIREWALLS;
    cluster.write(host, "/etc/sysctl.d/50-own.conf", "net.ipv4.conf.eth0.rp_filter = 2\n").await?;
    cluster.write(host, "/etc/dnsmasq.d/own", "interface=eth0\n").await?;
    cluster.sh(host, firewall.accept_on_nic()).await?;
    let said = step(cluster, host, "network --dry-run").await;
    let clean = format!("{}; rm -r /etc/sysctl.d/50-own.conf /etc/dnsmasq.d", firewall.remove());
    cluster.sh(host, &clean).await?;
    let said = said?;
    for line in [
        format!(
            "{} (accepts ssh on eth0 only; nothing accepts it on mynet0)",
            firewall.rule().unwrap_or_default()
        ),
        "iptables: -A INPUT -i eth0 -p icmp -j ACCEPT (names eth0, not mynet0)".to_owned(),
        "/etc/sysctl.d/50-own.conf:1: net.ipv4.conf.eth0.rp_filter = 2 (names eth0, not mynet0)".to_owned(),
        "/etc/dnsmasq.d/own:1: interface=eth0 (names eth0, not mynet0)".to_owned(),
    ] {
        if !said.contains(&format!("xdock: network: note: {line}")) {
            return Err(format!("the dry run lacks {line:?}: {said}").into());
        }
    }
    Ok(())
}

/// Every other device is in a zone that drops all.
async fn the_zone_of_the_nic_moves_with_its_address(cluster: &Cluster) -> Result<(), Failure> {
    let host = "host3";
    zone_nic(cluster, host).await?;
    let moved = zone_moves(cluster, host).await;
    cluster.sh(host, Firewall::Firewalld.remove()).await?;
    moved
}
