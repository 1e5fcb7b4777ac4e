//! Removing a device from foreign ifupdown files changes nothing else.

use postscripts::steps::network::manager::ifupdown::interfaces::{methods, options, sources, without};
use proptest::prelude::*;

const FOREIGN: &str = "\
# The primary network interface
auto lo eth0
iface lo inet loopback

allow-hotplug eth0
iface eth0 inet static
    address 10.99.0.11/16
    # the old way out
    gateway 10.99.0.1
    up ip route add 10.0.0.0/8 \\
        via 10.99.0.2 || true

iface eth0:1 inet static
\taddress 10.99.0.12/16
iface eth0.5 inet manual
    vlan-raw-device eth0
auto eth1
iface eth1 inet dhcp
";

#[test]
fn the_device_is_removed_and_the_rest_stays() {
    let text = "\
# The primary network interface
#xdock# auto lo eth0
auto lo
iface lo inet loopback

#xdock# allow-hotplug eth0
#xdock# iface eth0 inet static
#xdock#     address 10.99.0.11/16
    # the old way out
#xdock#     gateway 10.99.0.1
#xdock#     up ip route add 10.0.0.0/8 \\
#xdock#         via 10.99.0.2 || true

#xdock# iface eth0:1 inet static
#xdock# \taddress 10.99.0.12/16
iface eth0.5 inet manual
    vlan-raw-device eth0
auto eth1
iface eth1 inet dhcp
";
    assert_eq!(without(FOREIGN, "eth0"), text);
    assert_eq!(methods(text, "eth0"), []);
    assert_eq!(without(FOREIGN, "eth7"), FOREIGN);
}

#[test]
fn settings_of_a_device_are_found() {
    assert_eq!(methods(FOREIGN, "eth1"), [("inet", "dhcp")]);
    assert_eq!(methods(FOREIGN, "eth0"), [("inet", "static")]);
    let wanted = [
        "address 10.99.0.11/16",
        "gateway 10.99.0.1",
        "up ip route add 10.0.0.0/8 via 10.99.0.2 || true",
        "address 10.99.0.12/16",
    ];
    assert_eq!(options(FOREIGN, "eth0"), wanted);
}

#[test]
fn every_form_of_source_counts() {
    let directory = "/etc/network/interfaces.d";
    assert!(sources("source /etc/network/interfaces.d/*\n", directory));
    assert!(sources("source-directory /etc/network/interfaces.d\n", directory));
    assert!(!sources("#source /etc/network/interfaces.d/*\nsource /etc/network/other/*\n", directory));
}

/// Lines as they stand in real files, with the device `eth0` among others.
fn line() -> impl Strategy<Value = String> {
    let device = prop_oneof!["eth0", "eth1", "lo", "br0", "eth0.5", "eth01", "eth0:1", "eth0=home"];
    let keyword =
        prop_oneof!["auto", "allow-hotplug", "iface", "mapping", "source", "no-auto-down", "rename"];
    prop_oneof![
        (keyword, device.clone(), device).prop_map(|(word, one, two)| format!("{word} {one} {two}")),
        "[ \t]{0,4}(address|up|pre-up|gateway) [a-z0-9./$ ]{0,12}\\\\?",
        "[ \t]{0,3}#[ -~]{0,20}\\\\?",
        "[ \t]{0,3}",
    ]
}

fn file() -> impl Strategy<Value = String> {
    (prop::collection::vec(line(), 0..12), any::<bool>())
        .prop_map(|(lines, ended)| lines.join("\n") + if ended { "\n" } else { "" })
}

proptest! {
    #[test]
    fn twice_is_once(text in file()) {
        let once = without(&text, "eth0");
        prop_assert_eq!(without(&once, "eth0"), once);
    }

    #[test]
    fn only_the_device_is_removed(text in file()) {
        let after = without(&text, "eth0");
        prop_assert_eq!(methods(&after, "eth0"), []);
        prop_assert_eq!(options(&after, "eth0"), Vec::<String>::new());
        for other in ["eth1", "lo", "br0", "eth0.5", "eth01"] {
            prop_assert_eq!(methods(&after, other), methods(&text, other));
            prop_assert_eq!(options(&after, other), options(&text, other));
        }
    }

    #[test]
    fn no_byte_of_the_old_file_is_lost(text in file()) {
        // what was taken out is still there behind the mark; only shortened lists of devices are new
        let after = without(&text, "eth0");
        let unmarked: String = after.split_inclusive('\n').map(|line| line.strip_prefix("#xdock# ").unwrap_or(line)).collect();
        let mut lines = unmarked.lines();
        for line in text.lines() {
            prop_assert!(lines.any(|kept| kept == line), "{line:?} is not in {after:?}");
        }
    }
}
