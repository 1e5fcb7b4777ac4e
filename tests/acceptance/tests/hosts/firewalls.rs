//! Firewalls that name the NIC: when it becomes a port of a bridge, the management node's ssh still gets in, or the old network
//! comes back.

use acceptance::reach::moves_within_reach;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure};
use futures_util::future::try_join_all;

use crate::network::{address, is_bridged, seen, step};

acceptance::promises![
    a_firewall_that_accepts_ssh_on_the_nic_only_brings_the_old_network_back,
    without_the_helper_such_a_firewall_refuses_the_change,
    what_names_the_nic_is_told_by_a_dry_run,
    the_zone_of_the_nic_goes_with_its_address,
];

/// A firewall that accepts ssh on `eth0` only, as its manual teaches it.
struct Firewall {
    host: &'static str,
    package: &'static str,
    on: &'static str,
    off: &'static str,
    /// The rule that lets ssh in, as it is told.
    rule: &'static str,
}

const FIREWALLS: [Firewall; 3] = [
    Firewall {
        host: "host1",
        package: "iptables",
        on: "iptables -A INPUT -i lo -j ACCEPT; \
             iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; \
             iptables -A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT; \
             iptables -A INPUT -i eth0 -p icmp -j ACCEPT; iptables -P INPUT DROP",
        off: "iptables -P INPUT ACCEPT; iptables -F INPUT",
        rule: "iptables: -A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
    },
    Firewall {
        host: "host2",
        package: "nftables",
        on: "nft add table inet own; nft add chain inet own in '{ type filter hook input priority 0; policy drop; }'; \
             nft add rule inet own in ct state established,related accept; nft add rule inet own in iif lo accept; \
             nft add rule inet own in iifname '{ \"eth0\", \"eth1\" }' tcp dport '{ 22, 80 }' accept",
        off: "nft delete table inet own",
        rule: "nftables inet own in: iifname { eth0, eth1 } tcp dport { 22, 80 } accept",
    },
    Firewall {
        host: "host4",
        package: "ufw",
        on: "ufw default deny incoming; ufw allow in on eth0 to any port 22 proto tcp; ufw --force enable",
        off: "ufw --force reset",
        rule: "iptables: -A ufw-user-input -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
    },
];

/// Installs packages from the management node, as the docker step does.
pub(crate) async fn install(cluster: &Cluster, host: &str, packages: &str) -> Result<(), Failure> {
    let line = format!(
        "echo 'deb [trusted=yes] http://10.99.0.1/install/post/otherpkgs/debian12/x86_64/ ./' > /root/mn.list; \
         apt='apt-get -qq -y -o Dir::Etc::SourceList=/root/mn.list -o Dpkg::Options::=--force-unsafe-io'; \
         export DEBIAN_FRONTEND=noninteractive; $apt update && $apt --no-install-recommends install {packages}; \
         rm /root/mn.list"
    );
    cluster.sh(host, &line).await.map(drop)
}

/// A new ssh connection gets in.
async fn ssh_gets_in(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let line = format!("ssh -o BatchMode=yes -o ConnectTimeout=5 root@{} true", address(host));
    cluster.sh("mn", &line).await.map(drop).map_err(|error| format!("{host} is cut off: {error}").into())
}

/// Tries the step behind each firewall, where it must fail, say these words and change nothing.
async fn fails_behind_each(
    cluster: &Cluster,
    words: &str,
    said: impl Fn(&Firewall) -> Vec<String>,
) -> Result<(), Failure> {
    try_join_all(FIREWALLS.iter().map(|firewall| fails_behind(cluster, firewall, words, said(firewall))))
        .await
        .map(drop)
}

