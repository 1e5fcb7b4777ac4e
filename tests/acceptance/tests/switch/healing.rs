//! Running hosts restore their own network on Open vSwitch. Nothing but the host itself takes part.

use acceptance::container::inside;
use acceptance::network::nothing_to_do;
use acceptance::soundness::sound;
use acceptance::{Cluster, Failure};

use crate::HOSTS;

acceptance::promises![
    #[alone]
    a_deleted_switch_is_back_within_5_s,
    #[alone]
    a_removed_uplink_is_back_within_5_s,
    #[alone]
    a_changed_vlan_of_the_host_is_back_within_5_s,
    #[alone]
    a_deleted_address_of_a_switch_is_back_within_5_s,
    #[alone]
    an_internal_port_set_down_is_up_within_5_s,
    sound_after_the_hosts_restored_their_switches,
];

/// What the promise is, in milliseconds.
const LIMIT: u64 = 5_000;

/// A condition of the shell: the host reaches the management node, and its container another host's in the same VLAN.
fn good(number: u8) -> String {
    // hostNc1 is in VLAN 71 if N is odd; on the next host the second container is in the same VLAN
    let (vlan, next) = (if number % 2 == 1 { 71 } else { 72 }, number % 4 + 1);
    let address = format!("10.{vlan}.{next}.2");
    format!(
        "ip -4 -o addr show dev br0 | grep -q '10.99.0.1{number}/16' && [ \"$(ovs-vsctl list-ports br0 | grep eth)\" = eth0 ] && \
         ! ip -4 -o addr show dev eth0 | grep -q inet && ping -q -c 1 -W 1 10.99.0.1 && {}",
        inside(&format!("host{number}c1"), &format!("ping -q -c 1 -W 1 {address}"))
    )
}

async fn restored(cluster: &Cluster, spoil: &str) -> Result<(), Failure> {
    // one after the other: the containers reach each other
    let mut shown = Vec::new();
    for (host, number) in HOSTS.iter().zip(1..) {
        let good = good(number);
        let line = format!(
            "{{ {good}; }} >/dev/null 2>&1 || {{ echo 'not good before'; ovs-vsctl show; ip -br addr; exit 1; }}; \
             begin=$(date +%s%N); {spoil}; \
             for i in $(seq 300); do if {{ {good}; }} >/dev/null 2>&1; then echo $((($(date +%s%N) - begin) / 1000000)); exit 0; fi; sleep 0.05; done; \
             ovs-vsctl show; ip -br addr; ip route; cat /run/xdock/network/watch.json; tail -5 /var/log/xcat/xcat.log; exit 1"
        );
        let ran = cluster.run(host, &line).await?;
        let time: u64 = ran.stdout.trim().parse().map_err(|_| format!("{host} after {spoil}: {ran:?}"))?;
        shown.push((*host, time));
    }
    eprintln!("  restored after: {shown:?} ms");
    match shown.iter().find(|(_, time)| *time > LIMIT) {
        None => Ok(()),
        Some((host, time)) => Err(format!("{host} took {time} ms").into()),
    }
}

async fn a_deleted_switch_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    restored(cluster, "ovs-vsctl del-br br0").await
}

async fn a_removed_uplink_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    restored(cluster, "ovs-vsctl del-port br0 eth0").await
}

async fn a_changed_vlan_of_the_host_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    restored(cluster, "ovs-vsctl set port br0 tag=99").await
}

async fn a_deleted_address_of_a_switch_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    restored(cluster, "ip -4 addr flush dev br0").await
}

async fn an_internal_port_set_down_is_up_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    restored(cluster, "ip link set br0 down").await
}

async fn sound_after_the_hosts_restored_their_switches(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        nothing_to_do(cluster, host, "network").await?;
    }
    sound(cluster).await
}
