//! Faults of packet filters and forwarding databases.

use acceptance::{Cluster, Failure};

use crate::fault::{Fault, mac, port};

acceptance::promises![
    a_rule_that_drops_forwarded_packets_is_named,
    a_reload_of_the_firewall_is_named,
    a_flushed_packet_filter_is_noted,
    a_chain_of_nftables_that_drops_is_named,
    a_wrong_entry_of_the_forwarding_database_is_named,
];

const FLAT: (&str, &str) = ("host1c1", "host2c1");

/// Saves and restores all rules of iptables.
fn with_rules(put_in: &str) -> (String, String) {
    (format!("iptables-save > /run/why.rules; {put_in}"), "iptables-restore < /run/why.rules".to_owned())
}

async fn a_rule_that_drops_forwarded_packets_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = with_rules("iptables -I FORWARD -j DROP");
    Fault::new(FLAT, "host2", &put_in, &take_out)
        .named(cluster, "firewall host2: before the rule: -A FORWARD -j DROP")
        .await
}

async fn a_reload_of_the_firewall_is_named(cluster: &Cluster) -> Result<(), Failure> {
    // Docker's policy stays, all rules go
    let (put_in, take_out) = with_rules("iptables -P FORWARD DROP; iptables -F FORWARD");
    Fault::new(FLAT, "host1", &put_in, &take_out)
        .named(
            cluster,
            "firewall host1: before the rule: -P FORWARD DROP; to correct it: ssh host1 netd reconcile",
        )
        .await
}

async fn a_flushed_packet_filter_is_noted(cluster: &Cluster) -> Result<(), Failure> {
    let (put_in, take_out) = with_rules("iptables -P FORWARD ACCEPT; iptables -F; iptables -X");
    Fault::new(FLAT, "host1", &put_in, &take_out)
        .noted(cluster, "firewall host1: no rule of netd; nothing drops")
        .await
}

async fn a_chain_of_nftables_that_drops_is_named(cluster: &Cluster) -> Result<(), Failure> {
    acceptance::network::install(cluster, "host2", "nftables").await?;
    let put_in =
        "nft 'table inet mine { chain forward { type filter hook forward priority 0; policy drop; }; }'";
    let message = "firewall host2: may drop: inet mine forward (policy drop); to correct it: ssh host2 nft list table inet mine";
    Fault::new(FLAT, "host2", put_in, "nft delete table inet mine").named(cluster, message).await
}

async fn a_wrong_entry_of_the_forwarding_database_is_named(cluster: &Cluster) -> Result<(), Failure> {
    let (mac, port) = (mac(cluster, "host2", "host2c1").await?, port(cluster, "host1", "host1c2").await?);
    // a sticky one: others move as soon as a frame from the MAC arrives elsewhere
    let put_in = format!("bridge fdb replace {mac} dev {port} master static sticky");
    let take_out = format!("bridge fdb del {mac} dev {port} master");
    Fault::new(FLAT, "host1", &put_in, &take_out)
        .named(
            cluster,
            &format!("fdb host1: behind {port}, set by hand; to correct it: ssh host1 {take_out}"),
        )
        .await
}
