//! Which manager has the NICs, from what is on disk and in `/run` and `/sys`.

#![allow(clippy::unwrap_used, reason = "a failing test")]

mod hosts;
mod support;

use hosts::Etc;
use inventory::IfName;
use postscripts::steps::network::manager::{Manager, Nics, detect};
use support::link;

const INTERFACES: (&str, &str) = ("etc/network/interfaces", "auto eth0\niface eth0 inet dhcp\n");
const LOOPBACK: (&str, &str) = ("etc/network/interfaces", "auto lo\niface lo inet loopback\n");
const IFUP: (&str, &str) = ("sbin/ifup", "");
/// The interface exists.
const INDEX: (&str, &str) = ("sys/class/net/eth0/ifindex", "2\n");
const NETWORKD: (&str, &str) = ("sys/fs/cgroup/system.slice/systemd-networkd.service/cgroup.procs", "71\n");
const NETWORKMANAGER: (&str, &str) =
    ("sys/fs/cgroup/system.slice/NetworkManager.service/cgroup.procs", "72\n");
const LINK: (&str, &str) = (
    "run/systemd/netif/links/2",
    "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/10-eth0.network\n",
);
const DEVICE: (&str, &str) = ("run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=1\n");
const NETPLAN: (&str, &str) =
    ("etc/netplan/01.yaml", "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n");
const NETPLAN_PROGRAM: (&str, &str) = ("usr/sbin/netplan", "");

/// Units that a boot starts.
const ENABLED: [(&str, &str); 3] = [
    ("etc/systemd/system/multi-user.target.wants/systemd-networkd.service", ""),
    ("etc/systemd/system/multi-user.target.wants/NetworkManager.service", ""),
    ("etc/systemd/system/network-online.target.wants/wicked.service", ""),
];

/// The manager or the error, if all managers are started at boot.
fn found(files: &[(&str, &str)]) -> String {
    found_as_it_is(&[files, &ENABLED].concat())
}

fn found_as_it_is(files: &[(&str, &str)]) -> String {
    let etc = Etc::new(Manager::Ifupdown, files);
    let nics: [IfName; 2] = ["mynet0".parse().unwrap(), "eth0".parse().unwrap()];
    let links: Vec<_> = files.contains(&INDEX).then(|| link(2, "eth0")).into_iter().collect();
    let known = Nics::observe(etc.root(), &links);
    detect(etc.root(), &known, &nics).map_or_else(|error| error.to_string(), |manager| manager.to_string())
}

#[test]
fn the_one_that_runs_and_has_the_nic() {
    assert_eq!(found(&[IFUP, INTERFACES]), "ifupdown");
    assert_eq!(found(&[INDEX, NETWORKD, LINK]), "systemd-networkd");
    assert_eq!(found(&[INDEX, NETWORKMANAGER, DEVICE]), "NetworkManager");
    let ifcfg = ("etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\n");
    let scripts = ("etc/sysconfig/network-scripts/ifup-eth", "");
    assert_eq!(found(&[ifcfg, scripts]), "network-scripts");
    let wicked = ("sys/fs/cgroup/system.slice/wickedd.service/cgroup.procs", "73\n");
    assert_eq!(found(&[wicked, ("etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='dhcp'\n")]), "wicked");
}

#[test]
fn netplan_is_before_what_it_has_do_the_work() {
    let link = ("run/systemd/netif/links/2", "NETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n");
    assert_eq!(found(&[INDEX, NETWORKD, link, NETPLAN, NETPLAN_PROGRAM]), "netplan");
    assert_eq!(found(&[INDEX, NETWORKMANAGER, DEVICE, NETPLAN, NETPLAN_PROGRAM]), "netplan");
    // its files alone do nothing
    assert_eq!(found(&[INDEX, NETWORKD, LINK, NETPLAN]), "systemd-networkd");
}

