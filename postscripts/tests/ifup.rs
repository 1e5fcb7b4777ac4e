//! What is rendered for ifupdown, brought up by ifupdown itself: NICs, kernel and switch in a network namespace of their own. Bonds
//! and VLANs need kernel modules, and are tried in a machine that has them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod hosts;

use std::process::Command;

use hosts::{Etc, network};
use postscripts::steps::network::manager::Manager;
use postscripts::steps::network::resolved::ResolvedNetwork;

/// `eth0` to `eth2` with a cable, as far as ifupdown can see the only interfaces, and its state in a directory of its own.
const MACHINE: &str = r#"
set -eu
mount -t sysfs none /sys
mkdir -p /run/network
mount -t tmpfs none /run/network
ip link set lo up
for n in 0 1 2; do
    ip link add eth$n address 02:78:64:00:00:0$((n + 2)) type veth peer name peer$n
    ip link set peer$n up
done
"#;

/// Open vSwitch with the userspace datapath, for that namespace only. `PIDS` ends it.
const SWITCH: &str = r#"
mkdir -p /run/openvswitch
mount -t tmpfs none /run/openvswitch
D=/run/openvswitch
ovsdb-tool create $D/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server --detach --no-chdir --pidfile=$D/ovsdb-server.pid --log-file=$D/db.log --remote=punix:$D/db.sock $D/conf.db 2>/dev/null
ovs-vsctl --no-wait init
ovs-vswitchd --detach --no-chdir --pidfile=$D/ovs-vswitchd.pid --log-file=$D/vs.log unix:$D/db.sock 2>/dev/null
trap 'kill $(cat $D/*.pid)' EXIT
"#;

/// The kernel's state: addresses without link-local ones, routes, and settings of bridges.
const SHOW: &str = r#"
show() {
    ip -br address show scope global | awk 'NF > 2 { $2 = ""; print }' | tr -s ' ' | sed 's/@[^ ]*//'
    ip route
    ip -6 route show default
    for bridge in /sys/class/net/*/bridge; do
        [ -d "$bridge" ] || continue
        device=${bridge%/bridge}
        echo "${device##*/} $(cat "$device/address") mtu $(cat "$device/mtu") stp $(cat "$bridge/stp_state") delay $(cat "$bridge/forward_delay") ports $(cd "$device/brif" && echo *)"
    done
}
"#;

/// Runs the script in namespaces of its own; what it printed.
fn run(script: &str) -> String {
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "sh", "-c", script])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {errors} (needs root, and the packages ifupdown and openvswitch-switch, which tests/prepare installs)",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Boots the files of a network, and restarts networking.service.
fn boot(network: &ResolvedNetwork, switch: &str, show: &str) -> String {
    let etc = Etc::bare(Manager::Ifupdown);
    etc.apply(network);
    let file = etc.root().join("etc/network/interfaces.d/xdock");
    let file = file.display();
    let up = run(&format!(
        "{MACHINE}{switch}{SHOW}\nifup -a -i {file} >&2\n{show}\nifdown -a -i {file} >&2\nifup -a -i {file} >&2\necho again\n{show}"
    ));
    let (once, again) = up.split_once("again\n").unwrap();
    assert_eq!(once, again, "a restart of networking.service makes it the same again");
    once.to_owned()
}

#[test]
fn a_bridge_with_routes() {
    let wanted = "\
mynet0 10.99.4.1/16
default via 10.99.0.1 dev mynet0 onlink
10.0.0.0/8 via 10.99.0.2 dev mynet0
10.99.0.0/16 dev mynet0 proto kernel scope link src 10.99.4.1
192.0.2.0/24 via 10.99.0.3 dev mynet0 metric 50
mynet0 02:78:64:00:00:02 mtu 1500 stp 0 delay 0 ports eth0
";
    assert_eq!(trimmed(&boot(&network("bridge"), "", "show")), wanted);
}

#[test]
fn two_networks_of_two_sizes() {
    let wanted = "\
mynet0 10.99.4.1/16
br98 10.98.4.1/16
default via 10.99.0.1 dev mynet0 onlink
10.98.0.0/16 dev br98 proto kernel scope link src 10.98.4.1
10.99.0.0/16 dev mynet0 proto kernel scope link src 10.99.4.1
br98 02:78:64:00:00:03 mtu 1400 stp 0 delay 0 ports eth1
mynet0 02:78:64:00:00:02 mtu 1500 stp 0 delay 0 ports eth0
";
    assert_eq!(trimmed(&boot(&network("two-networks"), "", "show")), wanted);
}

#[test]
fn both_families() {
    let wanted = "\
mynet0 10.99.4.1/16 fd00:99::4:1/64
default via 10.99.0.1 dev mynet0 onlink
10.99.0.0/16 dev mynet0 proto kernel scope link src 10.99.4.1
default via fd00:99::1 dev mynet0 metric 1024 onlink pref medium
mynet0 02:78:64:00:00:02 mtu 1500 stp 0 delay 0 ports eth0
";
    assert_eq!(trimmed(&boot(&network("ipv6"), "", "show")), wanted);
}

#[test]
fn several_addresses_of_a_nic() {
    let found = trimmed(&boot(&network("plain"), "", "show"));
    assert!(found.starts_with("eth1 10.98.4.1/16 10.97.4.1/16\nmynet0 10.99.4.1/16\n"), "{found}");
}

#[test]
fn an_open_vswitch_bridge_keeps_the_ports_of_containers() {
    let mut network = network("bridge-ovs");
    // the other one needs a VLAN and the kernel's datapath
    network.devices.retain(|device| ["eth0", "br0"].contains(&device.name.as_str()));
    let show = "show; ovs-vsctl list-ports br0; ovs-vsctl get bridge br0 datapath_type; ovs-vsctl get port br0 tag; \
                cat /sys/class/net/br0/address; ovs-vsctl --may-exist add-port br0 eth2";
    let switch = format!(
        "{SWITCH}ovs-vsctl -- add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 eth2\n"
    );
    let wanted = "\
br0 10.99.4.1/16
default via 10.99.0.1 dev br0 onlink
10.99.0.0/16 dev br0 proto kernel scope link src 10.99.4.1
eth0
eth2
netdev
[]
02:78:64:00:00:02
";
    assert_eq!(trimmed(&boot(&network, &switch, show)), wanted);
}

/// `ip` ends some lines with blanks.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
