//! Hosts that have their address by DHCP from the management node, each under another manager, with definitions that find the NIC
//! by its Ethernet address or by a pattern. The lease moves with the NIC's place to the bridge. `tests/run long` runs it.

use std::time::Duration;

use acceptance::network::{address, becomes_bridged, nothing_to_do, ssh_gets_in, step};
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use lab::manager::Assignment;
use lab::{Manager, Power, Spec};
use tokio::runtime::Runtime;

/// Given to `host1`.. in this order; the last has a pattern in place of the address.
const MANAGERS: [Manager; 5] =
    [Manager::Ifupdown, Manager::Networkd, Manager::NetworkManager, Manager::Netplan, Manager::Netplan];

acceptance::promises![
    a_lease_of_ifupdown_moves_to_the_bridge,
    a_lease_of_networkd_by_the_address_of_the_nic_moves_to_the_bridge,
    a_lease_of_networkmanager_by_the_address_of_the_nic_moves_to_the_bridge,
    a_lease_of_netplan_by_another_id_than_the_name_moves_to_the_bridge,
    a_lease_of_netplan_by_a_pattern_moves_to_the_bridge,
];

async fn a_lease_of_ifupdown_moves_to_the_bridge(cluster: &Cluster) -> Result<(), Failure> {
    moves(cluster, "host1").await
}

async fn a_lease_of_networkd_by_the_address_of_the_nic_moves_to_the_bridge(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let mac = mac(cluster, "host2").await?;
    let file = format!("[Match]\nMACAddress={mac}\n\n[Network]\nDHCP=ipv4\n");
    cluster.write("host2", "/etc/systemd/network/10-eth0.network", &file).await?;
    cluster.sh("host2", "networkctl reload").await?;
    moves(cluster, "host2").await
}

async fn a_lease_of_networkmanager_by_the_address_of_the_nic_moves_to_the_bridge(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let mac = mac(cluster, "host3").await?;
    let change = format!(
        "cd /etc/NetworkManager/system-connections && \
         sed -i '/^interface-name=/d; s/^\\[ethernet\\]$/[ethernet]\\nmac-address={mac}/' eth0.nmconnection && nmcli connection reload"
    );
    cluster.sh("host3", &change).await?;
    moves(cluster, "host3").await
}

/// netplan's `macaddress` is the permanent one, which the lab's NICs do not have: that is tried on a whole machine.
async fn a_lease_of_netplan_by_another_id_than_the_name_moves_to_the_bridge(
    cluster: &Cluster,
) -> Result<(), Failure> {
    netplan(cluster, "host4", "01-lab", "lan0:\n      match: {name: eth0}").await?;
    moves(cluster, "host4").await
}

/// As Debian's cloud images have it (cozystack/cozystack #4306).
async fn a_lease_of_netplan_by_a_pattern_moves_to_the_bridge(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host5", "rm /etc/netplan/*").await?;
    netplan(cluster, "host5", "90-default", "all-eth:\n      match: {name: \"eth0*\"}").await?;
    moves(cluster, "host5").await
}

async fn netplan(cluster: &Cluster, host: &str, file: &str, definition: &str) -> Result<(), Failure> {
    let text = format!("network:\n  version: 2\n  ethernets:\n    {definition}\n      dhcp4: true\n");
    cluster.write(host, &format!("/etc/netplan/{file}.yaml"), &text).await?;
    cluster.sh(host, "chmod 600 /etc/netplan/* && netplan generate && networkctl reload").await.map(drop)
}

async fn mac(cluster: &Cluster, host: &str) -> Result<String, Failure> {
    Ok(cluster.sh(host, "cat /sys/class/net/eth0/address").await?.trim().to_owned())
}

/// The bridge has the lease of the NIC and renews it: the address is dynamic, the NIC has none, before and after a boot.
async fn moves(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    leased(cluster, host, "eth0").await?;
    step(cluster, host, "network").await?;
    for boots in 0..2 {
        becomes_bridged(cluster, host).await.map_err(|error| format!("after {boots} boots: {error}"))?;
        leased(cluster, host, "mynet0").await.map_err(|error| format!("after {boots} boots: {error}"))?;
        ssh_gets_in(cluster, host).await?;
        nothing_to_do(cluster, host, "network").await?;
        if boots == 0 {
            cluster.lab.power(host, Power::Off).await?;
            cluster.lab.power(host, Power::On).await?;
        }
    }
    restored(cluster, host).await
}

/// A bridge that is deleted is back with its lease, by the host alone.
async fn restored(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    // nothing is restored while the first boot is on trial
    let confirmed = "for i in $(seq 300); do ls /var/lib/xdock/network/booting-*.json >/dev/null 2>&1 || exit 0; sleep 0.1; done; exit 1";
    cluster.sh(host, confirmed).await?;
    cluster.sh(host, "ip link del mynet0").await?;
    becomes_bridged(cluster, host).await?;
    leased(cluster, host, "mynet0")
        .await
        .map_err(|error| format!("after the bridge was deleted: {error}"))?;
    nothing_to_do(cluster, host, "network").await
}

/// The device has the address by a lease. dhclient of ifupdown leaves the kernel's lifetime out.
async fn leased(cluster: &Cluster, host: &str, device: &str) -> Result<(), Failure> {
    let look = format!(
        "ip -4 -o addr show dev {device} | awk '{{print $4}}'; \
         if ip -4 -o addr show dev {device} | grep -q dynamic || pgrep -ax dhclient | grep -q {device}; then echo leased; fi"
    );
    let wanted = format!("{}/16\nleased", address(host));
    let end = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let found = cluster.sh(host, &look).await?;
        match found.trim() == wanted {
            true => return Ok(()),
            false if std::time::Instant::now() > end => {
                return same(&format!("the lease of {device} on {host}"), found.trim(), &wanted);
            }
            false => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("leases{}", std::process::id()).parse()?;
        let spec = Spec { managers: MANAGERS.to_vec(), assignment: Assignment::Dhcp, ..Spec::new(name, 5) };
        Cluster::bare(&spec, &Tables::of_lab(5), &|line| eprintln!("  {line}")).await
    })
}

fn main() {
    acceptance::promise::run(promises(), provision);
}
