//! The life of endpoints on a real kernel, with the calls that dockerd makes.

use std::time::{Duration, Instant};

use inventory::Snapshot;
use serde_json::{Value, json};

use crate::conflict::{other_machine, refusal, refused, takes};
use crate::support::{Host, NETWORK, at, id, new_endpoint, new_network, reaches, run, snapshot};

#[test]
fn a_start_gives_the_tables_address_and_mac_and_a_stop_leaves_nothing() {
    let mut host = Host::up();
    host.start();
    let implements = host.call("Plugin.Activate", &Value::Null);
    assert_eq!(implements, json!({"Implements": ["NetworkDriver", "IpamDriver"]}));
    let pool =
        json!({"AddressSpace": "local", "Pool": "10.99.0.0/16", "SubPool": "", "Options": {}, "V6": false});
    let pool = host.granted("IpamDriver.RequestPool", &pool);
    assert_eq!((&pool["PoolID"], &pool["Pool"]), (&json!("v4:10.99.0.0/16"), &json!("10.99.0.0/16")));
    let gateway = json!({"PoolID": "v4:10.99.0.0/16", "Address": "",
        "Options": {"RequestAddressType": "com.docker.network.gateway"}});
    assert_eq!(host.granted("IpamDriver.RequestAddress", &gateway)["Address"], "10.99.0.0/16");
    host.create_network();
    let endpoint = id('a');
    let created = host.begin(&endpoint, "d1", "10.99.1.1");
    assert_eq!(created, json!({"Interface": {"MacAddress": "02:42:0a:63:01:01"}}));
    let joined = host.join(&endpoint);
    let name = joined["InterfaceName"]["SrcName"].as_str().unwrap().to_owned();
    assert_eq!(joined["InterfaceName"]["DstPrefix"], "eth");
    assert_eq!(joined["DisableGatewayService"], true);
    assert_eq!(host.link(&name)["address"], "02:42:0a:63:01:01");
    let port = host.link(&name.replace("xc", "xh"));
    assert_eq!(port["master"], "mynet0");
    let container = host.container();
    host.ip(&format!("link set {name} netns {container}"));
    assert_eq!(host.status()["endpoints"][0]["state"], "joined");
    // dockerd brings it back after Leave
    host.granted("NetworkDriver.Leave", &at(&endpoint));
    run("ip", &format!("-n {container} link set {name} netns {}", host.pid()));
    host.granted("NetworkDriver.DeleteEndpoint", &at(&endpoint));
    host.until("the pair is deleted", |host| host.devices().is_empty());
    assert_eq!(host.records(), 0);
    host.granted("NetworkDriver.DeleteNetwork", &json!({"NetworkID": NETWORK}));
    assert_eq!(host.status()["networks"][0]["docker"], json!([]));
}

/// Two of a host reach each other.
pub(crate) fn containers_reach_each_other(host: &mut Host) {
    host.start();
    host.create_network();
    let first = host.start_container(&id('a'), "d1", "10.99.1.1");
    host.start_container(&id('b'), "d2", "10.99.1.2");
    reaches(&first, "10.99.1.2");
}

#[test]
fn containers_reach_each_other_at_the_tables_addresses() {
    containers_reach_each_other(&mut Host::up());
}

#[test]
fn a_container_that_starts_again_has_the_same_address_at_once() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    for endpoint in ['a', 'b', 'c'] {
        let container = host.start_container(&id(endpoint), "d1", "10.99.1.1");
        // docker stop: the namespace ends, and the pair with it
        host.granted("NetworkDriver.Leave", &at(&id(endpoint)));
        run("ip", &format!("netns del {container}"));
        host.stop(&id(endpoint), "10.99.1.1");
    }
    host.until("all pairs are deleted", |host| host.devices().is_empty());
    assert_eq!(host.records(), 0);
}

#[test]
fn a_node_that_runs_is_not_started_twice_and_keeps_running() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    host.start_container(&id('b'), "d2", "10.99.1.2");
    let port = host.status()["endpoints"][0]["port"].as_str().unwrap().to_owned();
    let pool = json!({"PoolID": "v4:10.99.0.0/16", "Address": "10.99.1.1", "Options": null});
    host.granted("IpamDriver.RequestAddress", &pool);
    assert_eq!(
        host.refused("NetworkDriver.CreateEndpoint", &new_endpoint(&id('c'), "d1", "10.99.1.1")),
        format!(
            "d1 is on mynet0 already, as endpoint aaaaaaaaaaaa (port {port}): a node runs once; stop its other container"
        )
    );
    // dockerd gives the address of the refused start back
    host.granted("IpamDriver.ReleaseAddress", &json!({"PoolID": "v4:10.99.0.0/16", "Address": "10.99.1.1"}));
    reaches(&container, "10.99.1.2");
    assert_eq!(host.records(), 2);
}

#[test]
fn a_node_whose_last_container_died_starts_at_once() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    // dockerd was killed and says nothing
    run("ip", &format!("netns del {container}"));
    host.until("the kernel removed the pair", |host| host.devices().is_empty());
    // one that waited for the end of the other would be refused
    host.start_container(&id('b'), "d1", "10.99.1.1");
    host.until("the old record is gone", |host| host.records() == 1);
}

