//! A network that gets another bridge while its containers run, as the network step makes it: Linux bridge to Open vSwitch
//! bridge and back, and another name.

use inventory::{Fabric, Snapshot};

use super::OvsHost;
use crate::support::{Host, id, reaches, run, snapshot};

/// Tables with `mynet0` on that bridge.
fn tables(version: u64, bridge: &str, fabric: Fabric) -> Snapshot {
    let Snapshot { host, mut networks, nodes, .. } = snapshot(version);
    networks[0].bridge = bridge.parse().unwrap();
    networks[0].fabric = fabric;
    networks[0].tag = (fabric == Fabric::Ovs).then_some(7);
    Snapshot::seal(host, version, networks, nodes)
}

fn load(host: &Host, tables: &Snapshot) {
    std::fs::write(host.path("new.json"), tables.to_text()).unwrap();
    let loaded = host.netd(&["snapshot", "load", host.path("new.json").to_str().unwrap()]);
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
}

/// d1 and d2 run on the Linux bridge `mynet0`; the container of d1, and its port.
fn running() -> (OvsHost, String, String) {
    let mut host = OvsHost::without_bridge();
    host.ip("link add mynet0 type bridge");
    host.ip("link set mynet0 up");
    host.write_snapshot(&snapshot(7));
    host.start();
    host.create_network();
    let first = host.start_container(&id('a'), "d1", "10.99.1.1");
    let port = host.status()["endpoints"][0]["port"].as_str().unwrap().to_owned();
    let second = host.start_container(&id('b'), "d2", "10.99.1.2");
    for container in [&first, &second] {
        // what the network step does for a switch in user space
        run("ip", &format!("netns exec {container} ethtool -K eth0 tx off"));
    }
    reaches(&first, "10.99.1.2");
    (host, first, port)
}

fn settles(host: &OvsHost) {
    host.until("nothing is left to do", |host| host.netd(&["reconcile"]).stdout == b"nothing to do\n");
}

fn becomes_ovs(host: &OvsHost) {
    host.ip("link del mynet0");
    host.add_bridge();
}

fn is_on_ovs(host: &OvsHost, port: &str) -> bool {
    host.ports().len() == 2 && host.switch.vsctl(&format!("get port {port} tag")) == "7"
}

#[test]
fn containers_move_from_a_linux_bridge_to_an_open_vswitch_bridge_of_its_name_and_back() {
    let (host, first, port) = running();
    load(&host, &tables(8, "mynet0", Fabric::Ovs));
    reaches(&first, "10.99.1.2");
    becomes_ovs(&host);
    host.until("the ports are in the switch", |_| is_on_ovs(&host, &port));
    settles(&host);
    reaches(&first, "10.99.1.2");
    let moved = format!(
        "repaired: port {port} of d1 moved from Linux bridge mynet0 to Open vSwitch bridge mynet0, VLAN 7\n"
    );
    host.until("it is told", |host| host.log().contains(&moved));
    load(&host, &tables(9, "mynet0", Fabric::Flat));
    host.switch.vsctl("del-br mynet0");
    host.until("the switch has let it go", |host| !host.try_ip("link show mynet0"));
    host.ip("link add mynet0 type bridge");
    host.ip("link set mynet0 up");
    host.until("the port is in the Linux bridge", |host| host.link(&port)["master"] == "mynet0");
    settles(&host);
    reaches(&first, "10.99.1.2");
}

#[test]
fn a_rolled_back_change_returns_the_ports() {
    let (mut host, first, port) = running();
    load(&host, &tables(8, "mynet0", Fabric::Ovs));
    becomes_ovs(&host);
    host.until("the ports are in the switch", |_| is_on_ovs(&host, &port));
    // it remembers where they were
    host.kill();
    host.start();
    host.switch.vsctl("del-br mynet0");
    host.until("the switch has let it go", |host| !host.try_ip("link show mynet0"));
    host.ip("link add mynet0 type bridge");
    host.ip("link set mynet0 up");
    host.until("the port is back", |host| host.link(&port)["master"] == "mynet0");
    reaches(&first, "10.99.1.2");
}

#[test]
fn containers_move_to_a_linux_bridge_of_another_name_and_leave_the_old_one() {
    let (host, first, port) = running();
    load(&host, &tables(8, "br1", Fabric::Flat));
    host.ip("link add br1 type bridge");
    host.ip("link set br1 up");
    host.until("the port is in the new bridge", |host| host.link(&port)["master"] == "br1");
    settles(&host);
    reaches(&first, "10.99.1.2");
    host.ip("link del mynet0");
    settles(&host);
    reaches(&first, "10.99.1.2");
}
