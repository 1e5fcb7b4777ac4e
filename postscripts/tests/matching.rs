//! Which definitions a manager applies to a NIC: by each thing that it can match, and in its own order. What they say is taken over, and
//! what others refer to stays.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can not go on fails")]

mod hosts;

use std::path::PathBuf;

use hosts::{Etc, nic, stack};
use inventory::IfName;
use postscripts::steps::network::manager::{Manager, Nic};

const MAC: &str = "02:78:64:00:00:02";
const OTHER: &str = "02:78:64:00:00:03";

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn nics() -> [Nic; 2] {
    [nic("eth0", MAC), Nic { driver: Some("e1000".to_owned()), ..nic("eth1", OTHER) }]
}

/// A host with `eth0` and `eth1` and a bridge over `eth0`, after a run; a second one writes nothing.
fn applied(manager: Manager, files: &[(&str, &str)]) -> Etc {
    let etc = Etc::new(manager, files).with_nics(&nics());
    etc.apply(&stack("bridge"));
    assert_eq!(etc.apply(&stack("bridge")), Vec::<PathBuf>::new(), "a second run writes nothing");
    etc
}

mod networkd {
    use super::*;

    const BRIDGE: &str = "etc/systemd/network/00-xdock-mynet0.network";
    const NIC: &str = "etc/systemd/network/00-xdock-eth0.network";

    fn with(matches: &str) -> Etc {
        let theirs =
            format!("[Match]\n{matches}\n\n[Network]\nDHCP=yes\nDNS=10.99.0.53\nDomains=cluster.test\n");
        let other = format!("[Match]\nMACAddress={OTHER}\n\n[Network]\nDNS=192.0.2.53\nDomains=other.test\n");
        let files = [
            ("etc/systemd/network/10-a.network", other.as_str()),
            ("etc/systemd/network/20-b.network", &theirs),
        ];
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
        etc.apply(&stack("bridge"));
        assert!(etc.text(BRIDGE).contains("\nDNS=10.99.0.53\n"));
    }

    #[test]
    fn a_file_for_others_says_nothing() {
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
        etc.apply(&stack("bridge"));
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
        etc.apply(&stack("bridge"));
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
    fn what_stands_on_the_nic_stays_on_it_and_the_rest_goes_to_the_bridge() {
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
            etc.refusal(&stack("bridge")),
            "/etc/systemd/network/10-lan.network:6: VRF=blue of eth0 cannot be taken over into the files for this network; take the interface out of it, or leave it out of the tables; nothing was changed"
        );
    }
}

mod networkmanager {
    use super::*;

    const DIRECTORY: &str = "etc/NetworkManager/system-connections";

    fn profile(id: &str, identity: &str, dns: &str) -> String {
        format!(
            "[connection]\nid={id}\nuuid=78646f63-6b00-4000-8000-0000000000{id}\ntype=ethernet\n{identity}\n\n[ipv4]\nmethod=auto\ndns={dns};\ndns-search={id}.test;\n"
        )
    }

    fn bridge(etc: &Etc) -> String {
        etc.text(&format!("{DIRECTORY}/xdock-mynet0.nmconnection"))
    }

    fn with(profiles: &[(&str, String)]) -> Etc {
        let files: Vec<(String, &str)> =
            profiles.iter().map(|(file, text)| (format!("{DIRECTORY}/{file}"), text.as_str())).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
        applied(Manager::NetworkManager, &files)
    }

    #[test]
    fn a_profile_is_bound_to_a_nic_by_its_ethernet_address() {
        let other = profile("03", "\n[ethernet]\nmac-address=02:78:64:00:00:03", "192.0.2.53");
        for identity in [
            "\n[ethernet]\nmac-address=02:78:64:00:00:02",
            "\n[802-3-ethernet]\nmac-address=2;120;100;0;0;2;",
            "interface-name=eth0",
            "\n[match]\ninterface-name=eth0;eth7;",
            "\n[match]\ninterface-name=!eth1;!wlan*;",
            "\n[match]\ninterface-name=|eth*;&!eth1;",
            "\n[match]\ndriver=virtio*;",
            "\n[match]\npath=pci-0000:00:03.0;",
        ] {
            let ours = profile("02", identity, "10.99.0.53");
            let etc = with(&[("a.nmconnection", other.clone()), ("b.nmconnection", ours)]);
            let own = bridge(&etc);
            assert!(own.contains("\ndns=10.99.0.53;\ndns-search=02.test;\n"), "{identity}: {own}");
            assert!(etc.text(&format!("{DIRECTORY}/a.nmconnection")) == other, "{identity}");
        }
    }

