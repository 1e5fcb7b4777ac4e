//! The life of endpoints on an Open vSwitch bridge.

use std::time::Duration;

use serde_json::json;

use super::{OvsHost, on_ovs};
use crate::conflict::{other_machine, refusal, takes};
use crate::support::{at, id, new_endpoint, run};
use crate::survival::{a_cut_off_start_is_cleaned_up, containers_outlive_netd};

#[test]
fn a_start_is_an_access_port_that_names_its_node_and_a_stop_leaves_nothing() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    let created = host.begin(&id('a'), "d1", "10.99.1.1");
    assert_eq!(created, json!({"Interface": {"MacAddress": "02:42:0a:63:01:01"}}));
    let port = host.port();
    assert_eq!(host.ports(), [port.as_str()]);
    assert_eq!(host.switch.vsctl(&format!("get port {port} tag trunks vlan_mode")), "7\n[]\n[]");
    let ids = format!("{{xdock-endpoint={}, xdock-node=d1}}", id('a'));
    assert_eq!(host.switch.vsctl(&format!("get port {port} external_ids")).replace('"', ""), ids);
    assert_eq!(host.switch.vsctl(&format!("get interface {port} error")), "[]", "it is applied");
    let name = host.join(&id('a'))["InterfaceName"]["SrcName"].as_str().unwrap().to_owned();
    assert_eq!(host.link(&name)["address"], "02:42:0a:63:01:01");
    assert_eq!((&host.link(&name)["mtu"], &host.link(&port)["mtu"]), (&json!(1400), &json!(1400)));
    let container = host.container();
    host.ip(&format!("link set {name} netns {container}"));
    host.granted("NetworkDriver.Leave", &at(&id('a')));
    run("ip", &format!("-n {container} link set {name} netns {}", host.pid()));
    host.granted("NetworkDriver.DeleteEndpoint", &at(&id('a')));
    host.until("the pair is deleted", |host| host.devices().is_empty());
    assert!(host.ports().is_empty());
    assert_eq!(host.records(), 0);
}

#[test]
fn containers_reach_each_other() {
    crate::life::containers_reach_each_other(&mut OvsHost::up());
}

#[test]
fn a_container_is_announced_in_its_vlan_and_the_switch_learns_its_port() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    host.begin(&id('a'), "d1", "10.99.1.1");
    host.join(&id('a'));
    let number = host.switch.vsctl(&format!("get interface {} ofport", host.port()));
    let learned = |host: &OvsHost| {
        let table = host.switch.appctl("fdb/show mynet0");
        let row = table.lines().find(|line| line.contains("02:42:0a:63:01:01")).map(str::to_owned);
        row.map(|row| row.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    };
    host.until("it is announced", |_| learned(&host).is_some());
    assert_eq!(learned(&host), Some(format!("{number} 7")));
}

#[test]
fn a_conflict_in_the_vlan_fails_the_start_and_one_in_another_does_not() {
    let mut host = OvsHost::up();
    host.arguments.push("--probe-ms=2000".into());
    host.arguments.remove(0);
    host.start();
    host.create_network();
    let other_machine = other_machine(&mut host);
    takes(&other_machine, "10.99.1.1/16");
    host.switch.vsctl("add-port mynet0 sq0 tag=8");
    host.begin(&id('a'), "d1", "10.99.1.1");
    host.join(&id('a'));
    host.stop(&id('a'), "10.99.1.1");
    host.until("the pair is deleted", |host| host.devices().is_empty());
    // a netd of before remembers that d1 had it just now
    host.kill();
    host.start();
    host.switch.vsctl("set port sq0 tag=7");
    host.begin(&id('b'), "d1", "10.99.1.1");
    assert_eq!(host.refused("NetworkDriver.Join", &at(&id('b'))), refusal("10.99.1.1"));
    host.until("the pair is deleted", |host| host.devices().is_empty());
    assert_eq!(host.ports(), ["sq0"]);
    assert_eq!(host.records(), 0);
}

#[test]
fn an_ipv6_conflict_in_the_vlan_fails_the_start() {
    let mut host = OvsHost::up();
    host.arguments.push("--probe-ms=2000".into());
    host.arguments.remove(0);
    host.write_snapshot(&on_ovs(&crate::life::dual_stack(), Some(7)));
    host.start();
    let mut network = crate::support::new_network();
    network["IPv6Data"] = json!([{"AddressSpace": "local", "Pool": "fd00:99::/64"}]);
    host.granted("NetworkDriver.CreateNetwork", &network);
    let other_machine = other_machine(&mut host);
    takes(&other_machine, "fd00:99::1:1/64");
    host.switch.vsctl("add-port mynet0 sq0 tag=7");
    host.granted("NetworkDriver.CreateEndpoint", &crate::life::dual_stack_start('a'));
    assert_eq!(host.refused("NetworkDriver.Join", &at(&id('a'))), refusal("fd00:99::1:1"));
}

