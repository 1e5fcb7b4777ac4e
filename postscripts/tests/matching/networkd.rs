//! systemd-networkd: `[Match]` of systemd.network(5), drop-ins, and what their settings become.

use super::*;

const BRIDGE: &str = "etc/systemd/network/00-xdock-mynet0.network";
const NIC: &str = "etc/systemd/network/00-xdock-eth0.network";

fn with(matches: &str) -> Etc {
    let theirs = format!("[Match]\n{matches}\n\n[Network]\nDHCP=yes\nDNS=10.99.0.53\nDomains=cluster.test\n");
    let other = format!("[Match]\nMACAddress={OTHER}\n\n[Network]\nDNS=192.0.2.53\nDomains=other.test\n");
    let files =
        [("etc/systemd/network/10-a.network", other.as_str()), ("etc/systemd/network/20-b.network", &theirs)];
    applied(Manager::Networkd, &files)
}

#[test]
fn whatever_a_file_matches_the_nic_by_is_taken_over() {
    for matches in [
        "Name=eth0",
        "Name=eth[0-9]",
        "Name=!eth1 lo",
        "Name=enp0s3",
        "MACAddress=02:78:64:00:00:02",
        "MACAddress=02-78-64-00-00-99 02-78-64-00-00-02",
        "PermanentMACAddress=02:78:64:00:00:02",
        "Driver=virtio*",
        "Type=ether",
        "Path=pci-0000:00:03.*",
        "Property=ID_NET_NAME_PATH=enp0s3 !ID_PATH=usb-*",
        "Name=eth*\nName=!eth1",
        "Name=wlan0\nName=\nName=eth0",
    ] {
        let known = [Nic { altnames: vec!["enp0s3".to_owned()], ..nics()[0].clone() }, nics()[1].clone()];
        let etc = with(matches).with_nics(&known);
        let own = etc.text(BRIDGE);
        if matches != "Name=enp0s3" {
            assert!(own.contains("\nDNS=10.99.0.53\nDomains=cluster.test\n"), "{matches}: {own}");
            assert!(own.contains("\nDHCP=ipv4\n"), "{matches}: {own}");
        }
        assert!(!own.contains("other.test"), "{matches}: {own}");
    }
}

#[test]
fn an_alternative_name_is_a_name() {
    let theirs = "[Match]\nName=enp0s3\n\n[Network]\nDNS=10.99.0.53\n";
    let known = [Nic { altnames: vec!["enp0s3".to_owned()], ..nics()[0].clone() }];
    let etc = Etc::new(Manager::Networkd, &[("etc/systemd/network/b.network", theirs)]).with_nics(&known);
    etc.apply(&network("bridge"));
    assert!(etc.text(BRIDGE).contains("\nDNS=10.99.0.53\n"));
}

#[test]
fn a_file_for_other_interfaces_has_no_effect() {
    for matches in [
        "Name=!eth0",
        "Name=eth*\nName=!eth0",
        "MACAddress=02:78:64:00:00:99",
        "Driver=e1000",
        "Type=wlan",
        "Kind=bridge",
        "Property=ID_NET_NAME_PATH=enp0s9",
        "Path=pci-0000:00:04.0",
        "SSID=lab\nName=eth0",
        "Virtualization=vm\nName=eth0",
    ] {
        let own = with(matches).text(BRIDGE);
        assert!(!own.contains("DNS="), "{matches}: {own}");
        assert!(!own.contains("DHCP"), "{matches}: {own}");
    }
}

#[test]
fn the_first_file_by_name_holds_and_no_other() {
    let first = "[Match]\nName=e*\n\n[Network]\nDNS=10.99.0.53\n";
    let exact = "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\nDNS=192.0.2.53\n";
    let etc = applied(
        Manager::Networkd,
        &[("etc/systemd/network/10-all.network", first), ("etc/systemd/network/20-eth0.network", exact)],
    );
    assert!(etc.text(BRIDGE).contains("\nDNS=10.99.0.53\n"));
    assert!(!etc.text(BRIDGE).contains("DHCP"));
    assert!(!etc.root().join("etc/systemd/network/20-eth0.network").exists());
}

#[test]
fn a_file_hides_its_namesake_and_drop_ins_add_to_it() {
    let vendor = "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n";
    let etc = Etc::new(
        Manager::Networkd,
        &[
            ("usr/lib/systemd/network/50-a.network", vendor),
            ("run/systemd/network/60-b.network", "[Match]\nName=eth0\n\n[Network]\nDNS=192.0.2.1\n"),
            ("etc/systemd/network/60-b.network.d/dns.conf", "[Network]\nDomains=drop.in\n"),
        ],
    );
    std::os::unix::fs::symlink("/dev/null", etc.root().join("etc/systemd/network/50-a.network")).unwrap();
    let etc = etc.with_nics(&nics());
    etc.apply(&network("bridge"));
    let own = etc.text(BRIDGE);
    assert!(own.contains("\nDNS=192.0.2.1\nDomains=drop.in\n"), "{own}");
    assert!(!own.contains("DHCP"), "{own}");
}

