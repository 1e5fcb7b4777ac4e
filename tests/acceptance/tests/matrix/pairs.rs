//! The pairs. Rules that name the NIC: the step refuses, or the old network comes back, or firewalld's zone goes with the
//! address. Rules that name the bridge too: the change is confirmed, and a new ssh connection gets in.

use acceptance::firewall::{Firewall, change_is_refused, old_network_comes_back, zone_moves, zone_nic};
use acceptance::network::{becomes_bridged, ssh_gets_in, step};
use acceptance::{Cluster, Failure};
use lab::Manager;

use crate::MANAGERS;

const FIREWALLS: [Firewall; 4] = [Firewall::Iptables, Firewall::Nftables, Firewall::Ufw, Firewall::Firewalld];

/// Writes a promise for each pair.
macro_rules! pairs {
    ($($name:ident = $firewall:ident on $manager:ident;)*) => {
        $(async fn $name(cluster: &Cluster) -> Result<(), Failure> {
            holds(cluster, Firewall::$firewall, Manager::$manager).await
        })*
        acceptance::promises![$($name),*];
    };
}

pairs! {
    iptables_on_ifupdown_never_cuts_the_host_off = Iptables on Ifupdown;
    iptables_on_networkd_never_cuts_the_host_off = Iptables on Networkd;
    iptables_on_networkmanager_never_cuts_the_host_off = Iptables on NetworkManager;
    iptables_on_netplan_never_cuts_the_host_off = Iptables on Netplan;
    nftables_on_ifupdown_never_cuts_the_host_off = Nftables on Ifupdown;
    nftables_on_networkd_never_cuts_the_host_off = Nftables on Networkd;
    nftables_on_networkmanager_never_cuts_the_host_off = Nftables on NetworkManager;
    nftables_on_netplan_never_cuts_the_host_off = Nftables on Netplan;
    ufw_on_ifupdown_never_cuts_the_host_off = Ufw on Ifupdown;
    ufw_on_networkd_never_cuts_the_host_off = Ufw on Networkd;
    ufw_on_networkmanager_never_cuts_the_host_off = Ufw on NetworkManager;
    ufw_on_netplan_never_cuts_the_host_off = Ufw on Netplan;
    firewalld_on_ifupdown_never_cuts_the_host_off = Firewalld on Ifupdown;
    firewalld_on_networkd_never_cuts_the_host_off = Firewalld on Networkd;
    firewalld_on_networkmanager_never_cuts_the_host_off = Firewalld on NetworkManager;
    firewalld_on_netplan_never_cuts_the_host_off = Firewalld on Netplan;
}

/// The host of a pair. The lab gives its managers to the hosts in turn.
fn host(firewall: Firewall, manager: Manager) -> Result<String, Failure> {
    let row = FIREWALLS.iter().position(|known| *known == firewall).ok_or("no such firewall")?;
    let column = MANAGERS.iter().position(|known| *known == manager).ok_or("no such manager")?;
    Ok(format!("host{}", row * MANAGERS.len() + column + 1))
}

async fn holds(cluster: &Cluster, firewall: Firewall, manager: Manager) -> Result<(), Failure> {
    let host = host(firewall, manager)?;
    if firewall == Firewall::Firewalld {
        zone_nic(cluster, &host).await?;
        return zone_moves(cluster, &host).await;
    }
    old_network_comes_back(cluster, &host, firewall).await?;
    cluster.sh("mn", "systemctl stop xdock-knock.socket").await?;
    let refused = change_is_refused(cluster, &host, firewall).await;
    cluster.sh("mn", "systemctl start xdock-knock.socket").await?;
    refused?;
    accepts_the_bridge(cluster, &host, firewall).await
}

/// Rules for the bridge are there before the change.
async fn accepts_the_bridge(cluster: &Cluster, host: &str, firewall: Firewall) -> Result<(), Failure> {
    cluster.sh(host, &format!("{}; {}", firewall.accept_on_nic(), firewall.accept_on_bridge())).await?;
    let said = step(cluster, host, "network").await?;
    if said.contains("were not tested") {
        return Err(format!("{host} did not test the way in: {said}").into());
    }
    becomes_bridged(cluster, host).await?;
    ssh_gets_in(cluster, host).await?;
    // the record of an open change
    cluster.sh(host, "[ ! -e /var/lib/xdock/network/change.json ]").await.map(drop)
}
