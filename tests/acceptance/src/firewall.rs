//! The four firewalls of Debian, each with rules for ssh that name a device, as its manual teaches them.

use crate::cluster::Cluster;
use crate::engine::Failure;
use crate::network::{address, install, is_bridged, seen, ssh_gets_in, step};
use crate::reach::moves_within_reach;
use crate::soundness::same;

/// A program that filters packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firewall {
    /// iptables(8), with rules by hand.
    Iptables,
    /// nft(8), with a table by hand.
    Nftables,
    /// ufw(8).
    Ufw,
    /// firewalld(1).
    Firewalld,
}

impl Firewall {
    /// Debian's packages. firewalld looks up protocols in `/etc/protocols`, which netbase has.
    pub fn packages(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Nftables => "nftables",
            Self::Ufw => "ufw",
            Self::Firewalld => "netbase firewalld",
        }
    }

    /// A shell command that accepts ssh on `eth0` only.
    pub fn accept_on_nic(self) -> &'static str {
        match self {
            Self::Iptables => {
                "iptables -A INPUT -i lo -j ACCEPT; \
                 iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; \
                 iptables -A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT; \
                 iptables -A INPUT -i eth0 -p icmp -j ACCEPT; iptables -P INPUT DROP"
            }
            Self::Nftables => {
                "nft add table inet own; nft add chain inet own in '{ type filter hook input priority 0; policy drop; }'; \
                 nft add rule inet own in ct state established,related accept; nft add rule inet own in iif lo accept; \
                 nft add rule inet own in iifname '{ \"eth0\", \"eth1\" }' tcp dport '{ 22, 80 }' accept"
            }
            Self::Ufw => {
                "ufw default deny incoming; ufw allow in on eth0 to any port 22 proto tcp; ufw --force enable"
            }
            Self::Firewalld => {
                "firewall-cmd -q --set-default-zone=drop; firewall-cmd -q --permanent --zone=internal --change-interface=eth0; \
                 firewall-cmd -q --reload"
            }
        }
    }

    /// A shell command that accepts ssh on the bridge `mynet0` too.
    pub fn accept_on_bridge(self) -> &'static str {
        match self {
            Self::Iptables => {
                "iptables -A INPUT -i mynet0 -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -i mynet0 -p icmp -j ACCEPT"
            }
            Self::Nftables => "nft add rule inet own in iifname mynet0 tcp dport 22 accept",
            Self::Ufw => "ufw allow in on mynet0 to any port 22 proto tcp",
            Self::Firewalld => {
                "firewall-cmd -q --permanent --zone=internal --change-interface=mynet0; firewall-cmd -q --reload"
            }
        }
    }

    /// A shell command that removes all these rules.
    pub fn remove(self) -> &'static str {
        match self {
            Self::Iptables => "iptables -P INPUT ACCEPT; iptables -F INPUT",
            Self::Nftables => "nft delete table inet own",
            Self::Ufw => "ufw --force reset",
            Self::Firewalld => "firewall-cmd -q --set-default-zone=public; systemctl disable --now firewalld",
        }
    }

    /// The rule that accepts ssh on `eth0`, as messages show it; `None`: the device moves within a zone, no rule is lost.
    pub fn rule(self) -> Option<&'static str> {
        match self {
            Self::Iptables => Some("iptables: -A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT"),
            Self::Nftables => {
                Some("nftables inet own in: iifname { eth0, eth1 } tcp dport { 22, 80 } accept")
            }
            Self::Ufw => Some("iptables: -A ufw-user-input -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT"),
            Self::Firewalld => None,
        }
    }
}

/// Runs the step behind rules that accept ssh on the NIC only. It must fail, say each of `said`, and leave the old network, into
/// which ssh gets.
///
/// # Errors
/// What was otherwise.
pub async fn step_fails_behind(
    cluster: &Cluster,
    host: &str,
    firewall: Firewall,
    (words, said): (&str, &[String]),
) -> Result<(), Failure> {
    install(cluster, host, firewall.packages()).await?;
    let before = seen(cluster, host).await?;
    cluster.sh(host, firewall.accept_on_nic()).await?;
    let ended = step(cluster, host, words).await;
    let reached = ssh_gets_in(cluster, host).await;
    cluster.sh(host, firewall.remove()).await?;
    reached?;
    let Err(error) = ended else { return Err(format!("{host} took the change: {ended:?}").into()) };
    let error = error.to_string();
    if let Some(missing) = said.iter().find(|words| !error.contains(*words)) {
        return Err(format!("{host} does not say {missing:?}: {error}").into());
    }
    same(&format!("the network of {host}"), &seen(cluster, host).await?, &before)
}

/// With the helper on the management node: the old network comes back.
///
/// # Errors
/// As [`step_fails_behind`].
pub async fn old_network_comes_back(
    cluster: &Cluster,
    host: &str,
    firewall: Firewall,
) -> Result<(), Failure> {
    let address = address(host);
    let said = [
        format!(
            "new ssh connections from the management node are not accepted (no connection to {address} port 22 within 2 s) \
             through the new network within 3 s; these name the old device: "
        ),
        firewall.rule().unwrap_or_default().to_owned(),
        "; rolled back to the previous network".to_owned(),
    ];
    step_fails_behind(cluster, host, firewall, ("network confirm=3", &said)).await
}

/// Without the helper: the step refuses the change and shows the rules.
///
/// # Errors
/// As [`step_fails_behind`].
pub async fn change_is_refused(cluster: &Cluster, host: &str, firewall: Firewall) -> Result<(), Failure> {
    let said = [
        "the firewall accepts ssh only on eth0, whose address moves to mynet0: ",
        firewall.rule().unwrap_or_default(),
        "; the management node could not test new ssh connections (no answer from the management node's port 3022: ",
        "; nothing was changed. Add rules that accept ssh on the new device too, or run the step with firewall=ignore",
    ];
    step_fails_behind(cluster, host, firewall, ("network", &said.map(str::to_owned))).await
}

/// Puts `eth0` into firewalld's zone `internal`, where any other device is in `drop`.
///
/// # Errors
/// firewalld does not do so.
pub async fn zone_nic(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    install(cluster, host, Firewall::Firewalld.packages()).await?;
    // NetworkManager has the zones of its devices in its profiles, and overrules firewalld's files
    let zoned = format!(
        "if [ -e /usr/sbin/NetworkManager ]; then firewall-cmd -q --set-default-zone=drop; \
         nmcli connection modify \"$(nmcli -g GENERAL.CONNECTION device show eth0)\" connection.zone internal; \
         nmcli device reapply eth0; else {}; fi; firewall-cmd --get-zone-of-interface=eth0",
        Firewall::Firewalld.accept_on_nic()
    );
    let zone = cluster.sh(host, &zoned).await?;
    same("the zone of eth0", &zone.lines().last(), &Some("internal"))
}

/// Runs the step, and checks that the bridge is in the zone of the NIC and that ssh gets in.
///
/// # Errors
/// What was otherwise.
pub async fn zone_moves(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    moves_within_reach(cluster, &[host], async |cluster, host| {
        is_bridged(cluster, host).await?;
        ssh_gets_in(cluster, host).await?;
        let look = "firewall-cmd --get-zone-of-interface=mynet0; grep 'bridge mynet0 over eth0' /var/log/xcat/xcat.log | tail -1";
        let found = cluster.sh(host, look).await?;
        let is_tested = found.starts_with("internal\n")
            && found.ends_with(&format!("bridge mynet0 over eth0 with {}/16", address(host)));
        if is_tested { Ok(()) } else { Err(format!("zone and summary of {host}: {found}").into()) }
    })
    .await
}
