//! Which endpoint publishes, whose address is hidden, and what is reported.

use hostnet::{Layer, Settings};
use inventory::{Protocol, PublishedPort};

use super::*;

fn link(index: u32, name: &str, kind: Kind) -> Link {
    Link {
        index,
        name: name.parse().unwrap(),
        kind,
        mac: None,
        permanent_mac: None,
        altnames: Vec::new(),
        mtu: 1500,
        up: true,
        running: true,
        master: None,
        peer_netns: None,
        alias: None,
        layer: Layer::Ethernet,
        max_mtu: None,
        settings: Settings::None,
    }
}

fn port(address: &str, number: u16) -> PublishedPort {
    let address = Some(address).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
    PublishedPort { protocol: Protocol::Tcp, address, host: number, container: number }
}

/// A candidate of c1 on a Linux bridge `br-NETWORK`.
fn candidate(nic: &str, network: &str, addresses: &[&str], gateways: &[&str]) -> Candidate {
    Candidate {
        node: "c1".parse().unwrap(),
        nic: nic.parse().unwrap(),
        mac: "02:42:0a:63:01:01".parse().unwrap(),
        on: network.parse().unwrap(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        bridge: format!("br-{network}").parse().unwrap(),
        fabric: Fabric::Flat,
        tag: None,
        port: format!("xh{nic}").parse().unwrap(),
        gateways: gateways.iter().map(|text| text.parse().unwrap()).collect(),
        ports: vec![port("", 80)],
    }
}

/// The host has 10.99.0.11 and fd00:98::11 on bridges, and 10.50.0.11 on Open vSwitch.
fn selected(candidates: Vec<Candidate>) -> Selection {
    let links = [
        link(1, "br-mynet0", Kind::Bridge),
        link(2, "br-net98", Kind::Bridge),
        link(3, "br-ovs", Kind::Other("openvswitch".to_owned())),
    ];
    let addresses: Vec<(u32, IpNet)> = [(1, "10.99.0.11/16"), (2, "fd00:98::11/64"), (3, "10.50.0.11/16")]
        .map(|(index, address)| (index, address.parse().unwrap()))
        .into();
    let host = HostAddresses { links: &links, addresses: &addresses, switch: None };
    select(&Wanted { host: "host1".to_owned(), candidates, switches: BTreeSet::new() }, &host)
}

/// Address, device, port of a bridge, hidden.
fn chosen(candidates: Vec<Candidate>) -> Vec<String> {
    let Selection { published, problems, .. } = selected(candidates);
    let each = published.iter().map(|on| {
        let port = on.bridge_port.as_ref().map_or("none", IfName::as_str);
        format!("{} {} {port} {:?}", on.address, on.device, on.hidden)
    });
    each.chain(problems).collect()
}

#[test]
fn a_client_keeps_its_address_where_the_container_can_answer_it() {
    let routed = candidate("eth0", "mynet0", &["10.99.1.1/16"], &["10.99.0.254"]);
    assert_eq!(chosen(vec![routed.clone()]), ["10.99.1.1/16 br-mynet0 xheth0 Host"]);
    let isolated = candidate("eth0", "mynet0", &["10.99.1.1/16"], &[]);
    assert_eq!(chosen(vec![isolated.clone()]), ["10.99.1.1/16 br-mynet0 xheth0 OtherSubnets"]);
    let ovs = Candidate { fabric: Fabric::Ovs, ..candidate("eth0", "ovs", &["10.50.1.1/16"], &[]) };
    assert_eq!(chosen(vec![ovs]), ["10.50.1.1/16 br-ovs none All"]);
    // its Ethernet is not that of the host's address
    let elsewhere = Candidate { bridge: "br7".parse().unwrap(), ..routed };
    assert_eq!(chosen(vec![elsewhere]), ["10.99.1.1/16 br-mynet0 none All"]);
}

/// What each bridge of Open vSwitch translates.
fn switched(candidate: Candidate, mac: Option<MacAddr>) -> Vec<SwitchedPorts> {
    let bridge = candidate.bridge.clone();
    let links = [Link { mac, ..link(3, "br-ovs", Kind::Other("openvswitch".to_owned())) }];
    let addresses = ["10.50.0.11/16", "10.51.0.11/16", "fd00:50::11/64", "fe80::1/64"];
    let addresses = addresses.map(|address| (3, address.parse().unwrap()));
    let host = HostAddresses { links: &links, addresses: &addresses, switch: None };
    let switches = BTreeSet::from([bridge.clone()]);
    let wanted = Wanted { host: "host1".to_owned(), candidates: vec![candidate], switches };
    select(&wanted, &host).switched.remove(&bridge).unwrap()
}

#[test]
fn a_bridge_of_open_vswitch_translates_ports_at_the_hosts_addresses() {
    let mac: MacAddr = "02:00:00:00:00:01".parse().unwrap();
    let ovs = Candidate {
        fabric: Fabric::Ovs,
        tag: Some(5),
        ports: vec![port("", 80), port("10.50.0.11", 81)],
        ..candidate("eth0", "ovs", &["10.50.1.1/16", "fd00:50::1:1/64"], &["10.50.0.254"])
    };
    let on =
        |address: &str, clients: Option<&str>, addresses: &[&str], ports: &[PublishedPort]| SwitchedPorts {
            mac: ovs.mac,
            address: address.parse().unwrap(),
            clients: clients.map(|net| net.parse().unwrap()),
            ports: ports.to_vec(),
            host: HostPort {
                mac,
                addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
                vlan: Some(5),
            },
        };
    let expected = [
        on("10.50.1.1", None, &["10.50.0.11", "10.51.0.11"], &ovs.ports),
        on("fd00:50::1:1", Some("fd00:50::/64"), &["fd00:50::11"], &ovs.ports[..1]),
    ];
    assert_eq!(switched(ovs.clone(), Some(mac)), expected);
    assert_eq!(switched(ovs.clone(), None), [], "without MAC");
    let elsewhere = Candidate { bridge: "br7".parse().unwrap(), ..ovs.clone() };
    assert_eq!(switched(elsewhere, Some(mac)), [], "the host's interface is not on the bridge");
    let flat = Candidate { fabric: Fabric::Flat, ..ovs.clone() };
    assert_eq!(switched(flat, Some(mac)), []);
    // all flows are missing; then none; then all are left over
    let add = plan_flows(&ovs.bridge, &expected, &FlowCounts::new()).unwrap();
    let installed: FlowCounts = add.add.iter().map(|flow| (flow.cookie(), 0)).collect();
    assert_eq!((plan_flows(&ovs.bridge, &expected, &installed), add.remove), (None, vec![]));
    let remove = plan_flows(&ovs.bridge, &[], &installed).unwrap();
    assert_eq!((remove.add.len(), remove.remove.len()), (0, installed.len()));
}

#[test]
fn udp_flows_that_began_under_other_rules_are_stale() {
    let udp = |address: &str, number| PublishedPort { protocol: Protocol::Udp, ..port(address, number) };
    let publication = |own: &str, ports: Vec<PublishedPort>| Publication {
        node: "c1".parse().unwrap(),
        address: own.parse().unwrap(),
        device: "br0".parse().unwrap(),
        bridge_port: None,
        hidden: Hidden::Host,
        ports,
    };
    let before = [publication("10.99.1.1/16", vec![udp("", 53), udp("", 54)])];
    let now = [publication("10.99.1.2/16", vec![udp("", 53), udp("10.99.0.11", 55), port("", 56)])];
    let addresses = [(1, "10.99.0.11/16".parse().unwrap()), (2, "10.98.0.11/16".parse().unwrap())];
    let ports = UdpPorts::new(&before, &now, &addresses);
    let stale = |to: &str, by: &str| ports.is_stale(to.parse().unwrap(), by.parse().unwrap());
    assert!(stale("10.99.0.11:53", "10.99.1.1:53"), "the former container");
    assert!(stale("10.99.0.11:53", "10.99.0.11:53"), "the host");
    assert!(!stale("10.99.0.11:53", "10.99.1.2:53"));
    assert!(!stale("10.99.0.99:53", "10.99.1.1:53"), "not to this host");
    assert!(stale("10.98.0.11:54", "10.99.1.1:54"), "no longer published");
    assert!(!stale("10.98.0.11:54", "10.98.0.11:54"), "a service of the host");
    assert!(stale("10.99.0.11:55", "10.99.0.11:55"));
    assert!(!stale("10.98.0.11:55", "10.98.0.11:55"), "published at another address");
    assert!(!stale("10.99.0.11:56", "10.99.0.11:56"), "TCP");
    assert!(UdpPorts::new(&[], &[publication("10.99.1.2/16", vec![port("", 56)])], &addresses).is_empty());
}

#[test]
fn one_endpoint_of_a_container_publishes_in_each_family() {
    let first = candidate("eth0", "mynet0", &["10.99.1.1/16"], &[]);
    let second = candidate("eth1", "net98", &["10.98.1.1/16", "fd00:98::1:1/64"], &["10.98.0.254"]);
    let expected =
        ["10.99.1.1/16 br-mynet0 xheth0 OtherSubnets", "fd00:98::1:1/64 br-net98 xheth1 OtherSubnets"];
    assert_eq!(chosen(vec![first.clone(), second]), expected);
    let third = candidate("eth2", "mynet0", &["10.99.1.7/16"], &["10.99.0.254"]);
    assert_eq!(chosen(vec![first, third]), ["10.99.1.7/16 br-mynet0 xheth2 Host"], "the one with a gateway");
}

#[test]
fn ports_that_no_client_reaches_are_reported() {
    let unreachable = candidate("eth0", "net98", &["10.98.1.1/16"], &[]);
    assert_eq!(
        chosen(vec![unreachable]),
        [
            "c1 does not publish 80->80/tcp: host1 has no address of that family on net98 (10.98.0.0/16); connect to the container's own address"
        ]
    );
    let other_family = Candidate {
        ports: vec![port("::1", 80), port("::1", 81), port("10.99.0.11", 82), port("10.99.0.77", 83)],
        ..candidate("eth0", "mynet0", &["10.99.1.1/16"], &[])
    };
    assert_eq!(
        chosen(vec![other_family])[1..],
        [
            "c1 does not publish [::1]:80-81->80-81/tcp: host1 has no address of that family on mynet0 (10.99.0.0/16); connect to the container's own address",
            "c1 publishes a port at 10.99.0.77, which is not an address of host1: correct port= in vm.othersettings of c1",
        ]
    );
    let loopback = Candidate {
        ports: vec![port("127.0.0.1", 80), port("0.0.0.0", 81)],
        ..candidate("eth0", "mynet0", &["10.99.1.1/16"], &["10.99.0.254"])
    };
    assert_eq!(chosen(vec![loopback]), ["10.99.1.1/16 br-mynet0 xheth0 Host"]);
}