#[test]
fn a_condition_of_the_host_holds_where_networkd_applies_the_file_now() {
    let theirs = "[Match]\nVirtualization=vm\nName=eth0\n\n[Network]\nDNS=10.99.0.53\n";
    let path = "/etc/systemd/network/20-vm.network";
    let now = Nic { network_file: Some(PathBuf::from(path)), ..nics()[0].clone() };
    let etc = Etc::new(Manager::Networkd, &[(&path[1..], theirs)]).with_nics(&[now]);
    etc.apply(&network("bridge"));
    assert!(etc.text(BRIDGE).contains("\nDNS=10.99.0.53\n"));
}

#[test]
fn a_pattern_that_comes_before_ours_gets_an_exception() {
    let theirs = "[Match]\nDriver=virtio_net\n\n[Network]\nDHCP=yes\n";
    let any = "[Match]\nName=*\n\n[Network]\nDHCP=no\n";
    let etc = applied(
        Manager::Networkd,
        &[
            ("etc/systemd/network/00-a-virtio.network", theirs),
            ("run/systemd/network/00-any.network", any),
            ("etc/systemd/network/00-zzz.network", any),
        ],
    );
    let exception = |file: &str| etc.text(&format!("etc/systemd/network/{file}.d/xdock.conf"));
    assert!(exception("00-a-virtio.network").ends_with("\n[Match]\nName=!eth0\n"));
    assert!(exception("00-any.network").ends_with("\n[Match]\nName=!eth0 mynet0\n"));
    assert_eq!(exception("00-zzz.network"), "", "it comes after ours");
    assert_eq!(etc.text("etc/systemd/network/00-a-virtio.network"), theirs);
    assert!(etc.tree().is_dhcp(&name("mynet0")));
    assert!(!etc.tree().is_dhcp(&name("eth0")));
}

#[test]
fn files_that_list_ethernet_addresses_lose_ours_or_go() {
    let both = format!("[Match]\nMACAddress={OTHER} {MAC}\n\n[Network]\nDHCP=yes\n");
    let alone = format!("[Match]\nPermanentMACAddress={MAC}\n\n[Network]\nDHCP=yes\n");
    let etc = applied(
        Manager::Networkd,
        &[("etc/systemd/network/10-both.network", &both), ("etc/systemd/network/20-one.network", &alone)],
    );
    let left = format!("[Match]\nMACAddress={OTHER}\n\n[Network]\nDHCP=yes\n");
    assert_eq!(etc.text("etc/systemd/network/10-both.network"), left);
    assert!(!etc.root().join("etc/systemd/network/20-one.network").exists());
}

#[test]
fn settings_of_the_nic_stay_and_the_rest_moves_to_the_bridge() {
    let theirs = "[Match]\nMACAddress=02:78:64:00:00:02\n\n[Link]\nMTUBytes=9000\nARP=yes\n\n[Network]\nDHCP=yes\nVLAN=storage\nVLAN=backup\nNTP=10.99.0.7\nIPv6PrivacyExtensions=yes\n\n[DHCPv4]\nClientIdentifier=duid\nUseDNS=no\n\n[Route]\nDestination=10.9.0.0/16\nGateway=10.99.0.9\n\n[Route]\nDestination=0.0.0.0/0\nGateway=10.99.0.8\nTable=100\n\n[RoutingPolicyRule]\nFrom=10.99.4.1\nTable=100\n\n[Address]\nAddress=10.99.4.1/16\nLabel=lan\n";
    let etc = applied(Manager::Networkd, &[("etc/systemd/network/10-lan.network", theirs)]);
    let nic = etc.text(NIC);
    let kept = "\n# Taken over for eth0, as it stood:\n[Link]\nARP=yes\n[Network]\nVLAN=storage\nVLAN=backup\n# End of what was taken over.\n";
    assert!(nic.ends_with(kept), "{nic}");
    let moved = "\n# Taken over for mynet0, as it stood:\n[Network]\nDHCP=yes\nNTP=10.99.0.7\nIPv6PrivacyExtensions=yes\n[DHCPv4]\nClientIdentifier=duid\nUseDNS=no\n[Route]\nDestination=0.0.0.0/0\nGateway=10.99.0.8\nTable=100\n[RoutingPolicyRule]\nFrom=10.99.4.1\nTable=100\n# End of what was taken over.\n";
    let bridge = etc.text(BRIDGE);
    assert!(bridge.ends_with(moved), "{bridge}");
    assert!(bridge.contains("\n[Route]\nDestination=10.9.0.0/16\nGateway=10.99.0.9\n"), "{bridge}");
}

#[test]
fn a_member_of_a_vrf_is_refused_with_its_line() {
    let theirs = "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\nVRF=blue\n";
    let etc = Etc::new(Manager::Networkd, &[("etc/systemd/network/10-lan.network", theirs)]);
    assert_eq!(
        etc.refusal(&network("bridge")),
        "/etc/systemd/network/10-lan.network:6: VRF=blue of eth0 cannot be taken over into the files for this network; remove the interface from it, or from the tables; nothing was changed"
    );
}
