//! Settings of foreign definitions that are not in the tables are taken over, reported, or refused with their line.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test")]

mod hosts;

use std::path::PathBuf;

use hosts::{Etc, network, nic};
use postscripts::steps::network::manager::{Manager, lost};

const MAC: &str = "02:78:64:00:00:02";

fn etc(manager: Manager, files: &[(&str, &str)]) -> Etc {
    Etc::new(manager, files).with_nics(&[nic("eth0", MAC), nic("eth1", "02:78:64:00:00:03")])
}

/// What is reported of them, each with its file and line.
fn reported(manager: Manager, files: &[(&str, &str)]) -> Vec<String> {
    let etc = etc(manager, files);
    lost(&etc.tree(), &network("bridge")).iter().map(ToString::to_string).collect()
}

fn refused(manager: Manager, files: &[(&str, &str)]) -> String {
    let refusal = etc(manager, files).refusal(&network("bridge"));
    let end = "; nothing was changed";
    assert!(refusal.ends_with(end), "{refusal}");
    refusal.trim_end_matches(end).to_owned()
}

/// A static address of IPv6, and two of IPv4: in another net, and in that of the tables.
const NETWORKD: &str = "[Match]\nName=eth0\n\n[Network]\nAddress=10.99.4.1/16\nAddress=fd00:99::5/64\nAddress=fe80::5/64\n\n[Address]\nAddress=192.0.2.5/24\n\n[Address]\nAddress=10.99.4.77/16\n";
const NETWORKMANAGER: &str = "[connection]\nid=eth0\nuuid=78646f63-6b00-4000-8000-000000000001\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\naddress1=10.99.4.1/16,10.99.0.1\naddress2=192.0.2.5/24\naddress3=10.99.4.77/16\nmethod=manual\n\n[ipv6]\naddress1=fd00:99::5/64\nmethod=manual\n";
const NETPLAN: &str = "network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses:\n        - 10.99.4.1/16\n        - 192.0.2.5/24: {label: \"eth0:a\"}\n        - \"fd00:99::5/64\"\n        - 10.99.4.77/16\n";
const IFUPDOWN: &str = "auto eth0\niface eth0 inet static\n    address 10.99.4.1/16\niface eth0 inet6 static\n    address fd00:99::5\n    netmask 64\n    accept_ra 0\niface eth0:1 inet static\n    address 192.0.2.5\n    netmask 255.255.255.0\niface eth0:2 inet static\n    address 10.99.4.77/16\n";

