//! Table of services that name a device in a file. A new service is one more line.

use inventory::IfName;

use super::device;
use super::reference::Effect;
use super::sysctl;

/// How a file names a device.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    /// As a word in any line that is not a comment.
    AnyWhere,
    /// As a word in lines that begin with one of these keywords, in any case.
    After(&'static [&'static str]),
    /// As the scope of an IPv6 address: `fe80::1%eth0`.
    Scope,
    /// In the syntax of sysctl.d(5).
    Sysctl,
}

/// Files, and how they name a device.
pub(super) struct Known {
    /// A path; its last part may have one `*`.
    pub(super) paths: &'static [&'static str],
    names: Names,
    /// Effect of the change on a reference.
    pub(super) effect: Effect,
}

const fn known(paths: &'static [&'static str], names: Names) -> Known {
    Known { paths, names, effect: Effect::StopsApplying }
}

/// A service that uses the link itself still works on a port.
const fn on_link(paths: &'static [&'static str], names: Names) -> Known {
    Known { paths, names, effect: Effect::StaysOnPort }
}

/// The table.
pub(super) const KNOWN: &[Known] = &[
    known(&sysctl::PATHS, Names::Sysctl),
    // packet filters that are loaded at boot; iptables files have their own parser
    known(
        &["/etc/nftables.conf", "/etc/nftables.d/*", "/etc/nftables/*.nft", "/etc/sysconfig/nftables.conf"],
        Names::AnyWhere,
    ),
    known(&["/etc/shorewall/*", "/etc/shorewall6/*"], Names::AnyWhere),
    known(
        &["/etc/ferm/*.conf", "/etc/ferm/ferm.d/*", "/etc/firehol/*.conf", "/etc/csf/csf.conf"],
        Names::AnyWhere,
    ),
    known(&["/etc/ufw/*.init"], Names::AnyWhere),
    // DHCP, DNS, router advertisements
    known(
        &["/etc/default/isc-dhcp-server", "/etc/sysconfig/dhcpd", "/etc/sysconfig/dhcpd6"],
        Names::After(&["INTERFACES", "DHCPD"]),
    ),
    known(&["/etc/kea/*.conf"], Names::AnyWhere),
    known(
        &["/etc/dnsmasq.conf", "/etc/dnsmasq.d/*"],
        Names::After(&[
            "interface",
            "except-interface",
            "no-dhcp-interface",
            "dhcp-range",
            "listen",
            "server",
            "bridge-interface",
            "ra-param",
        ]),
    ),
    known(&["/etc/default/dnsmasq"], Names::After(&["DNSMASQ"])),
    known(
        &["/etc/dhcp/dhclient.conf", "/etc/dhcpcd.conf"],
        Names::After(&["interface", "allowinterfaces", "denyinterfaces"]),
    ),
    known(&["/etc/radvd.conf"], Names::After(&["interface"])),
    known(
        &["/etc/default/isc-dhcp-relay", "/etc/default/dhcp-relay"],
        Names::After(&["INTERFACES", "OPTIONS"]),
    ),
    // clocks
    known(
        &["/etc/chrony.conf", "/etc/chrony/chrony.conf", "/etc/chrony/conf.d/*.conf", "/etc/chrony.d/*.conf"],
        Names::After(&["bindacqdevice", "binddevice", "bindcmddevice"]),
    ),
    on_link(
        &["/etc/chrony.conf", "/etc/chrony/chrony.conf", "/etc/chrony/conf.d/*.conf"],
        Names::After(&["hwtimestamp"]),
    ),
    known(&["/etc/ntp.conf", "/etc/ntpsec/ntp.conf"], Names::After(&["interface", "nic"])),
    on_link(&["/etc/ptp4l.conf", "/etc/linuxptp/*.conf"], Names::AnyWhere),
    // ssh and failover
    known(&["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"], Names::Scope),
    known(&["/etc/keepalived/*.conf", "/etc/keepalived/conf.d/*"], Names::AnyWhere),
    // routing, discovery, monitoring
    known(&["/etc/frr/*.conf", "/etc/quagga/*.conf", "/etc/bird/*.conf", "/etc/bird.conf"], Names::AnyWhere),
    known(&["/etc/avahi/avahi-daemon.conf"], Names::After(&["allow-interfaces", "deny-interfaces"])),
    on_link(
        &["/etc/lldpd.conf", "/etc/lldpd.d/*.conf", "/etc/default/lldpd", "/etc/sysconfig/lldpd"],
        Names::AnyWhere,
    ),
    known(&["/etc/snmp/snmpd.conf", "/etc/snmp/snmpd.conf.d/*"], Names::AnyWhere),
    known(
        &["/etc/vnstat.conf", "/etc/default/arpwatch", "/etc/arpwatch.conf", "/etc/collectd/collectd.conf"],
        Names::AnyWhere,
    ),
    known(
        &["/etc/suricata/suricata.yaml", "/etc/default/suricata", "/etc/snort/snort.debian.conf"],
        Names::AnyWhere,
    ),
    // files, clusters
    known(&["/etc/samba/smb.conf"], Names::After(&["interfaces"])),
    known(&["/etc/pacemaker/*", "/etc/default/corosync", "/etc/multipath.conf"], Names::AnyWhere),
    // the manager's defaults for devices by name
    known(&["/etc/NetworkManager/NetworkManager.conf", "/etc/NetworkManager/conf.d/*.conf"], Names::AnyWhere),
    // units and hooks: tc, ethtool, ip, and services that wait for the device
    known(
        &["/etc/systemd/system/*.service", "/etc/systemd/system/*.socket", "/etc/systemd/system/*.target"],
        Names::AnyWhere,
    ),
    known(
        &[
            "/etc/rc.local",
            "/etc/network/if-up.d/*",
            "/etc/network/if-pre-up.d/*",
            "/etc/network/if-down.d/*",
            "/etc/network/if-post-down.d/*",
            "/etc/NetworkManager/dispatcher.d/*",
            "/etc/networkd-dispatcher/routable.d/*",
            "/etc/networkd-dispatcher/configured.d/*",
        ],
        Names::AnyWhere,
    ),
    known(
        &["/etc/default/networking", "/etc/sysconfig/network/scripts/*", "/etc/cron.d/*", "/etc/crontab"],
        Names::AnyWhere,
    ),
];