#[test]
fn without_the_bridge_nothing_is_created_and_the_message_has_the_remedy() {
    let mut host = OvsHost::without_bridge();
    host.start();
    host.create_network();
    let start = new_endpoint(&id('a'), "d1", "10.99.1.1");
    let no_bridge =
        "bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network";
    assert_eq!(host.refused("NetworkDriver.CreateEndpoint", &start), no_bridge);
    assert_eq!((host.devices().len(), host.records()), (0, 0));
    let output = host.netd(&["reconcile"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("netd: {no_bridge}\n"));
    // configured, and not made
    host.switch.kill_vswitchd();
    host.switch.vsctl("--no-wait add-br mynet0 -- set bridge mynet0 datapath_type=netdev");
    let not_made = "bridge mynet0 of network mynet0 is in Open vSwitch's database, but ovs-vswitchd has not made it: systemctl restart openvswitch-switch";
    assert_eq!(
        host.refused("NetworkDriver.CreateEndpoint", &new_endpoint(&id('b'), "d1", "10.99.1.1")),
        not_made
    );
    let output = host.netd(&["reconcile"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("netd: {not_made}\n"));
}

#[test]
fn without_ovs_vswitchd_a_start_fails_with_the_reason_and_leaves_nothing() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    host.switch.kill_vswitchd();
    let error = host.refused("NetworkDriver.CreateEndpoint", &new_endpoint(&id('a'), "d1", "10.99.1.1"));
    assert!(
        error.starts_with("cannot attach d1 to network mynet0: cannot attach port xh")
            && error.ends_with(
                "to bridge mynet0: ovs-vswitchd did not apply it within 5 s; check that it runs: systemctl status openvswitch-switch"
            ),
        "{error}"
    );
    host.until("the pair is deleted", |host| host.devices().is_empty());
    assert!(host.ports().is_empty());
    host.restart_vswitchd();
    host.start_container(&id('b'), "d1", "10.99.1.1");
}

#[test]
fn a_start_waits_for_the_end_of_a_restart_of_ovs_vswitchd() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    // the bridge's device goes with the daemon, as when the kernel's module is reloaded
    host.switch.appctl("exit --cleanup");
    host.until("the device is gone", |host| !host.try_ip("link show mynet0"));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            host.granted("NetworkDriver.CreateEndpoint", &new_endpoint(&id('a'), "d1", "10.99.1.1"))
        });
        std::thread::sleep(Duration::from_millis(300));
        assert!(!call.is_finished(), "it did not wait");
        let mut again = host.switch.vswitchd_again(&host.name);
        call.join().unwrap();
        assert_eq!(host.ports().len(), 1);
        let _ = again.kill();
        let _ = again.wait();
    });
}

#[test]
fn without_ovsdb_server_a_start_fails_with_the_reason() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    host.switch.kill_server();
    let error = host.refused("NetworkDriver.CreateEndpoint", &new_endpoint(&id('a'), "d1", "10.99.1.1"));
    assert!(
        error
            .starts_with("cannot attach d1 to network mynet0: Open vSwitch: cannot read its configuration: "),
        "{error}"
    );
    host.until("the pair is deleted", |host| host.devices().is_empty() && host.records() == 0);
    host.until("it is a problem", |host| {
        let problems = host.status()["problems"].to_string();
        problems.contains("Open vSwitch: cannot read its configuration")
    });
    host.start_server();
    host.until("the next start succeeds", |host| {
        host.call("NetworkDriver.CreateEndpoint", &new_endpoint(&id('b'), "d1", "10.99.1.1"))["Err"].is_null()
    });
    host.until("no problem is left", |host| {
        host.netd(&["reconcile"]);
        host.status()["problems"] == json!([])
    });
}

#[test]
fn starts_that_were_cut_off_leave_nothing_in_the_switch() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    a_cut_off_start_is_cleaned_up(&mut host);
    assert!(host.ports().is_empty());
    host.start_container(&id('b'), "d1", "10.99.1.1");
}

#[test]
fn kill_9_does_not_matter_to_running_containers() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    containers_outlive_netd(&mut host);
}