    #[test]
    fn profiles_for_others_say_nothing() {
        for identity in [
            "interface-name=eth1",
            "\n[ethernet]\nmac-address=02:78:64:00:00:03",
            "\n[ethernet]\nmac-address-blacklist=02:78:64:00:00:02;",
            "\n[match]\ninterface-name=eth1;",
            "\n[match]\ninterface-name=!eth0;",
            "\n[match]\ndriver=e1000;",
            "autoconnect=false",
        ] {
            let etc = with(&[("a.nmconnection", profile("01", identity, "192.0.2.53"))]);
            assert!(!bridge(&etc).contains("192.0.2.53"), "{identity}");
        }
    }

    #[test]
    fn of_several_profiles_the_active_one_counts() {
        let files = [
            ("a.nmconnection", profile("01", "autoconnect-priority=50", "192.0.2.1")),
            ("b.nmconnection", profile("02", "", "192.0.2.2")),
        ];
        assert!(bridge(&with(&files)).contains("\ndns=192.0.2.1;\n"), "the higher priority");
        let files = files.map(|(file, text)| (format!("{DIRECTORY}/{file}"), text));
        let files = files.each_ref().map(|(file, text)| (file.as_str(), text.as_str()));
        let active = Some("78646f63-6b00-4000-8000-000000000002".to_owned());
        let nics = [Nic { profile: active, ..nics()[0].clone() }];
        let etc = Etc::new(Manager::NetworkManager, &files).with_nics(&nics);
        etc.apply(&stack("bridge"));
        assert!(bridge(&etc).contains("\ndns=192.0.2.2;\n"));
    }

    #[test]
    fn else_the_one_that_was_active_last() {
        let [first, second] = ["01", "02"].map(|id| profile(id, "", &format!("192.0.2.{id}")));
        let stamps = "[timestamps]\n78646f63-6b00-4000-8000-000000000001=10\n78646f63-6b00-4000-8000-000000000002=11\n";
        let etc = applied(
            Manager::NetworkManager,
            &[
                (&format!("{DIRECTORY}/a"), &first),
                (&format!("{DIRECTORY}/b"), &second),
                ("var/lib/NetworkManager/timestamps", stamps),
            ],
        );
        assert!(bridge(&etc).contains("\ndns=192.0.2.02;\n"));
    }

    #[test]
    fn a_vlan_that_refers_to_a_profile_that_goes_refers_to_its_interface() {
        let vlan = "[connection]\nid=storage\nuuid=1\ntype=vlan\n\n[vlan]\nid=7\nparent=78646f63-6b00-4000-8000-000000000002\n";
        let ours = profile("02", "\n[ethernet]\nmac-address=02:78:64:00:00:02", "10.99.0.53");
        let etc = with(&[("lan.nmconnection", ours), ("storage.nmconnection", vlan.to_owned())]);
        let renamed = vlan.replace("78646f63-6b00-4000-8000-000000000002", "eth0");
        assert_eq!(etc.text(&format!("{DIRECTORY}/storage.nmconnection")), renamed);
        assert!(!etc.root().join(DIRECTORY).join("lan.nmconnection").exists());
    }

