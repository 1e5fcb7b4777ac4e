//! Files as installers and images write them, each with the NIC that they configure: the bridge over it has what they say of it.

#![allow(clippy::unwrap_used, reason = "a failing test")]

mod hosts;

use std::path::PathBuf;

use hosts::{Etc, golden, network, nic};
use inventory::IfName;
use postscripts::steps::network::manager::{Manager, Nic};

const MAC: &str = "02:78:64:00:00:02";

struct Image {
    what: &'static str,
    /// The directory of its golden files.
    golden: &'static str,
    manager: Manager,
    files: &'static [(&'static str, &'static str)],
    is_dhcp: bool,
    /// Our file of the bridge, and what it has.
    bridge: &'static str,
    has: &'static [&'static str],
}

const IMAGES: [Image; 9] = [
    Image {
        what: "Debian 12's cloud image",
        golden: "debian-12-cloud",
        manager: Manager::Netplan,
        files: &[(
            "etc/netplan/90-default.yaml",
            "network:\n    version: 2\n    ethernets:\n        all-en:\n            match:\n                name: en*\n            dhcp4: true\n            dhcp4-overrides:\n                use-domains: true\n            dhcp6: true\n            dhcp6-overrides:\n                use-domains: true\n        all-eth:\n            match:\n                name: eth*\n            dhcp4: true\n            dhcp4-overrides:\n                use-domains: true\n            dhcp6: true\n            dhcp6-overrides:\n                use-domains: true\n",
        )],
        is_dhcp: true,
        bridge: "etc/netplan/91-xdock.yaml",
        has: &["dhcp4-overrides:\n        use-domains: true\n", "dhcp6: true\n"],
    },
    Image {
        what: "Debian 11's cloud image",
        golden: "debian-11-cloud",
        manager: Manager::Ifupdown,
        files: &[
            (
                "etc/network/interfaces",
                "# interfaces(5) file used by ifup(8) and ifdown(8)\n# Include files from /etc/network/interfaces.d:\nsource-directory /etc/network/interfaces.d\n\n# Cloud images dynamically generate config fragments for newly attached interfaces.\nsource-directory /run/network/interfaces.d\n",
            ),
            (
                "run/network/interfaces.d/eth0",
                "auto eth0\nallow-hotplug eth0\n\niface eth0 inet dhcp\n\niface eth0 inet6 manual\n  try_dhcp 1\n",
            ),
        ],
        is_dhcp: true,
        bridge: "etc/network/interfaces.d/xdock",
        has: &["iface mynet0 inet dhcp\n"],
    },
    Image {
        what: "cloud-init with ifupdown",
        golden: "cloud-init-ifupdown",
        manager: Manager::Ifupdown,
        files: &[
            (
                "etc/network/interfaces",
                "# The loopback network interface\nauto lo\niface lo inet loopback\n\nsource /etc/network/interfaces.d/*\n",
            ),
            (
                "etc/network/interfaces.d/50-cloud-init",
                "# This file is generated from information provided by the datasource.  Changes\n# to it will not persist across an instance reboot.\nauto lo\niface lo inet loopback\n    dns-nameservers 10.99.0.53\n    dns-search cluster.test\n\nauto eth0\niface eth0 inet static\n    address 10.99.4.1/16\n    dns-nameservers 10.99.0.53\n    dns-search cluster.test\n    gateway 10.99.0.1\n    mtu 1500\n    post-up route add -net 198.51.100.0 netmask 255.255.255.0 gw 10.99.0.2 metric 100 || true\n    pre-down route del -net 198.51.100.0 netmask 255.255.255.0 gw 10.99.0.2 metric 100 || true\n\n# control-alias eth0\niface eth0 inet6 static\n    address fd00:99::4:1/64\n    post-up route add -A inet6 fd00:98::/64 gw fd00:99::2 || true\n    pre-down route del -A inet6 fd00:98::/64 gw fd00:99::2 || true\n",
            ),
        ],
        is_dhcp: false,
        bridge: "etc/network/interfaces.d/xdock",
        has: &[
            "    up ip route replace 198.51.100.0/24 via 10.99.0.2 metric 100 dev mynet0\n",
            "    up ip route replace fd00:98::/64 via fd00:99::2 dev mynet0\n",
            "    iface mynet0 inet6 static\n        address fd00:99::4:1/64\n",
        ],
    },
    Image {
        what: "Ubuntu's installer",
        golden: "ubuntu-installer",
        manager: Manager::Netplan,
        files: &[(
            "etc/netplan/00-installer-config.yaml",
            "# This is the network config written by 'subiquity'\nnetwork:\n  ethernets:\n    eth0:\n      addresses:\n      - 10.99.4.1/16\n      nameservers:\n        addresses:\n        - 10.99.0.53\n        search:\n        - cluster.test\n      routes:\n      - to: default\n        via: 10.99.0.1\n  version: 2\n",
        )],
        is_dhcp: false,
        bridge: "etc/netplan/90-xdock.yaml",
        has: &["addresses: [\"10.99.0.53\"]\n", "search: [\"cluster.test\"]\n"],
    },
    Image {
        what: "cloud-init with netplan",
        golden: "cloud-init-netplan",
        manager: Manager::Netplan,
        files: &[(
            "etc/netplan/50-cloud-init.yaml",
            "network:\n    ethernets:\n        eth0:\n            dhcp4: true\n            dhcp6: false\n            match:\n                macaddress: '02:78:64:00:00:02'\n            set-name: eth0\n    version: 2\n",
        )],
        is_dhcp: true,
        bridge: "etc/netplan/90-xdock.yaml",
        has: &["    \"mynet0\":\n      interfaces: [\"eth0\"]\n"],
    },
    Image {
        what: "anaconda of RHEL 8",
        golden: "rhel-8-anaconda",
        manager: Manager::Ifcfg,
        files: &[(
            "etc/sysconfig/network-scripts/ifcfg-Wired_connection_1",
            "HWADDR=02:78:64:00:00:02\nTYPE=Ethernet\nPROXY_METHOD=none\nBROWSER_ONLY=no\nBOOTPROTO=none\nIPADDR=10.99.4.1\nPREFIX=16\nGATEWAY=10.99.0.1\nDNS1=10.99.0.53\nDOMAIN=cluster.test\nDEFROUTE=yes\nIPV4_FAILURE_FATAL=no\nIPV6INIT=yes\nIPV6_AUTOCONF=yes\nIPV6_PRIVACY=no\nNAME=\"Wired connection 1\"\nUUID=78646f63-6b00-4000-8000-000000000001\nONBOOT=yes\n",
        )],
        is_dhcp: false,
        bridge: "etc/sysconfig/network-scripts/ifcfg-mynet0",
        has: &["DNS1=\"10.99.0.53\"\n", "IPV6_PRIVACY='no'\n"],
    },
    Image {
        what: "anaconda of RHEL 9",
        golden: "rhel-9-anaconda",
        manager: Manager::NetworkManager,
        files: &[(
            "etc/NetworkManager/system-connections/eth0.nmconnection",
            "[connection]\nid=eth0\nuuid=78646f63-6b00-4000-8000-000000000001\ntype=ethernet\nautoconnect-priority=-999\ninterface-name=eth0\ntimestamp=1700000000\n\n[ethernet]\n\n[ipv4]\nmethod=auto\n\n[ipv6]\naddr-gen-mode=eui64\nmethod=auto\n\n[proxy]\n",
        )],
        is_dhcp: true,
        bridge: "etc/NetworkManager/system-connections/xdock-mynet0.nmconnection",
        has: &["[ipv4]\nmethod=auto\n"],
    },
    Image {
        what: "Fedora's cloud image",
        golden: "fedora-cloud",
        manager: Manager::NetworkManager,
        files: &[(
            "etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection",
            "# Generated by cloud-init. Changes will be lost.\n\n[connection]\nid=cloud-init eth0\nuuid=1dd9a779-d327-56e1-8454-c65e2556c12c\nautoconnect-priority=120\ntype=ethernet\n\n[user]\norg.freedesktop.NetworkManager.origin=cloud-init\n\n[ethernet]\nmac-address=02:78:64:00:00:02\n\n[ipv4]\nmethod=auto\nmay-fail=false\n",
        )],
        is_dhcp: true,
        bridge: "etc/NetworkManager/system-connections/xdock-mynet0.nmconnection",
        has: &["[ipv4]\nmethod=auto\n", "may-fail=false\n"],
    },
    Image {
        what: "openSUSE's installer",
        golden: "opensuse-installer",
        manager: Manager::Wicked,
        files: &[(
            "etc/sysconfig/network/ifcfg-eth0",
            "BOOTPROTO='dhcp'\nSTARTMODE='auto'\nDHCLIENT6_USE_LAST_LEASE='no'\nZONE=internal\n",
        )],
        is_dhcp: true,
        bridge: "etc/sysconfig/network/ifcfg-mynet0",
        has: &["DHCLIENT6_USE_LAST_LEASE='no'\n"],
    },
];