#[test]
fn an_address_that_docker_forgot_is_cleaned_up_when_it_is_released() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    run("ip", &format!("netns del {container}"));
    host.until("the kernel removed the pair", |host| host.devices().is_empty());
    host.granted("IpamDriver.ReleaseAddress", &json!({"PoolID": "v4:10.99.0.0/16", "Address": "10.99.1.1"}));
    host.until("the record is gone", |host| host.records() == 0);
}

#[test]
fn an_address_conflict_fails_the_start_with_the_other_mac() {
    let mut host = Host::up();
    host.arguments = vec!["--probe-ms=2000".into()];
    host.start();
    host.create_network();
    let other_machine = other_machine(&mut host);
    host.ip("link set sq0 master mynet0");
    takes(&other_machine, "10.99.1.1/16");
    let start = new_endpoint(&id('a'), "d1", "10.99.1.1");
    assert_eq!(refused(&host, &id('a'), &start), refusal("10.99.1.1"));
    host.until("the pair is deleted", |host| host.devices().is_empty());
    assert_eq!(host.records(), 0);
    host.begin(&id('b'), "d2", "10.99.1.2");
    host.join(&id('b'));
}

#[test]
fn a_join_after_the_probe_fails_with_the_same_message() {
    let mut host = Host::up();
    host.arguments = vec!["--probe-ms=5000".into()];
    host.start();
    host.create_network();
    let other_machine = other_machine(&mut host);
    host.ip("link set sq0 master mynet0");
    host.begin(&id('a'), "d1", "10.99.1.1");
    // in time for the second question
    takes(&other_machine, "10.99.1.1/16");
    host.until("the start is given up", |host| host.records() == 0);
    assert_eq!(host.refused("NetworkDriver.Join", &at(&id('a'))), refusal("10.99.1.1"));
}

#[test]
fn a_probe_delays_no_other_start() {
    let mut host = Host::up();
    let window = Duration::from_secs(5);
    host.arguments = vec![format!("--probe-ms={}", window.as_millis())];
    host.start();
    host.create_network();
    let begun = Instant::now();
    host.begin(&id('a'), "d1", "10.99.1.1");
    host.begin(&id('b'), "d2", "10.99.1.2");
    assert!(begun.elapsed() < window, "CreateEndpoint waited for the probe");
    host.join(&id('a'));
    host.join(&id('b'));
    assert!(begun.elapsed() >= window, "Join did not wait for the probe");
    assert!(begun.elapsed() < 2 * window, "the probes ran one after the other");
}

#[test]
fn without_the_bridge_nothing_is_created_and_it_is_reported() {
    let mut host = Host::bare();
    host.write_snapshot(&crate::support::snapshot(7));
    host.start();
    host.create_network();
    assert_eq!(
        host.refused("NetworkDriver.CreateEndpoint", &new_endpoint(&id('a'), "d1", "10.99.1.1")),
        "bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network"
    );
    assert_eq!((host.devices().len(), host.records()), (0, 0));
    let output = host.netd(&["reconcile"]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "netd: bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network\n"
    );
}

/// Tables with one dual-stack network and d1 on it.
pub(crate) fn dual_stack() -> Snapshot {
    let Snapshot { host, mut networks, mut nodes, .. } = snapshot(7);
    networks[0].network.subnets.push("fd00:99::/64".parse().unwrap());
    nodes[0].nics[0].addresses.push("fd00:99::1:1".parse().unwrap());
    Snapshot::seal(host, 7, networks, nodes)
}

pub(crate) fn dual_stack_start(endpoint: char) -> Value {
    let mut start = new_endpoint(&id(endpoint), "d1", "10.99.1.1");
    start["Interface"]["AddressIPv6"] = json!("fd00:99::1:1/64");
    start
}

#[test]
fn an_ipv6_address_is_granted_probed_and_held_like_the_other() {
    let mut host = Host::up();
    host.arguments = vec!["--probe-ms=2000".into()];
    host.write_snapshot(&dual_stack());
    host.start();
    let mut network = new_network();
    assert_eq!(
        host.refused("NetworkDriver.CreateNetwork", &network),
        "network mynet0 is 10.99.0.0/16 and fd00:99::/64 in the tables, but Docker requests 10.99.0.0/16"
    );
    network["IPv6Data"] = json!([{"AddressSpace": "local", "Pool": "fd00:99::/64"}]);
    host.granted("NetworkDriver.CreateNetwork", &network);
    let other_machine = other_machine(&mut host);
    host.ip("link set sq0 master mynet0");
    takes(&other_machine, "fd00:99::1:1/64");
    assert_eq!(refused(&host, &id('a'), &dual_stack_start('a')), refusal("fd00:99::1:1"));
    host.ip("link del sq0");
    host.granted("NetworkDriver.CreateEndpoint", &dual_stack_start('b'));
    host.join(&id('b'));
    let status = host.status();
    assert_eq!(status["endpoints"][0]["addresses"], json!(["10.99.1.1/16", "fd00:99::1:1/64"]));
}
