//! Somebody else's files of our devices: kept as dated backups and neutralised, whatever else is in them still_in_use. In the end only one file
//! configures each device.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod hosts;

use std::path::{Path, PathBuf};

use hosts::{Etc, STAMP, network, route};
use inventory::IfName;
use postscripts::steps::network::manager::{Manager, Nics, Tree};
use postscripts::steps::network::resolved::{Kind, ResolvedNetwork};

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn paths(list: &[&str]) -> Vec<PathBuf> {
    list.iter().map(PathBuf::from).collect()
}

/// A host of the default plan, a bridge over `eth0`.
fn applied(manager: Manager, files: &[(&str, &str)]) -> Etc {
    let etc = Etc::new(manager, files);
    etc.apply(&network("two-networks"));
    assert_eq!(etc.apply(&network("two-networks")), Vec::<PathBuf>::new(), "a second run writes nothing");
    etc
}

const DEBIAN: &str = "\
# This file describes the network interfaces available on your system
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.99.4.1/16
    gateway 10.99.0.1
";

#[test]
fn ifupdown_stanzas_become_comments() {
    let etc = applied(Manager::Ifupdown, &[("etc/network/interfaces", DEBIAN)]);
    let freed = "\
# This file describes the network interfaces available on your system
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

#xdock# auto eth0
#xdock# iface eth0 inet static
#xdock#     address 10.99.4.1/16
#xdock#     gateway 10.99.0.1
";
    assert_eq!(etc.text("etc/network/interfaces"), freed);
    assert_eq!(etc.text(&format!("etc/network/interfaces.xdock-{STAMP}")), DEBIAN);
}

#[test]
fn a_file_of_xcats_configeth_is_neutralised_beside_its_directory() {
    let configeth = "auto eth0\niface eth0 inet static\n  address 10.99.4.1\n  netmask 255.255.0.0\n";
    let main = "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n";
    let etc = applied(
        Manager::Ifupdown,
        &[("etc/network/interfaces", main), ("etc/network/interfaces.d/eth0", configeth)],
    );
    let commented: String = configeth.lines().map(|line| format!("#xdock# {line}\n")).collect();
    assert_eq!(etc.text("etc/network/interfaces.d/eth0"), commented);
    assert_eq!(etc.text(&format!("etc/network/interfaces.d-eth0.xdock-{STAMP}")), configeth);
    assert_eq!(etc.text("etc/network/interfaces"), main);
}

#[test]
fn without_a_main_file_ifupdown_gets_one_that_reads_ours() {
    let etc = applied(Manager::Ifupdown, &[]);
    assert_eq!(etc.text("etc/network/interfaces"), "source /etc/network/interfaces.d/*\n");
}

#[test]
fn files_of_an_earlier_run_go_when_their_device_left_the_tables() {
    let etc = Etc::bare(Manager::Networkd);
    etc.apply(&network("two-networks"));
    assert_ne!(etc.text("etc/systemd/network/00-xdock-br98.network"), "");
    let changed = etc.apply(&network("dhcp"));
    let gone = ["00-xdock-br98.netdev", "00-xdock-br98.network", "00-xdock-eth1.network"];
    let wanted: Vec<PathBuf> = ["00-xdock-containers.link"]
        .iter()
        .chain(&gone)
        .map(|file| PathBuf::from(format!("etc/systemd/network/{file}")))
        .collect();
    assert_eq!(changed, wanted);
    for file in gone {
        assert!(!etc.root().join("etc/systemd/network").join(file).exists(), "{file}");
    }
}

#[test]
fn networkd_files_lose_our_names_or_go() {
    let both = "# ports\n[Match]\nName=eth0 eth7\n\n[Network]\nDHCP=yes\n";
    let pattern = "[Match]\nName=e*\n\n[Network]\nDHCP=yes\n";
    let netdev = "[NetDev]\nName=mynet0\nKind=bridge\n";
    let etc = applied(
        Manager::Networkd,
        &[
            ("etc/systemd/network/10-both.network", both),
            ("etc/systemd/network/20-wired.network", pattern),
            ("etc/systemd/network/30-br.netdev", netdev),
        ],
    );
    assert_eq!(etc.text("etc/systemd/network/10-both.network"), both.replace("eth0 eth7", "eth7"));
    assert_eq!(etc.text("etc/systemd/network/20-wired.network"), pattern, "ours stand before it");
    assert!(!etc.root().join("etc/systemd/network/30-br.netdev").exists());
    assert_eq!(etc.text(&format!("etc/systemd/network-10-both.network.xdock-{STAMP}")), both);
    assert_eq!(etc.text(&format!("etc/systemd/network-30-br.netdev.xdock-{STAMP}")), netdev);
}