#[test]
fn the_bridge_has_what_installers_and_images_gave_the_nic() {
    let mynet0: IfName = "mynet0".parse().unwrap();
    for image in IMAGES {
        let nics: [Nic; 2] = [nic("eth0", MAC), nic("eth1", "02:78:64:00:00:03")];
        let etc = Etc::new(image.manager, image.files).with_nics(&nics);
        etc.apply(&network("bridge"));
        assert_eq!(
            etc.apply(&network("bridge")),
            Vec::<PathBuf>::new(),
            "{}: a second run writes",
            image.what
        );
        assert_eq!(etc.tree().is_dhcp(&mynet0), image.is_dhcp, "{}", image.what);
        assert!(
            !etc.tree().is_dhcp(&IfName::eth0())
                || image.files.iter().any(|(path, _)| path.starts_with("run")),
            "{}",
            image.what
        );
        let bridge = etc.text(image.bridge);
        golden::check(etc.root(), &golden::directory().join("images").join(image.golden));
        for part in image.has {
            assert!(bridge.contains(part), "{}: no {part:?} in {bridge}", image.what);
        }
    }
}

/// As Proxmox's installer writes it: the NIC is a port of a bridge of its own.
const PROXMOX: &str = "auto lo\niface lo inet loopback\n\niface eth0 inet manual\n\nauto vmbr0\niface vmbr0 inet static\n\taddress 10.99.4.1/16\n\tgateway 10.99.0.1\n\tbridge-ports eth0\n\tbridge-stp off\n\tbridge-fd 0\n\niface eth1 inet manual\n\n\nsource /etc/network/interfaces.d/*\n";