    #[test]
    fn what_is_the_nics_stays_and_the_rest_goes_to_the_bridge() {
        let ours = profile("02", "interface-name=eth0\nzone=internal", "10.99.0.53")
            + "dhcp-client-id=01:02\nroute1=0.0.0.0/0,10.99.0.8\nroute1_options=table=100\nroute2=10.9.0.0/16,10.99.0.9\nrouting-rule1=priority 5 from 10.99.4.1 table 100\n\n[ethernet]\nwake-on-lan=64\n\n[ipv6]\nmethod=auto\nip6-privacy=2\ntoken=::53\n";
        let etc = with(&[("lan.nmconnection", ours)]);
        let nic = etc.text(&format!("{DIRECTORY}/xdock-eth0.nmconnection"));
        assert!(nic.ends_with("\n# Taken over for eth0, as it stood:\n[ethernet]\nwake-on-lan=64\n# End of what was taken over.\n"), "{nic}");
        let moved = "\n# Taken over for mynet0, as it stood:\n[connection]\nzone=internal\n[ipv4]\ndhcp-client-id=01:02\nroute1001=0.0.0.0/0,10.99.0.8\nroute1001_options=table=100\nrouting-rule1=priority 5 from 10.99.4.1 table 100\n[ipv6]\nip6-privacy=2\ntoken=::53\n# End of what was taken over.\n";
        let own = bridge(&etc);
        assert!(own.ends_with(moved), "{own}");
        assert!(own.contains("=10.9.0.0/16,10.99.0.9\n"), "{own}");
    }
}

mod netplan {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    const OWN: &str = "etc/netplan/90-xdock.yaml";
    const TAKEN_OVER: &str = "etc/netplan/91-xdock.yaml";

