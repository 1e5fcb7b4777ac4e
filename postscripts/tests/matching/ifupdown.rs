//! ifupdown: stanzas by name, pattern and inheritance, and what their options become.

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
fn files_that_were_not_read_stay_unread() {
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
        let refused = etc.refusal(&network("bridge"));
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
    let ports = "; remove it from that bridge or bond, or add that one to the tables";
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
        "/etc/network/interfaces:1: mapping eth* of eth0; a script selects the stanza there; write a stanza for the interface, and remove it from the mapping"
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
