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
        on: network.parse().unwrap(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        bridge: format!("br-{network}").parse().unwrap(),
        fabric: Fabric::Flat,
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
    let host = HostAddresses { links: &links, addresses: &addresses };
    select(&Wanted { host: "host1".to_owned(), candidates }, &host)
}

/// Address, device, port of a bridge, hidden.
fn chosen(candidates: Vec<Candidate>) -> Vec<String> {
    let Selection { published, problems } = selected(candidates);
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
