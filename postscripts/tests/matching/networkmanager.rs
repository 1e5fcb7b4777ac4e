//! NetworkManager: profiles by name, address and pattern, and what their settings become.

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
    etc.apply(&network("bridge"));
    assert!(bridge(&etc).contains("\ndns=192.0.2.2;\n"));
}

#[test]
fn else_the_one_that_was_active_last() {
    let [first, second] = ["01", "02"].map(|id| profile(id, "", &format!("192.0.2.{id}")));
    let stamps =
        "[timestamps]\n78646f63-6b00-4000-8000-000000000001=10\n78646f63-6b00-4000-8000-000000000002=11\n";
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
fn a_vlan_of_a_removed_profile_refers_to_its_interface() {
    let vlan = "[connection]\nid=storage\nuuid=1\ntype=vlan\n\n[vlan]\nid=7\nparent=78646f63-6b00-4000-8000-000000000002\n";
    let ours = profile("02", "\n[ethernet]\nmac-address=02:78:64:00:00:02", "10.99.0.53");
    let etc = with(&[("lan.nmconnection", ours), ("storage.nmconnection", vlan.to_owned())]);
    let renamed = vlan.replace("78646f63-6b00-4000-8000-000000000002", "eth0");
    assert_eq!(etc.text(&format!("{DIRECTORY}/storage.nmconnection")), renamed);
    assert!(!etc.root().join(DIRECTORY).join("lan.nmconnection").exists());
}

#[test]
fn settings_of_the_nic_stay_and_the_rest_moves_to_the_bridge() {
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