#[test]
fn a_pattern_sets_how_a_nic_gets_its_address() {
    let etc = Etc::new(
        Manager::Networkd,
        &[("etc/systemd/network/20-wired.network", "[Match]\nName=e*\n\n[Network]\nDHCP=yes\n")],
    );
    assert!(etc.tree().is_dhcp(&name("eth0")));
    assert!(!etc.tree().is_dhcp(&name("mynet0")));
    etc.apply(&network("bridge"));
    assert!(etc.text("etc/systemd/network/00-xdock-mynet0.network").contains("\nDHCP=ipv4\n"));
    assert!(etc.tree().is_dhcp(&name("mynet0")));
    assert!(!etc.tree().is_dhcp(&name("eth0")), "it is a port now");
}

const PROFILE: &str = "\
[connection]
id=Wired connection 1
uuid=78646f63-6b00-4000-8000-000000000001
type=ethernet
interface-name=eth0

[ipv4]
address1=10.99.4.1/16,10.99.0.1
method=manual

[802-1x]
eap=tls
";

#[test]
fn networkmanager_profiles_of_our_devices_go() {
    let other = PROFILE.replace("eth0", "eth7");
    let any = PROFILE.replace("interface-name=eth0\n", "");
    let ifcfg = "DEVICE=eth1\nBOOTPROTO=dhcp\n";
    let etc = Etc::new(
        Manager::NetworkManager,
        &[
            ("etc/NetworkManager/system-connections/Wired connection 1", PROFILE),
            ("etc/NetworkManager/system-connections/other.nmconnection", &other),
            ("etc/NetworkManager/system-connections/any.nmconnection", &any),
            ("etc/sysconfig/network-scripts/ifcfg-eth1", ifcfg),
        ],
    );
    etc.apply(&network("two-networks"));
    let own = etc.text("etc/NetworkManager/system-connections/xdock-eth0.nmconnection");
    assert!(own.contains("\n# Taken over for eth0, as it stood:\n[802-1x]\neap=tls\n"), "{own}");
    let connections = etc.root().join("etc/NetworkManager/system-connections");
    let mut names: Vec<String> = connections
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let ours = ["br98", "eth0", "eth1", "mynet0"].map(|name| format!("xdock-{name}.nmconnection"));
    assert_eq!(names[..2], ["any.nmconnection", "other.nmconnection"], "ours have the higher priority");
    assert_eq!(names[2..], ours);
    assert!(!etc.root().join("etc/sysconfig/network-scripts/ifcfg-eth1").exists());
    assert_eq!(etc.text(&format!("etc/sysconfig/network-scripts-ifcfg-eth1.xdock-{STAMP}")), ifcfg);
    let kept = format!("etc/NetworkManager/system-connections-Wired connection 1.xdock-{STAMP}");
    assert_eq!(etc.text(&kept), PROFILE);
    // eth1 was DHCP's; its bridge is now
    assert!(
        etc.text("etc/NetworkManager/system-connections/xdock-br98.nmconnection")
            .contains("[ipv4]\nmethod=auto\n")
    );
}