    /// A host after a run, whose files `netplan generate` takes.
    fn generated(files: &[(&str, &str)]) -> Etc {
        let etc = applied(Manager::Netplan, files);
        for file in fs::read_dir(etc.root().join("etc/netplan")).unwrap() {
            fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let generate =
            Command::new("netplan").args(["generate", "--root-dir"]).arg(etc.root()).output().unwrap();
        let errors = String::from_utf8_lossy(&generate.stderr);
        assert!(generate.status.success() && errors.is_empty(), "{errors}\n{}", etc.text(OWN));
        etc
    }

    /// The network file that networkd would take for an interface, of those in `/run`, with our drop-ins.
    fn network_of(etc: &Etc, nic: &Nic) -> String {
        let files: Vec<(PathBuf, String)> = [etc.root().join("run/systemd/network")]
            .iter()
            .flat_map(|directory| fs::read_dir(directory).unwrap())
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (path.strip_prefix(etc.root()).unwrap().to_owned(), fs::read_to_string(&path).unwrap())
            })
            .collect();
        let drop_ins = fs::read_dir(etc.root().join("etc/systemd/network")).into_iter().flatten();
        let drop_ins = drop_ins.map(|entry| entry.unwrap().path().join("xdock.conf"));
        let all: Vec<(String, String)> = files
            .into_iter()
            .map(|(path, text)| (path.to_str().unwrap().to_owned(), text))
            .chain(drop_ins.filter(|path| path.exists()).map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                (path.strip_prefix(etc.root()).unwrap().to_str().unwrap().to_owned(), text)
            }))
            .collect();
        let all: Vec<(&str, &str)> = all.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let networkd = Etc::new(Manager::Networkd, &all).with_nics(std::slice::from_ref(nic));
        networkd.tree().naming(&nic.name).unwrap().file_name().unwrap().to_str().unwrap().to_owned()
    }

    const CLOUD: &str = "network:\n  version: 2\n  ethernets:\n    all-en:\n      match: {name: \"en*\"}\n      dhcp4: true\n      dhcp6: true\n    all-eth:\n      match:\n        name: \"eth*\"\n      dhcp4: true\n      dhcp4-overrides:\n        use-domains: true\n      dhcp6: true\n      dhcp6-overrides:\n        use-domains: true\n";

    #[test]
    fn a_pattern_that_has_the_nic_is_taken_over_and_kept_away_from_it() {
        let etc = generated(&[("etc/netplan/90-default.yaml", CLOUD)]);
        assert_eq!(etc.text("etc/netplan/90-default.yaml"), CLOUD, "it is there for others too");
        assert!(etc.text(OWN).contains("\n    \"mynet0\":\n      interfaces: [\"eth0\"]\n"));
        assert!(etc.tree().is_dhcp(&name("mynet0")));
        assert!(!etc.tree().is_dhcp(&name("eth0")));
        assert_eq!(
            etc.text(TAKEN_OVER),
            "# Written by xdockhost: changes here are lost.\nnetwork:\n  version: 2\n  bridges:\n    \"mynet0\":\n      # Taken over for mynet0, as it stood:\n      dhcp4-overrides:\n        use-domains: true\n      dhcp6: true\n      dhcp6-overrides:\n        use-domains: true\n      # End of what was taken over.\n"
        );
        assert_eq!(network_of(&etc, &nics()[0]), "10-netplan-eth0.network");
        assert_eq!(network_of(&etc, &nics()[1]), "10-netplan-all-eth.network");
        let bridge = etc.text("run/systemd/network/10-netplan-mynet0.network");
        assert!(bridge.contains("\nDHCP=yes\n") && bridge.contains("\nUseDomains=true\n"), "{bridge}");
    }

    #[test]
    fn whatever_the_nic_is_matched_by_it_joins_the_bridge() {
        for matched in [
            "{name: \"*\"}",
            "{name: \"e*\"}",
            "{name: \"eth[0-9]\"}",
            "{name: eth0}",
            "{driver: virtio_net}",
            "{driver: [e1000, \"virtio*\"]}",
            "{macaddress: \"02:78:64:00:00:02\"}",
            "{name: \"e*\", driver: virtio_net}",
        ] {
            for id in ["aaa", "zzz"] {
                let theirs = format!(
                    "network:\n  version: 2\n  ethernets:\n    {id}:\n      match: {matched}\n      dhcp4: true\n      nameservers: {{addresses: [10.99.0.53]}}\n"
                );
                let etc = generated(&[("etc/netplan/50-cloud-init.yaml", theirs.as_str())]);
                assert!(etc.tree().is_dhcp(&name("mynet0")), "{id} {matched}");
                let bridge = etc.text("run/systemd/network/10-netplan-mynet0.network");
                assert!(bridge.contains("\nDNS=10.99.0.53\n"), "{id} {matched}: {bridge}");
                let file = network_of(&etc, &nics()[0]);
                let port = etc.text(&format!("run/systemd/network/{file}"));
                assert!(port.contains("\nBridge=mynet0\n"), "{id} {matched}: {file}: {port}");
                let to_be = Nic { kind: "bridge".to_owned(), ..Nic::named(name("mynet0")) };
                assert_eq!(network_of(&etc, &to_be), "10-netplan-mynet0.network", "{id} {matched}");
            }
        }
    }

    #[test]
    fn a_definition_for_others_says_nothing() {
        for matched in ["{name: \"en*\"}", "{driver: e1000}", "{macaddress: \"02:78:64:00:00:03\"}"] {
            let theirs = format!(
                "network:\n  version: 2\n  ethernets:\n    a:\n      match: {matched}\n      dhcp4: true\n"
            );
            let etc = generated(&[("etc/netplan/01.yaml", theirs.as_str())]);
            assert!(!etc.tree().is_dhcp(&name("mynet0")), "{matched}");
            assert_eq!(etc.text("etc/netplan/01.yaml"), theirs, "{matched}");
        }
    }

    #[test]
    fn an_id_that_others_refer_to_stays() {
        let theirs = "network:\n  version: 2\n  ethernets:\n    lan0:\n      match: {macaddress: \"02:78:64:00:00:02\"}\n      set-name: eth0\n      addresses: [10.99.4.1/16]\n  vlans:\n    storage:\n      id: 7\n      link: lan0\n      addresses: [10.7.0.2/24]\n";
        let etc = generated(&[("etc/netplan/01.yaml", theirs)]);
        let own = etc.text(OWN);
        assert!(
            own.contains("\n    \"lan0\":\n") && own.contains("\n      interfaces: [\"lan0\"]\n"),
            "{own}"
        );
        let port = etc.text("run/systemd/network/10-netplan-lan0.network");
        assert!(port.contains("\nBridge=mynet0\n") && port.contains("\nVLAN=storage\n"), "{port}");
        assert!(!port.contains("10.99.4.1"), "{port}");
        assert_eq!(etc.tree().remembered(&name("mynet0")), Some(name("eth0")));
        assert!(etc.text("etc/netplan/01.yaml").contains("    storage:\n      id: 7\n      link: lan0\n"));
    }

    #[test]
    fn a_vlan_on_a_pattern_stands_on_the_nic() {
        let theirs = "network:\n  version: 2\n  ethernets:\n    all-eth:\n      match: {name: \"eth*\"}\n      dhcp4: true\n  vlans:\n    storage: {id: 7, link: all-eth, addresses: [10.7.0.2/24]}\n";
        let etc = generated(&[("etc/netplan/01.yaml", theirs)]);
        let port = etc.text("run/systemd/network/10-netplan-eth0.network");
        assert!(port.contains("\nVLAN=storage\n") && port.contains("\nBridge=mynet0\n"), "{port}");
    }

    #[test]
    fn two_definitions_of_one_nic_become_one() {
        let first = "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n";
        let second = "network:\n  version: 2\n  ethernets:\n    uplink:\n      match: {macaddress: \"02:78:64:00:00:02\"}\n      addresses: [10.99.4.1/16]\n    eth0:\n      nameservers: {addresses: [10.99.0.53]}\n  vlans:\n    storage: {id: 7, link: uplink}\n";
        let etc = generated(&[
            ("etc/netplan/00-installer-config.yaml", first),
            ("etc/netplan/50-cloud-init.yaml", second),
        ]);
        let port = etc.text("run/systemd/network/10-netplan-uplink.network");
        assert!(port.contains("\nVLAN=storage\n") && port.contains("\nBridge=mynet0\n"), "{port}");
        assert_eq!(network_of(&etc, &nics()[0]), "10-netplan-uplink.network");
        let bridge = etc.text("run/systemd/network/10-netplan-mynet0.network");
        assert!(bridge.contains("\nDHCP=ipv4\n") && bridge.contains("\nDNS=10.99.0.53\n"), "{bridge}");
    }

    #[test]
    fn further_tables_rules_and_what_is_the_nics_are_taken_over() {
        let theirs = "network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [10.99.4.1/16]\n      wakeonlan: true\n      ipv6-privacy: true\n      routes:\n        - {to: 10.9.0.0/16, via: 10.99.0.9}\n        - {to: 0.0.0.0/0, via: 10.99.0.8, table: 100}\n      routing-policy:\n        - {from: 10.99.4.1, table: 100}\n";
        let etc = generated(&[("etc/netplan/01.yaml", theirs)]);
        let bridge = etc.text("run/systemd/network/10-netplan-mynet0.network");
        for part in [
            "[Route]\nDestination=10.9.0.0/16\nGateway=10.99.0.9\n",
            "[Route]\nDestination=0.0.0.0/0\nGateway=10.99.0.8\nTable=100\n",
            "[RoutingPolicyRule]\nFrom=10.99.4.1\nTable=100\n",
            "IPv6PrivacyExtensions=yes\n",
        ] {
            assert!(bridge.contains(part), "{part}: {bridge}");
        }
        assert!(
            etc.text(TAKEN_OVER).contains(
                "\n    \"eth0\":\n      # Taken over for eth0, as it stood:\n      wakeonlan: true\n"
            )
        );
    }

    #[test]
    fn a_bond_of_nics_that_are_found_by_address_keeps_their_ids() {
        let theirs = "network:\n  version: 2\n  ethernets:\n    lan0: {match: {macaddress: \"02:78:64:00:00:02\"}, set-name: eth0}\n    lan1: {match: {macaddress: \"02:78:64:00:00:03\"}, set-name: eth1}\n  bonds:\n    bond0:\n      interfaces: [lan0, lan1]\n      addresses: [10.99.4.1/16]\n      parameters: {mode: active-backup}\n";
        let etc = Etc::new(Manager::Netplan, &[("etc/netplan/01.yaml", theirs)]).with_nics(&nics());
        etc.apply(&stack("bridge-over-bond"));
        let own = etc.text(OWN);
        assert!(own.contains("\n    \"bond0\":\n      interfaces: [\"lan0\", \"lan1\"]\n"), "{own}");
        assert!(own.contains("\n      interfaces: [\"bond0\"]\n"), "{own}");
        assert_eq!(etc.apply(&stack("bridge-over-bond")), Vec::<PathBuf>::new());
    }
}

