//! Two hosts on one trunk, two networks in two VLANs.

use inventory::{HostNetwork, Snapshot};
use serde_json::{Value, json};

use super::{OvsHost, on_ovs};
use crate::support::{Host, does_not_reach, id, node, reaches, run, snapshot};

const SECOND: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// Tables of a host: d1 to d3 or d9 on mynet0, VLAN 7, and e1 or e9 on net98, VLAN 8 (or untagged). Both have
/// the same subnet, so that only the VLAN separates them.
fn tables(host: &str, second: Option<u16>) -> Snapshot {
    let of_one = on_ovs(&snapshot(7), Some(7));
    let mut networks = of_one.networks.clone();
    let mut net98: HostNetwork = networks[0].clone();
    net98.network.name = "net98".parse().unwrap();
    net98.network.subnets = vec!["10.99.0.0/16".parse().unwrap()];
    net98.tag = second;
    networks.push(net98);
    let mut nodes = of_one.nodes.clone();
    for (name, on, last) in [("e1", "dh1", 1), ("e9", "dh2", 9)] {
        let mut row = node(name, on, last);
        row.nics[0].network = "net98".parse().unwrap();
        row.nics[0].mac = format!("02:42:0a:62:01:{last:02x}").parse().unwrap();
        row.nics[0].addresses = vec![format!("10.99.7.{last}").parse().unwrap()];
        nodes.push(row);
    }
    Snapshot::seal(host.parse().unwrap(), 7, networks, nodes)
}

/// dh1 and dh2, joined.
fn pair(second: Option<u16>) -> [OvsHost; 2] {
    let [one, other] = OvsHost::pair();
    [serve(one, "dh1", second), serve(other, "dh2", second)]
}

fn serve(mut host: OvsHost, name: &str, second: Option<u16>) -> OvsHost {
    host.write_snapshot(&tables(name, second));
    host.start();
    host.create_network();
    host.granted(
        "NetworkDriver.CreateNetwork",
        &json!({"NetworkID": SECOND,
            "Options": {"com.docker.network.enable_ipv6": false, "com.docker.network.generic": {"netd.network": "net98"}},
            "IPv4Data": [{"AddressSpace": "local", "Gateway": "10.99.0.0/16", "Pool": "10.99.0.0/16"}], "IPv6Data": []}),
    );
    host
}

/// A container on net98.
fn start_on_second(host: &mut Host, endpoint: &str, node: &str, address: &str) -> String {
    let place = |mut body: Value| {
        body["NetworkID"] = json!(SECOND);
        body
    };
    let new = place(json!({"EndpointID": endpoint,
        "Interface": {"Address": format!("{address}/16"), "AddressIPv6": "", "MacAddress": ""},
        "Options": {"netd.node": node}}));
    host.granted("NetworkDriver.CreateEndpoint", &new);
    let join = place(json!({"EndpointID": endpoint, "SandboxKey": "/var/run/docker/netns/x", "Options": {}}));
    let name =
        host.granted("NetworkDriver.Join", &join)["InterfaceName"]["SrcName"].as_str().unwrap().to_owned();
    let container = host.container();
    host.ip(&format!("link set {name} netns {container}"));
    run("ip", &format!("-n {container} link set {name} name eth0"));
    run("ip", &format!("-n {container} addr add {address}/16 dev eth0"));
    run("ip", &format!("-n {container} link set eth0 up"));
    container
}

#[test]
fn pairs_of_a_vlan_reach_each_other_over_the_trunk_and_none_across() {
    let [mut first, mut second] = pair(Some(8));
    let d1 = first.start_container(&id('a'), "d1", "10.99.1.1");
    second.start_container(&id('b'), "d9", "10.99.1.9");
    let e1 = start_on_second(&mut first, &id('c'), "e1", "10.99.7.1");
    let e9 = start_on_second(&mut second, &id('d'), "e9", "10.99.7.9");
    reaches(&d1, "10.99.1.9");
    reaches(&e1, "10.99.7.9");
    does_not_reach(&d1, "10.99.7.9");
    does_not_reach(&d1, "10.99.7.1");
    does_not_reach(&e9, "10.99.1.1");
}

#[test]
fn an_untagged_network_is_one_too() {
    let [mut first, mut second] = pair(None);
    let e1 = start_on_second(&mut first, &id('c'), "e1", "10.99.7.1");
    start_on_second(&mut second, &id('d'), "e9", "10.99.7.9");
    reaches(&e1, "10.99.7.9");
    let d1 = first.start_container(&id('a'), "d1", "10.99.1.1");
    does_not_reach(&d1, "10.99.7.9");
}

fn set(host: &Host, setting: &str, value: &str) {
    let path = std::path::Path::new("/proc/sys/net").join(setting);
    host.inside(|| std::fs::write(path, value).unwrap());
}

/// ovs-vswitchd's userspace datapath reads a copy: the kernel of the host sees what a container sends too.
#[test]
fn a_container_does_not_reach_the_host_past_the_switch() {
    let mut host = serve(OvsHost::up(), "dh1", Some(8));
    set(&host, "ipv4/conf/default/rp_filter", "0");
    host.ip("link add lan0 type veth peer name lan1");
    host.ip("addr add 10.99.250.1/16 dev lan0");
    host.ip("link set lan0 up");
    let d1 = host.start_container(&id('a'), "d1", "10.99.1.1");
    let port = host.port();
    let mac = host.link(&port)["address"].as_str().unwrap().to_owned();
    // the kernel goes by the larger of this one and the interface's
    for all in ["0", "1", "2"] {
        set(&host, "ipv4/conf/all/rp_filter", all);
        run("ip", &format!("-n {d1} neigh flush all"));
        does_not_reach(&d1, "10.99.250.1");
        let neighbours = run("ip", &format!("-n {d1} neigh show 10.99.250.1"));
        assert!(!neighbours.contains("lladdr"), "the host answers for itself: {neighbours}");
        // a container that does not ask
        run("ip", &format!("-n {d1} neigh replace 10.99.250.1 lladdr {mac} dev eth0"));
        does_not_reach(&d1, "10.99.250.1");
        run("ip", &format!("-n {d1} neigh del 10.99.250.1 dev eth0"));
    }
    // reset the isolation, as "sysctl net.ipv6.conf.all.disable_ipv6=0" does for all interfaces
    for (setting, value) in [
        (format!("ipv4/conf/{port}/rp_filter"), "0"),
        (format!("ipv4/conf/{port}/arp_ignore"), "0"),
        ("ipv6/conf/all/disable_ipv6".to_owned(), "0"),
    ] {
        set(&host, &setting, value);
        host.netd(&["reconcile"]);
        let told = format!("repaired: port {port} of d1 isolated from the host's IP stack");
        host.until("it is told", |host| host.log().contains(&told));
        host.until("nothing is left to do", |host| host.netd(&["reconcile"]).stdout == b"nothing to do\n");
        let hearing = host.inside(|| {
            let read = |of: &str| std::fs::read_to_string(format!("/proc/sys/net/{of}")).unwrap();
            [
                format!("ipv4/conf/{port}/rp_filter"),
                format!("ipv4/conf/{port}/arp_ignore"),
                format!("ipv6/conf/{port}/disable_ipv6"),
            ]
            .map(|of| read(&of).trim().to_owned())
        });
        assert_eq!(hearing, ["1", "8", "1"], "{setting}");
        std::fs::write(host.path("log"), "").unwrap();
    }
}