fn proxmox(text: &str) -> Etc {
    Etc::new(Manager::Ifupdown, &[("etc/network/interfaces", text)])
        .with_nics(&[nic("eth0", MAC), nic("eth1", "02:78:64:00:00:03")])
}

#[test]
fn a_bridge_of_proxmox_keeps_its_nic() {
    let refused = proxmox(PROXMOX).refusal(&network("bridge"));
    assert_eq!(
        refused,
        "/etc/network/interfaces:10: bridge-ports eth0 of eth0 cannot be taken over into the files for this network; remove it from that bridge or bond, or add that one to the tables; nothing was changed"
    );
}

#[test]
fn a_bridge_of_proxmox_that_the_tables_name_becomes_ours() {
    let mut vmbr0 = network("bridge");
    vmbr0.devices.last_mut().unwrap().name = "vmbr0".parse().unwrap();
    let etc = proxmox(PROXMOX);
    etc.apply(&vmbr0);
    assert_eq!(etc.apply(&vmbr0), Vec::<PathBuf>::new(), "a second run writes");
    golden::check(etc.root(), &golden::directory().join("images/proxmox"));
}

#[test]
fn a_bridge_of_proxmox_with_vlans_is_refused() {
    let mut vmbr0 = network("bridge");
    vmbr0.devices.last_mut().unwrap().name = "vmbr0".parse().unwrap();
    let aware =
        PROXMOX.replace("\tbridge-fd 0\n", "\tbridge-fd 0\n\tbridge-vlan-aware yes\n\tbridge-vids 2-4094\n");
    assert_eq!(
        proxmox(&aware).refusal(&vmbr0),
        "/etc/network/interfaces:13: bridge-vlan-aware yes of vmbr0 cannot be taken over into the files for this network; VLANs of a bridge are not in the tables: use an Open vSwitch bridge (nictypes=bridge_ovs), or remove the line; nothing was changed"
    );
}