mod ifupdown {
    use super::*;
    use std::process::Command;

    const MAIN: &str = "etc/network/interfaces";
    const OWN: &str = "etc/network/interfaces.d/xdock";

    fn stanza_of(etc: &Etc, name: &str) -> String {
        let own = etc.text(OWN);
        let begin = own.find(&format!("auto {name}\n")).unwrap();
        own[begin..].split("\n\n").next().unwrap().to_owned()
    }

    /// A host after a run, whose file `ifquery` takes.
    fn queried(files: &[(&str, &str)]) -> Etc {
        let etc = applied(Manager::Ifupdown, files);
        let query =
            Command::new("ifquery").args(["--list", "-a", "-i"]).arg(etc.root().join(OWN)).output().unwrap();
        assert!(query.status.success(), "{}\n{}", String::from_utf8_lossy(&query.stderr), etc.text(OWN));
        etc
    }

    #[test]
    fn a_stanza_is_found_by_name_logical_name_pattern_address_and_inheritance() {
        let lan = "iface lan inet dhcp\n    dns-nameservers 10.99.0.53\n";
        for main in [
            "auto eth0\niface eth0 inet dhcp\n    dns-nameservers 10.99.0.53\n".to_owned(),
            format!("auto eth0=lan\n{lan}"),
            format!("auto /eth0=lan\n{lan}"),
            format!("allow-hotplug lo /eth*=lan\n{lan}"),
            format!("auto mac/02:78:64:00:00:02=lan\n{lan}"),
            "auto eth0\niface base inet manual\n    dns-nameservers 10.99.0.53\niface eth0 inet dhcp inherits base\n"
                .to_owned(),
        ] {
            let etc = queried(&[(MAIN, &main)]);
            let bridge = stanza_of(&etc, "mynet0");
            assert!(bridge.contains("iface mynet0 inet dhcp\n"), "{main}: {bridge}");
            assert!(bridge.contains("    dns-nameservers 10.99.0.53\n"), "{main}: {bridge}");
        }
    }