/// File, content, our file of the bridge, and what it has.
type Case = (Manager, &'static str, &'static str, &'static str, &'static [&'static str]);

const CASES: [Case; 4] = [
    (
        Manager::Networkd,
        "etc/systemd/network/10-eth0.network",
        NETWORKD,
        "etc/systemd/network/00-xdock-mynet0.network",
        &["[Address]\nAddress=fd00:99::5/64\n", "[Address]\nAddress=192.0.2.5/24\n"],
    ),
    (
        Manager::NetworkManager,
        "etc/NetworkManager/system-connections/eth0.nmconnection",
        NETWORKMANAGER,
        "etc/NetworkManager/system-connections/xdock-mynet0.nmconnection",
        &["[ipv4]\naddress1001=192.0.2.5/24\n", "[ipv6]\naddress1002=fd00:99::5/64\n"],
    ),
    (
        Manager::Netplan,
        "etc/netplan/50-a.yaml",
        NETPLAN,
        "etc/netplan/91-xdock.yaml",
        &["      addresses:\n        - 192.0.2.5/24\n        - \"fd00:99::5/64\"\n"],
    ),
    (
        Manager::Ifupdown,
        "etc/network/interfaces",
        IFUPDOWN,
        "etc/network/interfaces.d/xdock",
        &[
            "    iface mynet0 inet6 static\n        address fd00:99::5/64\n",
            "    iface mynet0 inet static\n        address 192.0.2.5/24\n",
        ],
    ),
];

#[test]
fn static_addresses_that_the_tables_lack_are_taken_over() {
    for (manager, path, text, own, has) in CASES {
        let etc = etc(manager, &[(path, text)]);
        etc.apply(&network("bridge"));
        let bridge = etc.text(own);
        for part in has {
            assert!(bridge.contains(part), "{manager}: no {part:?} in {bridge}");
        }
        for not in ["10.99.4.77", "fe80::5"] {
            assert!(!bridge.contains(not), "{manager}: {not} in {bridge}");
        }
        assert_eq!(etc.apply(&network("bridge")), Vec::<PathBuf>::new(), "{manager}: a second run writes");
    }
}

#[test]
fn an_old_address_in_the_net_of_the_tables_is_reported_with_its_line() {
    let lines = CASES.map(|(manager, path, text, ..)| reported(manager, &[(path, text)]).join("; "));
    assert_eq!(
        lines.map(|line| line.rsplit_once("/etc/").unwrap().1.to_owned()),
        [
            "systemd/network/10-eth0.network:13: Address=10.99.4.77/16",
            "NetworkManager/system-connections/eth0.nmconnection:10: ipv4.address3=10.99.4.77/16",
            "netplan/50-a.yaml:9: eth0: 10.99.4.77/16",
            "network/interfaces:12: address 10.99.4.77/16",
        ]
    );
}

#[test]
fn settings_without_a_place_in_our_files_are_reported_with_their_line() {
    let networkd = "[Match]\nName=eth0\n\n[Link]\nUnmanaged=no\n\n[Address]\nAddress=10.99.4.1/16\nLabel=a\n";
    assert_eq!(
        reported(Manager::Networkd, &[("etc/systemd/network/10-a.network", networkd)]),
        ["/etc/systemd/network/10-a.network:5: Unmanaged=no", "/etc/systemd/network/10-a.network:9: Label=a"]
    );
    let netplan = "network:\n  version: 2\n  ethernets:\n    eth1: {critical: true}\n    lan:\n      match: {macaddress: \"02:78:64:00:00:02\"}\n      critical: true\n";
    assert_eq!(
        reported(Manager::Netplan, &[("etc/netplan/a.yaml", netplan)]),
        ["/etc/netplan/a.yaml:7: lan: critical"]
    );
    let ifupdown = "iface eth0 inet6 static\n    address fd00:99::5/64\n    accept_ra 0\n";
    assert_eq!(
        reported(Manager::Ifupdown, &[("etc/network/interfaces", ifupdown)]),
        ["/etc/network/interfaces:3: accept_ra 0"]
    );
}

#[test]
fn what_of_netplan_takes_our_nic_is_refused_with_its_line() {
    let theirs = |more: &str| {
        format!(
            "network:\n  version: 2\n  ethernets:\n    lan:\n      match: {{macaddress: \"{MAC}\"}}\n{more}"
        )
    };
    let advice = "cannot be taken over into the files for this network; remove it from these interfaces, or add that device to the tables";
    for (more, line, setting) in [
        ("  vrfs:\n    blue:\n      table: 100\n      interfaces: [lan]\n", 9, "vrfs.blue: interfaces"),
        (
            "  bridges:\n    br9:\n      interfaces:\n        - eth1\n        - lan\n",
            10,
            "bridges.br9: interfaces",
        ),
        ("  bonds:\n    bond9: {interfaces: [eth1, lan]}\n", 7, "bonds.bond9: interfaces"),
    ] {
        assert_eq!(
            refused(Manager::Netplan, &[("etc/netplan/a.yaml", &theirs(more))]),
            format!("/etc/netplan/a.yaml:{line}: {setting} of eth0 {advice}")
        );
    }
    let others = theirs("  bridges:\n    br9: {interfaces: [eth1]}\n    mynet0: {interfaces: [lan]}\n");
    etc(Manager::Netplan, &[("etc/netplan/a.yaml", &others)]).apply(&network("bridge"));
}

const MAIN: &str = "etc/NetworkManager/NetworkManager.conf";
const PART: &str = "etc/NetworkManager/conf.d/50-own.conf";

#[test]
fn what_networkmanager_leaves_alone_is_refused_with_its_line() {
    let advice = "cannot be taken over into the files for this network; remove the interface from that list, or exclude it there with except:interface-name:";
    let list = |value: &str| format!("[main]\nplugins=keyfile\n\n[keyfile]\nunmanaged-devices={value}\n");
    for (value, device) in [
        ("interface-name:eth0", "eth0"),
        ("interface-name:=mynet0", "mynet0"),
        ("interface-name:docker*;interface-name:my*", "mynet0"),
        ("type:bridge", "mynet0"),
        ("mac:02:78:64:00:00:02", "eth0"),
        ("*", "eth0"),
    ] {
        for path in [MAIN, PART] {
            assert_eq!(
                refused(Manager::NetworkManager, &[(path, &list(value))]),
                format!("/{path}:5: unmanaged-devices={value} of {device} {advice}")
            );
        }
    }
    let vendor = "usr/lib/NetworkManager/conf.d/50-own.conf";
    for files in [
        vec![(PART, list("interface-name:docker*;interface-name:veth*;type:wifi"))],
        vec![(PART, list("*;except:interface-name:eth0;except:interface-name:my*"))],
        // the last list holds, and a file hides that of its name
        vec![(MAIN, list("*")), (PART, list("interface-name:docker0"))],
        vec![(vendor, list("*")), (PART, String::new())],
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        etc(Manager::NetworkManager, &files).apply(&network("bridge"));
    }
}

#[test]
fn files_that_a_source_line_names_are_read_wherever_they_are() {
    let stanza =
        "auto eth0\niface eth0 inet static\n    address 10.99.4.1/16\n    dns-nameservers 10.99.0.53\n";
    let main = |line: &str| format!("source /etc/network/interfaces.d/*\n{line}\n");
    for (line, path) in [
        ("source /etc/net/*.cfg", "etc/net/lan.cfg"),
        ("source /etc/n?t/[l]an.cfg", "etc/net/lan.cfg"),
        ("source-directory /etc/net", "etc/net/lan"),
        ("source lan", "etc/network/lan"),
    ] {
        let files = [("etc/network/interfaces", main(line)), (path, stanza.to_owned())];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let etc = etc(Manager::Ifupdown, &files);
        etc.apply(&network("bridge"));
        assert!(etc.text("etc/network/interfaces.d/xdock").contains("dns-nameservers 10.99.0.53"), "{line}");
        assert!(etc.text(path).starts_with("#xdock# auto eth0\n"), "{line}: {}", etc.text(path));
        assert_eq!(etc.apply(&network("bridge")), Vec::<PathBuf>::new(), "{line}: a second run writes");
    }
}

#[test]
fn a_stanza_of_our_nic_outside_of_etc_is_refused_with_its_line() {
    let main = "source /srv/net/*\n";
    let files = [("etc/network/interfaces", main), ("srv/net/lan", "auto eth0\niface eth0 inet dhcp\n")];
    assert_eq!(
        refused(Manager::Ifupdown, &files),
        "/srv/net/lan:2: iface eth0 inet dhcp of eth0 cannot be taken over into the files for this network; only files below /etc are changed: move the stanza to /etc/network/interfaces, or remove it"
    );
    let files = [("etc/network/interfaces", main), ("srv/net/lan", "auto eth7\niface eth7 inet dhcp\n")];
    etc(Manager::Ifupdown, &files).apply(&network("bridge"));
}
