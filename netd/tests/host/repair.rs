//! The host is put right, whoever changed it.

use serde_json::json;

use crate::support::{Host, at, id, run};

fn running() -> (Host, String) {
    let mut host = Host::up();
    host.start();
    host.create_network();
    host.start_container(&id('a'), "d1", "10.99.1.1");
    let port = host.status()["endpoints"][0]["port"].as_str().unwrap().to_owned();
    (host, port)
}

#[test]
fn a_port_that_was_taken_out_is_put_back() {
    let (host, port) = running();
    host.ip(&format!("link set {port} nomaster"));
    host.until("it is back", |host| host.link(&port)["master"] == "mynet0");
    let text = format!("port {port} of d1 attached to mynet0");
    let told =
        |host: &Host| host.status()["repairs"].as_array().unwrap().last().unwrap()["text"] == json!(text);
    host.until("it is told", told);
}

#[test]
fn a_port_has_its_bridges_mtu_and_is_up() {
    let (host, port) = running();
    host.ip("link set mynet0 mtu 1400");
    host.until("the MTU is the bridge's", |host| host.link(&port)["mtu"] == 1400);
    host.ip(&format!("link set {port} down"));
    host.until("it is up", |host| host.link(&port)["flags"].as_array().unwrap().contains(&json!("UP")));
}

#[test]
fn a_deleted_port_loses_its_record_and_is_reported() {
    let (host, port) = running();
    host.ip(&format!("link del {port}"));
    host.until("the record is gone", |host| host.records() == 0);
    let text = format!("repaired: record of d1 ({port}) removed: its interface does not exist");
    host.until("it is told", |host| host.log().contains(&text));
    host.granted("NetworkDriver.Leave", &at(&id('a')));
    host.granted("NetworkDriver.DeleteEndpoint", &at(&id('a')));
}

#[test]
fn a_restored_bridge_gets_its_ports() {
    let (host, port) = running();
    host.ip("link del mynet0");
    let text = "bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network";
    host.until("it is a problem", |host| host.status()["problems"] == json!([text]));
    host.ip("link add mynet0 type bridge");
    host.ip("link set mynet0 up");
    host.until("the port is back", |host| host.link(&port)["master"] == "mynet0");
    host.until("no problem is left", |host| host.status()["problems"] == json!([]));
}

#[test]
fn bridged_traffic_passes_a_forward_policy_of_drop_and_a_flushed_filter() {
    let (host, _) = running();
    let rules = |host: &Host| run("ip", &format!("netns exec {} iptables -S FORWARD", host.name));
    let rule = "-A FORWARD -i mynet0 -o mynet0 -m comment --comment xdock -j ACCEPT";
    host.until("the rule is there", |host| rules(host).contains(rule));
    run("ip", &format!("netns exec {} iptables -P FORWARD DROP", host.name));
    run("ip", &format!("netns exec {} iptables -F FORWARD", host.name));
    host.until("the rule is there again", |host| rules(host).contains(rule));
}

#[test]
fn reconcile_reports_its_repairs() {
    let (host, _) = running();
    host.until("the filter's rules are in", |host| host.netd(&["reconcile"]).stdout == b"nothing to do\n");
}

#[test]
fn a_ports_filter_is_there_before_the_container_is_and_again_after_it_was_flushed() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    host.begin(&id('a'), "d1", "10.99.1.1");
    let port = host.status()["endpoints"][0]["port"].as_str().unwrap().to_owned();
    let filters = |host: &Host| run("tc", &format!("-n {} filter show dev {port} ingress", host.name));
    assert!(filters(&host).contains("direct-action"), "before Join");
    assert_eq!(host.status()["endpoints"][0]["antispoof"], json!(true));
    assert_eq!(host.status()["endpoints"][0]["dropped"], json!(0));
    host.until("the record is older than a pass", |host| {
        host.netd(&["reconcile"]).stdout == b"nothing to do\n"
    });
    run("tc", &format!("-n {} qdisc del dev {port} clsact", host.name));
    host.until("it is back", |host| filters(host).contains("direct-action"));
    let text = format!("repaired: filter of port {port} of d1 set");
    host.until("it is told", |host| host.log().contains(&text));
    // a netd of an earlier release left ports without filters
    host.kill();
    run("tc", &format!("-n {} qdisc del dev {port} clsact", host.name));
    host.start();
    host.until("it is back", |host| filters(host).contains("direct-action"));
}

/// Its bridge has learned that the MAC is elsewhere.
#[test]
fn frames_reach_a_container_that_came_from_another_host() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    let mac = "02:42:0a:63:01:01";
    host.ip("link add uplink type veth peer name wire");
    host.ip("link set wire up");
    host.ip("link set uplink up master mynet0");
    let fdb = |host: &Host, words: &str| run("bridge", &format!("-n {} fdb {words}", host.name));
    fdb(&host, &format!("add {mac} dev uplink master static"));
    host.start_container(&id('a'), "d1", "10.99.1.1");
    let port = host.devices().into_iter().find(|name| name.starts_with("xh")).unwrap();
    host.until("the bridge knows", |host| {
        let entries = fdb(host, "show br mynet0");
        let found: Vec<&str> = entries.lines().filter(|line| line.starts_with(mac)).collect();
        matches!(found[..], [line] if line.contains(&port) && !line.contains("static"))
    });
}