async fn fails_behind(
    cluster: &Cluster,
    firewall: &Firewall,
    words: &str,
    said: Vec<String>,
) -> Result<(), Failure> {
    let host = firewall.host;
    install(cluster, host, firewall.package).await?;
    let before = seen(cluster, host).await?;
    cluster.sh(host, firewall.on).await?;
    let ended = step(cluster, host, words).await;
    let reached = ssh_gets_in(cluster, host).await;
    cluster.sh(host, firewall.off).await?;
    reached?;
    let Err(error) = ended else { return Err(format!("{host} took the change: {ended:?}").into()) };
    let error = error.to_string();
    if let Some(missing) = said.into_iter().find(|words| !error.contains(words)) {
        return Err(format!("{host} does not say {missing:?}: {error}").into());
    }
    same(&format!("the network of {host}"), &seen(cluster, host).await?, &before)
}

async fn a_firewall_that_accepts_ssh_on_the_nic_only_brings_the_old_network_back(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // as in kernelkit/infix #1345 and NethServer/dev #5637
    fails_behind_each(cluster, "network confirm=3", |firewall| {
        let (host, rule) = (address(firewall.host), firewall.rule);
        vec![
            format!(
                "new ssh connections from the management node do not get in (no connection to {host} port 22 within 2 s) \
                 through the new network within 3 s; these name the old device: "
            ),
            rule.to_owned(),
            "; the old network is back".to_owned(),
        ]
    })
    .await
}

async fn without_the_helper_such_a_firewall_refuses_the_change(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("mn", "systemctl stop xdock-knock.socket").await?;
    let refused = fails_behind_each(cluster, "network", |firewall| {
        vec![
            "the firewall accepts ssh only on eth0, whose address goes to mynet0: ".to_owned(),
            firewall.rule.to_owned(),
            "; the management node could not test the way in (no answer from the management node's port 3022: ".to_owned(),
            "; nothing was changed. Add rules that accept ssh on the new device too, or run the step with firewall=ignore"
                .to_owned(),
        ]
    })
    .await;
    cluster.sh("mn", "systemctl start xdock-knock.socket").await?;
    refused
}

async fn what_names_the_nic_is_told_by_a_dry_run(cluster: &Cluster) -> Result<(), Failure> {
    let [firewall, ..] = &FIREWALLS;
    let host = firewall.host;
    cluster.write(host, "/etc/sysctl.d/50-own.conf", "net.ipv4.conf.eth0.rp_filter = 2\n").await?;
    cluster.write(host, "/etc/dnsmasq.d/own", "interface=eth0\n").await?;
    cluster.sh(host, firewall.on).await?;
    let said = step(cluster, host, "network --dry-run").await;
    cluster.sh(host, &format!("{}; rm -r /etc/sysctl.d/50-own.conf /etc/dnsmasq.d", firewall.off)).await?;
    let said = said?;
    for line in [
        format!("{} (accepts ssh on eth0 only; nothing accepts it on mynet0)", firewall.rule),
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
async fn the_zone_of_the_nic_goes_with_its_address(cluster: &Cluster) -> Result<(), Failure> {
    let host = "host3";
    install(cluster, host, "netbase firewalld").await?;
    let zoned = "firewall-cmd -q --set-default-zone=drop; \
                 nmcli connection modify \"$(nmcli -g GENERAL.CONNECTION device show eth0)\" connection.zone internal; \
                 nmcli device reapply eth0; firewall-cmd --get-zone-of-interface=eth0";
    let zone = cluster.sh(host, zoned).await?;
    same("the zone of eth0", &zone.lines().last(), &Some("internal"))?;
    let moved = moves_within_reach(cluster, &[host], async |cluster, host| {
        is_bridged(cluster, host).await?;
        ssh_gets_in(cluster, host).await?;
        let look = "firewall-cmd --get-zone-of-interface=mynet0; grep 'bridge mynet0 over eth0' /var/log/xcat/xcat.log | tail -1";
        let found = cluster.sh(host, look).await?;
        let is_tested = found.starts_with("internal\n") && found.ends_with(&format!("bridge mynet0 over eth0 with {}/16", address(host)));
        if is_tested { Ok(()) } else { Err(format!("zone and summary of {host}: {found}").into()) }
    })
    .await;
    cluster.sh(host, "firewall-cmd -q --set-default-zone=public; systemctl disable --now firewalld").await?;
    moved
}