    #[test]
    fn a_pattern_with_a_stanza_names_the_other_nics_one_by_one() {
        let main = "auto lo\niface lo inet loopback\nallow-hotplug /eth*=lan\niface lan inet dhcp\n";
        let etc = queried(&[(MAIN, main)]);
        let left = "auto lo\niface lo inet loopback\n#xdock# allow-hotplug /eth*=lan\nallow-hotplug eth1=lan\niface lan inet dhcp\nsource /etc/network/interfaces.d/*\n";
        assert_eq!(etc.text(MAIN), left);
    }

    #[test]
    fn a_pattern_without_a_stanza_and_for_others_stays() {
        let main = "auto /eth*\nauto /en*=lan\niface lan inet dhcp\niface eth1 inet dhcp\nsource /etc/network/interfaces.d/*\n";
        assert_eq!(queried(&[(MAIN, main)]).text(MAIN), main);
    }

    #[test]
    fn files_that_nobody_reads_stay_unread() {
        let main = "source /etc/network/interfaces.d/*.cfg\n";
        let unread = "auto eth7\niface eth7 inet dhcp\n";
        let etc = queried(&[(MAIN, main), ("etc/network/interfaces.d/eth7.disabled", unread)]);
        assert_eq!(etc.text(MAIN), format!("{main}source /etc/network/interfaces.d/xdock\n"));
    }

