//! Faults, put in by hand. Each host restores its network by itself, within 5 s, with its container.

use acceptance::network::{address, nothing_to_do};
use acceptance::{Cluster, Failure};

use crate::HOSTS;
use crate::measure::all_healed;

acceptance::promises![
    #[alone]
    a_deleted_bridge_is_back_within_5_s,
    #[alone]
    a_deleted_address_is_back_within_5_s,
    #[alone]
    a_deleted_default_route_is_back_within_5_s,
    #[alone]
    a_port_taken_out_of_its_bridge_is_back_within_5_s,
    #[alone]
    a_nic_set_down_is_up_within_5_s,
    #[alone]
    a_bridge_set_down_is_up_within_5_s,
    #[alone]
    a_changed_mtu_is_back_within_5_s,
    #[alone]
    all_bridges_deleted_at_once_are_back_within_5_s,
    nothing_is_left_for_the_next_run,
];

async fn a_deleted_bridge_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip link del mynet0".to_owned()).await
}

async fn a_deleted_address_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |host| format!("ip addr del {}/16 dev mynet0", address(host))).await
}

async fn a_deleted_default_route_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip route del default".to_owned()).await
}

async fn a_port_taken_out_of_its_bridge_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip link set eth0 nomaster".to_owned()).await
}

async fn a_nic_set_down_is_up_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip link set eth0 down".to_owned()).await
}

async fn a_bridge_set_down_is_up_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip link set mynet0 down".to_owned()).await
}

async fn a_changed_mtu_is_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip link set eth0 mtu 1300".to_owned()).await
}

async fn all_bridges_deleted_at_once_are_back_within_5_s(cluster: &Cluster) -> Result<(), Failure> {
    all_healed(cluster, &HOSTS, |_| "ip link del br98; ip link del mynet0".to_owned()).await
}

/// The managers know what was restored, and the network is the confirmed one.
async fn nothing_is_left_for_the_next_run(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}
