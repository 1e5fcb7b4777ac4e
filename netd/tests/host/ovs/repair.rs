//! The switch is put right, whoever changed it, and whatever was restarted.

use serde_json::json;

use super::OvsHost;
use crate::support::{id, reaches, run};

/// d1 and d2 run; the container of d1, and the port of d1.
fn running() -> (OvsHost, String, String) {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    let port = host.port();
    host.start_container(&id('b'), "d2", "10.99.1.2");
    (host, container, port)
}

fn wait_for_repair(host: &OvsHost, text: &str) {
    let logged = format!("repaired: {text}\n");
    host.until("it is wait_for_repair", |host| host.log().contains(&logged));
}

#[test]
fn a_port_that_was_taken_out_or_put_elsewhere_is_put_back() {
    let (host, container, port) = running();
    host.switch.vsctl(&format!("del-port {port}"));
    wait_for_repair(&host, &format!("port {port} of d1 attached to mynet0, VLAN 7"));
    assert_eq!(host.switch.vsctl(&format!("get port {port} tag")), "7");
    reaches(&container, "10.99.1.2");
    host.switch.vsctl(&format!(
        "add-br other -- set bridge other datapath_type=netdev -- del-port {port} -- add-port other {port} tag=7"
    ));
    host.until("it is back", |_| host.switch.vsctl(&format!("port-to-br {port}")) == "mynet0");
    reaches(&container, "10.99.1.2");
}

#[test]
fn a_wrong_tag_a_trunk_and_a_lost_name_are_repaired() {
    let (host, container, port) = running();
    let is = || host.switch.vsctl(&format!("get port {port} tag trunks vlan_mode")) == "7\n[]\n[]";
    host.switch.vsctl(&format!("set port {port} tag=8"));
    host.until("the tag is right", |_| is());
    wait_for_repair(&host, &format!("port {port} of d1 attached to mynet0, VLAN 7"));
    host.switch.vsctl(&format!("set port {port} vlan_mode=trunk trunks=7,8 -- clear port {port} tag"));
    host.until("it is an access port", |_| is());
    host.switch.vsctl(&format!("clear port {port} external_ids"));
    host.until("it names its node", |_| {
        host.switch.vsctl(&format!("get port {port} external_ids")).contains("xdock-node=d1")
    });
    reaches(&container, "10.99.1.2");
    host.until("nothing is left to do", |host| host.netd(&["reconcile"]).stdout == b"nothing to do\n");
}

#[test]
fn a_ports_device_follows_its_bridge() {
    let (host, _, port) = running();
    host.switch.vsctl("set interface mynet0 mtu_request=1300");
    host.until("the MTU is the bridge's", |host| host.link(&port)["mtu"] == 1300);
    host.ip(&format!("link set {port} down"));
    host.until("it is up", |host| host.link(&port)["flags"].as_array().unwrap().contains(&json!("UP")));
}

#[test]
fn what_a_power_cut_left_in_the_switch_is_taken_out() {
    let mut host = OvsHost::up();
    // the switch remembers; devices and endpoints did not survive
    host.switch.vsctl(&format!(
        "--no-wait add-port mynet0 xh0123456789 tag=7 -- set port xh0123456789 external_ids:xdock-endpoint={}",
        id('e')
    ));
    host.switch.vsctl("--no-wait add-port mynet0 xhfffffffff0 tag=7");
    host.start();
    host.until("the left-over is gone", |_| host.ports() == ["xhfffffffff0"]);
    wait_for_repair(&host, "left-over port xh0123456789 removed from Open vSwitch");
}

#[test]
fn a_container_that_died_meanwhile_leaves_nothing_in_the_switch() {
    let (mut host, container, _) = running();
    host.kill();
    run("ip", &format!("netns del {container}"));
    host.start();
    host.until("its record is gone", |host| host.records() == 1);
    host.until("its port is gone", |_| host.ports().len() == 1);
}

#[test]
fn ovs_vswitchd_that_was_killed_takes_no_port_with_it() {
    let (mut host, container, port) = running();
    host.restart_vswitchd();
    host.ip("link set mynet0 up");
    host.until("it carries again", |_| {
        host.switch.vsctl(&format!("get interface {port} ofport error")).ends_with("\n[]")
    });
    host.until("nothing is left to do", |host| host.netd(&["reconcile"]).stdout == b"nothing to do\n");
    reaches(&container, "10.99.1.2");
    let port_repairs = host.log().matches("put back").count();
    assert_eq!(port_repairs, 0, "{}", host.log());
    host.start_container(&id('c'), "d3", "10.99.1.3");
    reaches(&container, "10.99.1.3");
}