    #[test]
    fn options_and_hooks_stay_on_the_nic_or_go_to_the_bridge() {
        let main = "auto eth0\niface eth0 inet static\n    address 10.99.4.1/16\n    hwaddress ether 02:00:00:00:00:07\n    wpa-conf /etc/wpa.conf\n    up ethtool -K $IFACE tso off\n    post-up iptables-restore < /etc/iptables.rules\n    up ip route add 10.9.0.0/16 via 10.99.0.9 dev eth0 || true\n    down ip route del 10.9.0.0/16\n    dns-domain cluster.test\niface eth0 inet6 auto\n    privext 2\n";
        let etc = queried(&[(MAIN, main)]);
        let nic = stanza_of(&etc, "eth0");
        let kept = "    # Taken over for eth0, as it stood:\n    hwaddress ether 02:00:00:00:00:07\n    wpa-conf /etc/wpa.conf\n    up ethtool -K $IFACE tso off\n    # End of what was taken over.";
        assert!(nic.ends_with(kept), "{nic}");
        let bridge = stanza_of(&etc, "mynet0");
        let moved = "    up ip route replace 10.9.0.0/16 via 10.99.0.9 dev mynet0\n    # Taken over for mynet0, as it stood:\n    post-up iptables-restore < /etc/iptables.rules\n    dns-domain cluster.test\n    iface mynet0 inet6 auto\n        privext 2\n    # End of what was taken over.";
        assert!(bridge.trim_end().ends_with(moved), "{bridge}");
    }

    #[test]
    fn what_would_be_lost_is_refused_with_its_line() {
        let refusal = |main: &str| {
            let etc = Etc::new(Manager::Ifupdown, &[(MAIN, main)]).with_nics(&nics());
            let refused = etc.refusal(&stack("bridge"));
            let (before, _) = refused.split_once("; nothing was changed").unwrap();
            before.replace(" cannot be taken over into the files for this network", "")
        };
        let hook = "; move it to a script in /etc/network/if-up.d that names the new device, or remove it";
        assert_eq!(
            refusal(
                "auto eth0\niface eth0 inet static\n    address 10.99.4.1/16\n    up ip rule add iif eth0 table 100\n"
            ),
            format!("/etc/network/interfaces:4: up ip rule add iif eth0 table 100 of eth0{hook}")
        );
        assert_eq!(
            refusal("iface eth0 inet dhcp\n    post-up tc qdisc add dev $IFACE root fq\n"),
            format!("/etc/network/interfaces:2: post-up tc qdisc add dev $IFACE root fq of eth0{hook}")
        );
        let ports = "; take it out of that bridge or bond, or name that one in the tables";
        for (ports_of, name) in [
            ("bridge_ports eth0", "br-ext"),
            ("bridge-ports regex eth.*", "br-ext"),
            ("bond-slaves eth0 eth1", "bond7"),
        ] {
            assert_eq!(
                refusal(&format!("auto {name}\niface {name} inet manual\n    {ports_of}\n")),
                format!("/etc/network/interfaces:3: {ports_of} of eth0{ports}")
            );
        }
        assert_eq!(
            refusal("mapping eth*\n    script /etc/network/where\niface home inet dhcp\n"),
            "/etc/network/interfaces:1: mapping eth* of eth0; a script decides there which stanza holds: write a stanza for the interface, and take it out of the mapping"
        );
        assert_eq!(
            refusal(
                "iface mynet0 inet static\n    address 10.99.4.1/16\n    bridge-ports eth0\n    bridge-vlan-aware yes\n"
            ),
            "/etc/network/interfaces:4: bridge-vlan-aware yes of mynet0; VLANs of a bridge are not in the tables: use an Open vSwitch bridge (nictypes=bridge_ovs), or remove the line"
        );
    }

    #[test]
    fn a_vlan_upon_the_nic_stays() {
        let main = "auto eth0 eth0.7 storage\niface eth0 inet dhcp\niface eth0.7 inet static\n    address 10.7.0.2/24\niface storage inet manual\n    vlan-raw-device eth0\n";
        let etc = queried(&[(MAIN, main)]);
        assert!(etc.text(MAIN).contains("\niface eth0.7 inet static\n    address 10.7.0.2/24\niface storage inet manual\n    vlan-raw-device eth0\n"));
        assert!(etc.text(MAIN).contains("\nauto eth0.7 storage\n"));
    }
}
