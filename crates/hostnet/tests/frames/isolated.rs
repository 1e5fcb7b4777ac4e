//! Frames to and from a container of an isolated network.

use std::net::Ipv4Addr;

use super::{
    ALL, Frame, Station, arp, ethernet, ipv4_to, ipv6_to, mark, neighbour, solicitation, station, udp,
};

/// The others: one that the container links to, one that links to it, one without a link, and one that is no container.
pub(crate) struct Others {
    pub(crate) target: Station,
    pub(crate) consumer: Station,
    pub(crate) stranger: Station,
    pub(crate) host: Station,
}

pub(crate) fn others() -> Others {
    Others {
        target: station("02:42:0a:63:01:0a", "10.99.1.10", "fd00:99::1:a"),
        consumer: station("02:42:0a:63:01:0b", "10.99.1.11", "fd00:99::1:b"),
        stranger: station("02:42:0a:63:01:0c", "10.99.1.12", "fd00:99::1:c"),
        host: station("02:00:00:00:00:77", "10.99.0.1", "fd00:99::1"),
    }
}

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;

fn tcp(flags: u8) -> Vec<u8> {
    [&[0x0f, 0xa0, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags][..], &[0; 6]].concat()
}

fn to(from: &Station, to: &Station, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_to(to.mac, from.mac, from.v4, to.v4, protocol, 0, payload)
}

fn to6(from: &Station, to: &Station, next: u8, payload: &[u8]) -> Vec<u8> {
    ipv6_to(to.mac, from.mac, from.v6, to.v6, next, payload)
}

fn group(from: &Station, address: Ipv4Addr) -> Vec<u8> {
    ipv4_to(ALL, from.mac, from.v4, address, 17, 0, &udp(4000, 4000))
}

fn marked(frames: Vec<(&'static str, bool, Vec<u8>)>) -> Vec<Frame> {
    let mark = |(number, (what, permitted, mut bytes)): (usize, _)| {
        mark(&mut bytes, &format!("{number:04}"));
        Frame { what, bytes, permitted }
    };
    frames.into_iter().enumerate().map(mark).collect()
}

/// What the container sends.
pub(crate) fn sent(own: &Station, others: &Others) -> Vec<Frame> {
    let Others { target, consumer, stranger, host } = others;
    let ll = own.link_local();
    let to_ll =
        |payload: &[u8], next| ipv6_to(stranger.mac, own.mac, own.v6, stranger.link_local(), next, payload);
    let multicast = |payload: &[u8], next| {
        ipv6_to([0x33, 0x33, 0, 0, 0, 1], own.mac, ll, "ff02::1".parse().unwrap(), next, payload)
    };
    let report = [&[58, 0, 5, 2, 0, 0, 1, 0][..], &[143, 0, 0, 0, 0, 0, 0, 0]].concat();
    marked(vec![
        ("a connection to the target", true, to(own, target, 6, &tcp(SYN))),
        ("UDP to the target", true, to(own, target, 17, &udp(4000, 53))),
        ("IPv6 to the target", true, to6(own, target, 6, &tcp(SYN))),
        ("a connection to the consumer", false, to(own, consumer, 6, &tcp(SYN))),
        ("an answer to the consumer's connection", true, to(own, consumer, 6, &tcp(SYN_ACK))),
        ("data to the consumer", true, to(own, consumer, 6, &tcp(ACK))),
        ("UDP to the consumer", true, to(own, consumer, 17, &udp(53, 4000))),
        ("an IPv6 connection to the consumer", false, to6(own, consumer, 6, &tcp(SYN))),
        ("an IPv6 answer to the consumer", true, to6(own, consumer, 6, &tcp(SYN_ACK))),
        ("a connection to a stranger", false, to(own, stranger, 6, &tcp(SYN))),
        ("data to a stranger", false, to(own, stranger, 6, &tcp(ACK))),
        ("UDP to a stranger", false, to(own, stranger, 17, &udp(4000, 53))),
        ("IPv6 to a stranger", false, to6(own, stranger, 17, &udp(4000, 53))),
        ("IPv6 echo to a stranger's link-local address", false, to_ll(&[128, 0, 0, 0, 0, 1, 0, 1], 58)),
        ("IPv6 UDP to a stranger's link-local address", false, to_ll(&udp(4000, 53), 17)),
        (
            "a neighbour solicitation to a link-local address",
            true,
            to_ll(&neighbour(135, stranger.link_local(), 1, own.mac), 58),
        ),
        ("a connection to the host", true, to(own, host, 6, &tcp(SYN))),
        ("IPv6 to the host", true, to6(own, host, 17, &udp(4000, 53))),
        ("ARP for a stranger", true, arp(own.mac, 1, own.mac, own.v4, stranger.v4)),
        ("a neighbour solicitation", true, multicast(&solicitation(stranger.v6), 58)),
        ("a listener report", true, multicast(&report, 0)),
        ("broadcast", false, group(own, Ipv4Addr::BROADCAST)),
        ("broadcast of the network", false, group(own, "10.99.255.255".parse().unwrap())),
        ("multicast", false, group(own, "224.0.0.251".parse().unwrap())),
        ("IPv6 multicast", false, multicast(&udp(5353, 5353), 17)),
    ])
}

/// What others send to the container.
pub(crate) fn received(own: &Station, others: &Others) -> Vec<Frame> {
    let Others { target, consumer, stranger, host } = others;
    let derived = {
        let bytes = [&[0xfd, 0, 0, 0x99, 0, 0, 0, 0][..], &own.link_local().octets()[8..]].concat();
        std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap())
    };
    let from_host = |to, next, payload: &[u8]| ipv6_to(own.mac, host.mac, host.v6, to, next, payload);
    marked(vec![
        ("a connection from the target", false, to(target, own, 6, &tcp(SYN))),
        ("an answer of the target", true, to(target, own, 6, &tcp(SYN_ACK))),
        ("UDP of the target", true, to(target, own, 17, &udp(53, 4000))),
        ("an IPv6 connection from the target", false, to6(target, own, 6, &tcp(SYN))),
        ("an IPv6 answer of the target", true, to6(target, own, 6, &tcp(ACK))),
        ("a connection from the consumer", true, to(consumer, own, 6, &tcp(SYN))),
        ("an IPv6 connection from the consumer", true, to6(consumer, own, 6, &tcp(SYN))),
        ("a connection from a stranger", false, to(stranger, own, 6, &tcp(SYN))),
        ("UDP from a stranger", false, to(stranger, own, 17, &udp(4000, 53))),
        ("IPv6 from a stranger", false, to6(stranger, own, 17, &udp(4000, 53))),
        (
            "a stranger's packet from the router",
            false,
            ipv4_to(own.mac, host.mac, stranger.v4, own.v4, 17, 0, &udp(4000, 53)),
        ),
        ("a connection from the host", true, to(host, own, 6, &tcp(SYN))),
        ("IPv6 from the host", true, to6(host, own, 6, &tcp(SYN))),
        ("IPv6 to an address that the tables do not have", false, from_host(derived, 17, &udp(4000, 53))),
        (
            "a neighbour solicitation to the link-local address",
            true,
            from_host(own.link_local(), 58, &neighbour(135, own.link_local(), 1, host.mac)),
        ),
        ("broadcast of the host", true, group(host, Ipv4Addr::BROADCAST)),
        ("ARP of a stranger", true, arp(stranger.mac, 1, stranger.mac, stranger.v4, own.v4)),
        ("another protocol", true, ethernet(own.mac, host.mac, 0x88b5, &[0; 46])),
    ])
}
