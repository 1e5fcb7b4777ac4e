//! Hosts whose definitions find the NIC by something else than its name, as installers and cloud images write them. They are
//! written before the first promise, so that every promise of the suite holds for such hosts too.

use acceptance::network::{becomes_bridged, step};
use acceptance::{Cluster, Failure};
use lab::Power;

acceptance::promises![
    a_given_networkd_file_that_matches_the_address_of_the_nic_keeps_its_name_servers,
    a_given_networkmanager_profile_of_the_nics_own_address_is_taken_over_and_not_the_other_nics,
    a_given_netplan_pattern_keeps_away_from_the_nic,
];

/// As in Debian's cloud images: the NIC by a pattern, which comes before a definition of its name.
const PATTERN: &str = "network:
  version: 2
  ethernets:
    all-eth:
      match: {name: \"eth0*\"}
      addresses: [10.99.0.14/16]
      nameservers: {addresses: [10.99.0.53]}
";

/// Gives host2, host3 and host4 such definitions.
pub(crate) async fn write(cluster: &Cluster) -> Result<(), Failure> {
    let mac = mac(cluster, "host2", "eth0").await?;
    let file = format!(
        "[Match]\nMACAddress={mac}\n\n[Network]\nAddress=10.99.0.12/16\nDNS=10.99.0.53\nDomains=cluster.test\n"
    );
    cluster.write("host2", "/etc/systemd/network/10-eth0.network", &file).await?;
    cluster.sh("host2", "networkctl reload").await?;
    networkmanager(cluster).await?;
    cluster.write("host4", "/etc/netplan/01-lab.yaml", PATTERN).await?;
    cluster.sh("host4", "netplan generate && networkctl reload").await.map(drop)
}

async fn networkmanager(cluster: &Cluster) -> Result<(), Failure> {
    let directory = "/etc/NetworkManager/system-connections";
    let profile = |id: &str, mac: &str, more: &str| {
        format!(
            "[connection]\nid={id}\nuuid=78646f63-6b00-4000-8000-0000000000{id}\ntype=ethernet\n{more}\n\n[ethernet]\nmac-address={mac}\n\n[ipv4]\nmethod=manual\n"
        )
    };
    let other = mac(cluster, "host3", "eth1").await?;
    let other = profile("a1", &other, "autoconnect=false") + "address1=192.0.2.13/24\ndns=192.0.2.53;\n";
    let own = mac(cluster, "host3", "eth0").await?;
    let own = profile("b0", &own, "") + "address1=10.99.0.13/16\ndns=10.99.0.53;\ndns-search=cluster.test;\n";
    cluster.write("host3", &format!("{directory}/a.nmconnection"), &other).await?;
    cluster.write("host3", &format!("{directory}/b.nmconnection"), &own).await?;
    let change = format!(
        "rm {directory}/eth0.nmconnection && chmod 600 {directory}/* && nmcli connection reload && nmcli connection up b0"
    );
    cluster.sh("host3", &change).await.map(drop)
}

async fn mac(cluster: &Cluster, host: &str, nic: &str) -> Result<String, Failure> {
    let mac = cluster.sh(host, &format!("cat /sys/class/net/{nic}/address")).await?;
    Ok(mac.trim().to_owned())
}

/// Runs the step, looks, boots, and looks again.
async fn holds(cluster: &Cluster, host: &str, look: &str, wanted: &[&str]) -> Result<(), Failure> {
    step(cluster, host, "network").await?;
    shows(cluster, host, look, wanted).await?;
    cluster.lab.power(host, Power::Off).await?;
    cluster.lab.power(host, Power::On).await?;
    shows(cluster, host, look, wanted).await
}

async fn shows(cluster: &Cluster, host: &str, look: &str, wanted: &[&str]) -> Result<(), Failure> {
    becomes_bridged(cluster, host).await?;
    let found = cluster.sh(host, look).await?;
    match wanted.iter().find(|part| !found.contains(**part)) {
        None => Ok(()),
        Some(part) => Err(format!("{host} lacks {part:?}: {found}").into()),
    }
}

async fn a_given_networkd_file_that_matches_the_address_of_the_nic_keeps_its_name_servers(
    cluster: &Cluster,
) -> Result<(), Failure> {
    holds(cluster, "host2", "networkctl status mynet0", &["DNS: 10.99.0.53", "Search Domains: cluster.test"])
        .await
}

async fn a_given_networkmanager_profile_of_the_nics_own_address_is_taken_over_and_not_the_other_nics(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let look = "nmcli -g IP4.DNS,IP4.DOMAIN,IP4.SEARCHES device show mynet0; nmcli -g ipv4.dns-search connection show xdock-mynet0; ls /etc/NetworkManager/system-connections; cat /etc/resolv.conf";
    holds(cluster, "host3", look, &["10.99.0.53", "cluster.test", "a.nmconnection", "nameserver 10.99.0.53"])
        .await
}

async fn a_given_netplan_pattern_keeps_away_from_the_nic(cluster: &Cluster) -> Result<(), Failure> {
    let look = "networkctl status eth0 mynet0; cat /etc/netplan/01-lab.yaml";
    let wanted = [
        "Network File: /run/systemd/network/10-netplan-eth0.network",
        "Network File: /run/systemd/network/10-netplan-mynet0.network",
        "DNS: 10.99.0.53",
        PATTERN.trim_end(),
    ];
    holds(cluster, "host4", look, &wanted).await
}
