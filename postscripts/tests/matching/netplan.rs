//! netplan: definitions by id and `match`, and what refers to them.

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
    let generate = Command::new("netplan").args(["generate", "--root-dir"]).arg(etc.root()).output().unwrap();
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
        .map(|path| (path.strip_prefix(etc.root()).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
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
    networkd.tree().file_for(&nic.name).unwrap().file_name().unwrap().to_str().unwrap().to_owned()
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
fn a_definition_for_other_interfaces_has_no_effect() {
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
    assert!(own.contains("\n    \"lan0\":\n") && own.contains("\n      interfaces: [\"lan0\"]\n"), "{own}");
    let port = etc.text("run/systemd/network/10-netplan-lan0.network");
    assert!(port.contains("\nBridge=mynet0\n") && port.contains("\nVLAN=storage\n"), "{port}");
    assert!(!port.contains("10.99.4.1"), "{port}");
    assert_eq!(etc.tree().saved_port(&name("mynet0")), Some(name("eth0")));
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
        etc.text(TAKEN_OVER)
            .contains("\n    \"eth0\":\n      # Taken over for eth0, as it stood:\n      wakeonlan: true\n")
    );
}

#[test]
fn a_bond_of_nics_that_are_found_by_address_keeps_their_ids() {
    let theirs = "network:\n  version: 2\n  ethernets:\n    lan0: {match: {macaddress: \"02:78:64:00:00:02\"}, set-name: eth0}\n    lan1: {match: {macaddress: \"02:78:64:00:00:03\"}, set-name: eth1}\n  bonds:\n    bond0:\n      interfaces: [lan0, lan1]\n      addresses: [10.99.4.1/16]\n      parameters: {mode: active-backup}\n";
    let etc = Etc::new(Manager::Netplan, &[("etc/netplan/01.yaml", theirs)]).with_nics(&nics());
    etc.apply(&network("bridge-over-bond"));
    let own = etc.text(OWN);
    assert!(own.contains("\n    \"bond0\":\n      interfaces: [\"lan0\", \"lan1\"]\n"), "{own}");
    assert!(own.contains("\n      interfaces: [\"bond0\"]\n"), "{own}");
    assert_eq!(etc.apply(&network("bridge-over-bond")), Vec::<PathBuf>::new());
}