impl Known {
    /// The lines that name the device, with their numbers.
    pub(super) fn lines<'a>(&self, text: &'a str, device: &IfName) -> Vec<(usize, &'a str)> {
        let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        lines.filter(|(_, line)| self.is_named_in(line, device)).collect()
    }

    fn is_named_in(&self, line: &str, device: &IfName) -> bool {
        if line.starts_with(['#', ';']) || line.starts_with("//") {
            return false;
        }
        match self.names {
            Names::AnyWhere => device::names(line, device),
            Names::After(words) => begins_with(line, words) && device::names(line, device),
            Names::Scope => line.contains(&format!("%{device}")) && device::names(line, device),
            Names::Sysctl => sysctl::names(line, device),
        }
    }
}

fn begins_with(line: &str, words: &[&str]) -> bool {
    let line = line.to_ascii_lowercase();
    words.iter().any(|word| line.starts_with(&word.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line numbers found in a text under this path.
    fn found(path: &str, text: &str) -> Vec<usize> {
        let eth0: IfName = "eth0".parse().unwrap();
        let known = KNOWN.iter().find(|known| known.paths.contains(&path)).unwrap();
        known.lines(text, &eth0).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn services_name_devices_in_their_own_ways() {
        let dhcpd = "# On what interfaces should the DHCP server serve eth0?\nINTERFACESv4=\"eth0\"\nINTERFACESv6=\"\"\n";
        assert_eq!(found("/etc/default/isc-dhcp-server", dhcpd), [2]);
        let dnsmasq = "#interface=eth0\ninterface=eth0\naddress=/eth0.example/1.2.3.4\ndhcp-range=eth0,10.0.0.2,10.0.0.9\n";
        assert_eq!(found("/etc/dnsmasq.conf", dnsmasq), [2, 4]);
        assert_eq!(found("/etc/chrony/chrony.conf", "pool eth0.example iburst\nbindacqdevice eth0\n"), [2]);
        let keepalived = "vrrp_instance VI_1 {\n    state MASTER\n    interface eth0\n    virtual_ipaddress {\n        10.0.0.9/24 dev eth0\n";
        assert_eq!(found("/etc/keepalived/*.conf", keepalived), [3, 5]);
        let sshd = "ListenAddress 10.0.0.1\nListenAddress fe80::1%eth0\n";
        assert_eq!(found("/etc/ssh/sshd_config", sshd), [2]);
        let unit = "[Unit]\nBindsTo=sys-subsystem-net-devices-eth0.device\n[Service]\nExecStart=tc qdisc add dev eth0 root fq\nExecStart=/bin/veth0\n";
        assert_eq!(found("/etc/systemd/system/*.service", unit), [2, 4]);
        assert_eq!(found("/etc/nftables.conf", "iifname \"eth0\" accept\niifname eth1 accept\n"), [1]);
        assert_eq!(found("/etc/sysctl.conf", "net.ipv4.conf.eth0.rp_filter=1\n"), [1]);
    }
}