#[test]
fn a_profile_that_others_may_read_is_closed_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let etc = applied(Manager::NetworkManager, &[]);
    let profile = etc.root().join("etc/NetworkManager/system-connections/xdock-mynet0.nmconnection");
    assert_eq!(profile.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&profile, std::fs::Permissions::from_mode(0o644)).unwrap();
    let changed = etc.apply(&network("two-networks"));
    assert_eq!(changed, paths(&["etc/NetworkManager/system-connections/xdock-mynet0.nmconnection"]));
    assert_eq!(profile.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn netplan_keeps_what_names_a_nic() {
    let theirs = "\
network:
  version: 2
  renderer: NetworkManager
  ethernets:
    lan:
      match: {macaddress: \"02:78:64:00:00:02\"}
      set-name: eth0
      dhcp4: yes
      wakeonlan: true
    eth1: {dhcp4: no}
    eth7:
      addresses: [192.0.2.1/24]
  bridges:
    mynet0:
      interfaces: [lan]
";
    let etc = Etc::new(Manager::Netplan, &[("etc/netplan/01.yaml", theirs)]);
    assert!(etc.tree().is_dhcp(&name("eth0")));
    etc.apply(&network("two-networks"));
    let taken_over = etc.text("etc/netplan/91-xdock.yaml");
    assert!(
        taken_over.ends_with(
            "    \"lan\":\n      # Taken over for eth0, as it stood:\n      wakeonlan: true\n      # End of what was taken over.\n"
        ),
        "{taken_over}"
    );
    let freed = "\
---
network:
  version: 2
  renderer: NetworkManager
  ethernets:
    lan:
      match:
        macaddress: \"02:78:64:00:00:02\"
      set-name: eth0
    eth7:
      addresses:
        - 192.0.2.1/24
";
    assert_eq!(etc.text("etc/netplan/01.yaml"), freed);
    assert_eq!(etc.text(&format!("etc/netplan-01.yaml.xdock-{STAMP}")), theirs);
    assert_eq!(etc.apply(&network("two-networks")), Vec::<PathBuf>::new());
}

#[test]
fn netplan_that_is_no_yaml_is_left_to_its_owner() {
    let etc = applied(Manager::Netplan, &[("etc/netplan/01.yaml", "network: [\n")]);
    assert_eq!(etc.text("etc/netplan/01.yaml"), "network: [\n");
}

#[test]
fn ifcfg_files_with_other_names_and_routes_go() {
    let directory = "etc/sysconfig/network-scripts";
    let etc = Etc::new(
        Manager::Ifcfg,
        &[
            (&format!("{directory}/ifcfg-Wired_connection_1"), "DEVICE=\"eth0\"\nBOOTPROTO=dhcp\n"),
            (&format!("{directory}/ifcfg-eth0:1"), "DEVICE=eth0:1\nIPADDR=192.0.2.1\n"),
            (&format!("{directory}/route-eth0"), "10.0.0.0/8 via 10.99.0.2\n"),
            (&format!("{directory}/ifcfg-eth0.bak"), "DEVICE=eth0\n"),
            (&format!("{directory}/ifcfg-lo"), "DEVICE=lo\n"),
        ],
    );
    assert!(etc.tree().is_dhcp(&name("eth0")));
    etc.apply(&network("dhcp"));
    let mut names: Vec<String> = etc
        .root()
        .join(directory)
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["ifcfg-eth0", "ifcfg-eth0.bak", "ifcfg-lo", "ifcfg-mynet0", "route-mynet0"]);
    assert!(
        etc.text(&format!("{directory}/route-mynet0")).ends_with("\n10.0.0.0/8 via 10.99.0.2 dev mynet0\n")
    );
}

#[test]
fn the_port_and_the_routes_of_an_earlier_run_are_remembered() {
    for manager in Manager::ALL {
        for case in ["bridge", "bridge-ovs"] {
            let etc = Etc::bare(manager);
            etc.apply(&network(case));
            let bridge = if case == "bridge" { "mynet0" } else { "br0" };
            assert_eq!(etc.tree().saved_port(&name(bridge)), Some(name("eth0")), "{manager} {case}");
            assert_eq!(etc.tree().saved_port(&name("br77")), None, "{manager} {case}");
        }
        // the bridge has the routes now
        let etc = Etc::bare(manager);
        etc.apply(&network("bridge"));
        let mut without = network("bridge");
        without.devices.last_mut().unwrap().routes.clear();
        assert_eq!(etc.apply(&without), Vec::<PathBuf>::new(), "{manager} forgot the routes");
    }
}

#[test]
fn routes_on_the_link_and_of_both_families() {
    let mut network: ResolvedNetwork = network("ipv6");
    let bridge = network.devices.last_mut().unwrap();
    bridge.routes = vec![
        route("192.0.2.0/24", None, None),
        route("fd00:1::/64", Some("fd00:99::2"), Some(7)),
        route("fd00:2::/64", None, None),
    ];
    for manager in Manager::ALL {
        let etc = Etc::bare(manager);
        etc.apply(&network);
        let mut without = network.clone();
        without.devices.last_mut().unwrap().routes.clear();
        assert_eq!(etc.apply(&without), Vec::<PathBuf>::new(), "{manager}");
    }
}

#[test]
fn networkmanager_makes_the_switch_where_its_plugin_is() {
    let etc = Etc::new(
        Manager::NetworkManager,
        &[
            ("usr/sbin/NetworkManager", ""),
            ("usr/lib64/NetworkManager/1.42.4/libnm-device-plugin-ovs.so", ""),
        ],
    );
    let mut network = network("bridge-ovs-bond");
    let tagged = matches!(network.devices.last().unwrap().kind, Kind::OvsBridge { tag: Some(20), .. });
    assert!(tagged);
    network.devices.last_mut().unwrap().routes = vec![route("10.0.0.0/8", Some("10.99.0.2"), None)];
    etc.apply(&network);
    let profile =
        |id: &str| etc.text(&format!("etc/NetworkManager/system-connections/xdock-{id}.nmconnection"));
    assert!(profile("br0-bridge").ends_with("\n[ovs-bridge]\ndatapath-type=system\n"));
    assert!(profile("br0-port-br0").ends_with("slave-type=ovs-bridge\n\n[ovs-port]\ntag=20\n"));
    assert!(profile("br0-port-bond0").ends_with("slave-type=ovs-bridge\n\n[ovs-port]\n"));
    assert!(profile("br0").contains("type=ovs-interface\ninterface-name=br0\n"));
    assert!(
        profile("br0").contains("\naddress1=10.99.4.1/16\ngateway=10.99.0.1\nroute1=10.0.0.0/8,10.99.0.2\n")
    );
    assert!(profile("bond0").contains("\nslave-type=ovs-port\n"));
    let dropin = etc.text("etc/NetworkManager/conf.d/xdock.conf");
    assert!(dropin.ends_with("unmanaged-devices+=interface-name:xh*;interface-name:xc*;interface-name:veth*;interface-name:docker*\n"));
}

#[test]
fn every_program_that_is_installed_leaves_containers_alone() {
    let etc = Etc::new(
        Manager::Ifupdown,
        &[
            ("usr/sbin/NetworkManager", ""),
            ("usr/lib/systemd/systemd-networkd", ""),
            ("usr/bin/udevadm", ""),
            ("etc/network/interfaces", DEBIAN),
        ],
    );
    let changed = etc.apply(&network("bridge"));
    let dropins = paths(&[
        "etc/NetworkManager/conf.d/xdock.conf",
        "etc/systemd/network/00-xdock-containers.network",
        "etc/systemd/network/00-xdock-containers.link",
    ]);
    assert_eq!(changed[..3], dropins);
    assert_eq!(etc.apply(&network("bridge")), Vec::<PathBuf>::new());
}

#[test]
fn what_cannot_be_read_is_refused_before_anything_is_written() {
    let refused = |manager, path: &str, make: &dyn Fn(&Path)| {
        let etc = Etc::new(manager, &[]);
        let path = etc.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        make(&path);
        let error = Tree::read(etc.root(), manager, &Nics::default()).unwrap_err();
        chain::chain(&error).replace(&format!("{}/", etc.root().display()), "/")
    };
    let latin1 = |path: &Path| std::fs::write(path, b"# M\xfcnchen\n").unwrap();
    let dangling = |path: &Path| std::os::unix::fs::symlink("/not/mounted", path).unwrap();
    let directory = |path: &Path| std::fs::create_dir(path).unwrap();
    let said = "a file of the network manager cannot be read; repair or remove it; nothing was changed: cannot read ";
    let unmounted = |path: &str| {
        format!(
            "{said}{path}: it is a link to /not/mounted, which does not exist; mount its file system, or remove the link"
        )
    };
    assert_eq!(
        refused(Manager::Ifupdown, "etc/network/interfaces", &latin1),
        format!("{said}/etc/network/interfaces: invalid utf-8 sequence of 1 bytes from index 3")
    );
    assert_eq!(
        refused(Manager::Ifupdown, "etc/network/interfaces", &dangling),
        unmounted("/etc/network/interfaces")
    );
    assert_eq!(
        refused(Manager::Netplan, "etc/netplan/01.yaml", &dangling),
        unmounted("/etc/netplan/01.yaml")
    );
    assert_eq!(
        refused(Manager::Networkd, "etc/systemd/network/10-a.network", &directory),
        format!("{said}/etc/systemd/network/10-a.network: not a regular file")
    );
    assert_eq!(
        refused(Manager::Ifcfg, "etc/sysconfig/network-scripts/ifcfg-eth0", &latin1),
        format!(
            "{said}/etc/sysconfig/network-scripts/ifcfg-eth0: invalid utf-8 sequence of 1 bytes from index 3"
        )
    );
    assert_eq!(
        refused(Manager::NetworkManager, "etc/NetworkManager/system-connections/lan", &dangling),
        unmounted("/etc/NetworkManager/system-connections/lan")
    );
}

#[test]
fn what_a_manager_does_not_read_may_be_anything() {
    let etc = Etc::new(
        Manager::NetworkManager,
        &[
            ("etc/NetworkManager/system-connections/old/lan", ""),
            ("etc/systemd/network/a.network.d/b.conf", ""),
        ],
    );
    std::fs::write(etc.root().join("etc/NetworkManager/system-connections/key.der"), b"\xff").unwrap();
    std::fs::write(etc.root().join("etc/NetworkManager/system-connections/lan~"), b"\xff").unwrap();
    assert_eq!(etc.tree().files(), []);
}