/// While it is away the userspace datapath stands still: ovs-vswitchd does nothing without its lock in the database
/// (vswitchd/bridge.c, `bridge_run`); the kernel's goes on.
#[test]
fn ovsdb_server_that_was_killed_is_found_again() {
    let (mut host, container, port) = running();
    host.switch.kill_server();
    host.start_server();
    host.switch.vsctl(&format!("del-port {port}"));
    wait_for_repair(&host, &format!("port {port} of d1 attached to mynet0, VLAN 7"));
    reaches(&container, "10.99.1.2");
}

#[test]
fn a_deleted_database_is_reported_and_its_ports_return_with_the_bridge() {
    let (mut host, container, port) = running();
    host.switch.kill_server();
    host.switch.kill_vswitchd();
    host.switch.create_database();
    host.start_server();
    host.switch.vsctl("--no-wait init");
    host.restart_vswitchd();
    let text = "bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network";
    host.until("it is a problem", |host| host.status()["problems"] == json!([text]));
    assert_eq!(host.records(), 2, "running containers keep what they have");
    host.add_bridge();
    host.until("the ports are back", |_| host.ports().len() == 2);
    assert_eq!(host.switch.vsctl(&format!("get port {port} tag")), "7");
    reaches(&container, "10.99.1.2");
    host.until("no problem is left", |host| host.status()["problems"] == json!([]));
}

#[test]
fn a_device_that_ovs_vswitchd_cannot_use_is_reported() {
    let (host, _, port) = running();
    host.switch.vsctl(&format!("--no-wait set interface {port} type=nonsense"));
    host.until("it is a problem", |host| {
        host.status()["problems"][0].as_str().is_some_and(|problem| {
            problem.starts_with(&format!("ovs-vswitchd cannot use port {port} of d1: "))
        })
    });
    host.switch.vsctl(&format!("set interface {port} type=\"\""));
    host.until("no problem is left", |host| host.status()["problems"] == json!([]));
}

#[test]
fn a_ports_flows_are_there_before_the_container_is_and_again_after_anything() {
    let mut host = OvsHost::up();
    host.start();
    host.create_network();
    host.begin(&id('a'), "d1", "10.99.1.1");
    let port = host.port();
    let flows = |host: &OvsHost| {
        let all = host.switch.ofctl("dump-flows mynet0");
        all.lines().filter(|line| line.contains("cookie=0x7864")).count()
    };
    let complete = flows(&host);
    assert!(complete > 15, "{complete} before Join");
    assert_eq!(host.status()["endpoints"][0]["dropped"], json!(0));
    host.join(&id('a'));
    // netd's own: not those of an endpoint that is being attached
    host.switch.ofctl("add-flow mynet0 cookie=0x7864000000000001,priority=1,in_port=77,actions=drop");
    host.switch.ofctl("add-flow mynet0 priority=7,in_port=77,actions=drop");
    host.netd(&["reconcile"]);
    wait_for_repair(&host, "1 left-over flows removed from mynet0");
    let begun = std::time::Instant::now();
    host.switch.ofctl("del-flows mynet0");
    host.until("they are back", |_| flows(&host) == complete);
    eprintln!("back {} ms after they were removed by hand", begun.elapsed().as_millis());
    wait_for_repair(&host, &format!("filter of port {port} of d1 set"));
    let begun = std::time::Instant::now();
    host.restart_vswitchd();
    host.until("they are back after a restart", |_| {
        host.switch
            .try_ofctl("dump-flows mynet0")
            .is_some_and(|all| all.matches("cookie=0x7864").count() == complete)
    });
    eprintln!("back {} ms after the start of ovs-vswitchd", begun.elapsed().as_millis());
    host.kill();
    host.switch.ofctl("del-flows mynet0");
    host.start();
    host.until("netd sets them at its start", |_| flows(&host) == complete);
    host.granted("NetworkDriver.Leave", &crate::support::at(&id('a')));
    host.granted("NetworkDriver.DeleteEndpoint", &crate::support::at(&id('a')));
    host.until("they go with their port", |_| flows(&host) == 0);
}