#[test]
fn files_that_netplan_generated_from_a_deleted_file_count_as_netplans() {
    let link = ("run/systemd/netif/links/2", "NETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n");
    assert_eq!(found(&[INDEX, NETWORKD, link, NETPLAN_PROGRAM]), "netplan");
    assert_eq!(found(&[INDEX, NETWORKD, link]), "systemd-networkd");
    let made = (
        "run/NetworkManager/system-connections/netplan-eth0.nmconnection",
        "[connection]\ninterface-name=eth0\n",
    );
    assert_eq!(found(&[INDEX, NETWORKMANAGER, DEVICE, made, NETPLAN_PROGRAM]), "netplan");
}

#[test]
fn one_that_no_boot_starts_is_refused() {
    assert_eq!(
        found_as_it_is(&[INDEX, NETWORKD, LINK]),
        "systemd-networkd manages this host's network, but is not started at boot; enable it (systemctl enable systemd-networkd.service), or configure the network with a manager that is"
    );
    let vendor = ("usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service", "");
    assert_eq!(found_as_it_is(&[INDEX, NETWORKD, LINK, vendor]), "systemd-networkd");
    // netplan's generator makes this of its files at each boot
    let generated = ("run/systemd/system/multi-user.target.wants/systemd-networkd.service", "");
    assert!(found_as_it_is(&[INDEX, NETWORKD, LINK, generated]).contains("is not started at boot"));
}

#[test]
fn one_that_runs_without_the_nic_is_not_the_one() {
    let unmanaged = ("run/NetworkManager/devices/2", "[device]\nmanaged=unmanaged\n");
    assert_eq!(found(&[IFUP, INTERFACES, INDEX, NETWORKMANAGER, unmanaged]), "ifupdown");
    let unmanaged = ("run/systemd/netif/links/2", "ADMIN_STATE=unmanaged\n");
    assert_eq!(found(&[IFUP, INTERFACES, INDEX, NETWORKD, unmanaged]), "ifupdown");
    assert_eq!(found(&[IFUP, LOOPBACK, INDEX, NETWORKD, LINK]), "systemd-networkd");
}

#[test]
fn an_ifcfg_file_is_networkmanagers_where_it_runs() {
    let scripts = ("etc/sysconfig/network-scripts/ifup-eth", "");
    let ifcfg = ("etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\n");
    assert_eq!(found(&[scripts, ifcfg, INDEX, NETWORKMANAGER, DEVICE]), "NetworkManager");
    let ifcfg = ("etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nNM_CONTROLLED=\"no\"\n");
    let unmanaged = ("run/NetworkManager/devices/2", "[device]\nmanaged=unmanaged\n");
    assert_eq!(found(&[scripts, ifcfg, INDEX, NETWORKMANAGER, unmanaged]), "network-scripts");
}

#[test]
fn an_unnamed_nic_belongs_to_the_running_manager() {
    assert_eq!(found(&[IFUP, LOOPBACK]), "ifupdown");
    assert_eq!(found(&[IFUP, LOOPBACK, NETWORKD]), "systemd-networkd");
    assert_eq!(found(&[NETPLAN_PROGRAM, NETWORKD]), "systemd-networkd");
    let other = ("etc/netplan/01.yaml", "network: {version: 2}\n");
    assert_eq!(found(&[NETPLAN_PROGRAM, NETWORKD, other]), "netplan");
}

#[test]
fn two_of_them_are_refused_with_both_files() {
    assert_eq!(
        found(&[IFUP, INTERFACES, INDEX, NETWORKD, LINK]),
        "both ifupdown (/etc/network/interfaces) and systemd-networkd (/etc/systemd/network/10-eth0.network) configure eth0: remove it from one of them"
    );
}

#[test]
fn none_is_refused() {
    assert_eq!(
        found(&[]),
        "no supported network manager runs on this host (ifupdown, systemd-networkd, NetworkManager, netplan, network-scripts, wicked); start the one that configures its network"
    );
}
