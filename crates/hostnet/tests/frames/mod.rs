//! Frames that a container may send, and frames of an impostor. Each ends with a mark, by which a receiver identifies it.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::too_many_lines,
    clippy::too_many_arguments,
    reason = "a list of frames, and the fields of a header"
)]

pub(crate) mod isolated;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{LinkAddr, MsgFlags, bind, recv, sendmsg};
use socket2::{Domain, Protocol, Socket, Type};

pub(crate) const ALL: [u8; 6] = [0xff; 6];
const ALL_NODES: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ALL_NODES6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// What precedes the number at the end of a frame.
const MARK: &[u8] = b"xdock frame ";

/// A container or another machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Station {
    pub(crate) mac: [u8; 6],
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
}

/// A frame, and whether it may leave its port.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) what: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) permitted: bool,
}

impl Frame {
    /// The mark at its end; a receiver that finds it has received this frame.
    pub(crate) fn mark(&self) -> &[u8] {
        let at = self.bytes.windows(MARK.len()).position(|window| window == MARK);
        &self.bytes[at.unwrap_or(0)..]
    }
}

impl Station {
    pub(crate) fn link_local(&self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.mac;
        let bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f];
        Ipv6Addr::from(bytes)
    }
}

pub(crate) fn station(mac: &str, v4: &str, v6: &str) -> Station {
    let mac = mac.parse::<inventory::MacAddr>().unwrap().octets();
    Station { mac, v4: v4.parse().unwrap(), v6: v6.parse().unwrap() }
}

/// A container.
pub(crate) fn own() -> Station {
    station("02:42:0a:63:01:02", "10.99.1.2", "fd00:99::1:2")
}

/// Another one, which it may pretend to be.
pub(crate) fn other() -> Station {
    station("02:42:0a:63:01:03", "10.99.1.3", "fd00:99::1:3")
}

/// A packet socket for all frames of an interface.
pub(crate) fn listen(device: &str) -> Socket {
    let all = Protocol::from(i32::from(3_u16.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(all)).unwrap();
    bind(socket.as_raw_fd(), &link_address(device)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Sends frames out of an interface, whatever its addresses are.
pub(crate) fn send(device: &str, frames: &[Frame]) {
    let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
    let at = link_address(device);
    for frame in frames {
        let parts = [std::io::IoSlice::new(&frame.bytes)];
        sendmsg(socket.as_raw_fd(), &parts, &[], MsgFlags::empty(), Some(&at)).unwrap();
    }
}

fn link_address(device: &str) -> LinkAddr {
    let mut all = nix::ifaddrs::getifaddrs().unwrap().filter(|entry| entry.interface_name == device);
    all.find_map(|entry| entry.address?.as_link_addr().copied()).unwrap()
}

/// Which of the frames a socket has received.
pub(crate) fn received<'a>(socket: &Socket, frames: &'a [Frame]) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut buffer = [0_u8; 2048];
    while let Ok(length) = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
        let bytes = &buffer[..length];
        found.extend(frames.iter().filter(|frame| bytes.ends_with(frame.mark())).map(|frame| frame.what));
    }
    found
}

/// Frames that `own` sends: its own, and as an impostor of `other`.
pub(crate) fn all(own: &Station, other: &Station) -> Vec<Frame> {
    let mut frames = permitted(own, other);
    frames.extend(refused(own, other));
    for (number, frame) in frames.iter_mut().enumerate() {
        mark(&mut frame.bytes, &format!("{number:04}"));
    }
    frames
}

/// Marks a frame at its end, as a part of the packet: a bridge cuts off what follows the packet (br_netfilter).
pub(crate) fn mark(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(MARK);
    bytes.extend(text.bytes());
    let total = bytes.len() - 14;
    match bytes[12..14] {
        [0x08, 0x00] => {
            bytes[16..18].copy_from_slice(&u16::try_from(total).unwrap().to_be_bytes());
            bytes[24..26].copy_from_slice(&[0, 0]);
            let sum = checksum(&bytes[14..34]);
            bytes[24..26].copy_from_slice(&sum.to_be_bytes());
        }
        [0x86, 0xdd] => bytes[18..20].copy_from_slice(&u16::try_from(total - 40).unwrap().to_be_bytes()),
        _ => {}
    }
}

fn permitted(own: &Station, other: &Station) -> Vec<Frame> {
    let any = Ipv4Addr::UNSPECIFIED;
    let none6 = Ipv6Addr::UNSPECIFIED;
    let ll = own.link_local();
    let to_other = |next, payload: &[u8]| ipv6_to(ALL, own.mac, own.v6, other.v6, next, payload);
    let frame = |what, bytes| Frame { what, bytes, permitted: true };
    vec![
        frame("ARP request", arp(own.mac, 1, own.mac, own.v4, other.v4)),
        frame("ARP reply", arp(own.mac, 2, own.mac, own.v4, other.v4)),
        frame("ARP probe for the own address", arp(own.mac, 1, own.mac, any, own.v4)),
        frame("IPv4 TCP", ipv4(own.mac, own.v4, 6, 0, &[0; 20])),
        frame("IPv4 UDP", ipv4(own.mac, own.v4, 17, 0, &udp(4000, 53))),
        frame("IPv4 DHCP request", ipv4(own.mac, own.v4, 17, 0, &udp(68, 67))),
        frame("IPv4 echo", ipv4(own.mac, own.v4, 1, 0, &[8, 0, 0, 0, 0, 1, 0, 1])),
        frame("IPv4 later fragment", ipv4_to(ALL, own.mac, own.v4, other.v4, 17, 100, &udp(67, 68))),
        frame("IPv6 TCP", ipv6(own.mac, own.v6, 6, &[0; 20])),
        frame("IPv6 UDP", ipv6(own.mac, own.v6, 17, &udp(4000, 53))),
        frame("IPv6 UDP from the link-local address", ipv6(own.mac, ll, 17, &udp(4000, 53))),
        frame(
            "IPv6 TCP behind destination options",
            ipv6(own.mac, own.v6, 60, &[&extension(6)[..], &[0; 20]].concat()),
        ),
        frame("IPv6 first fragment", to_other(44, &[&fragment(17, 1)[..], &udp(4000, 53)].concat())),
        frame("IPv6 later fragment", to_other(44, &[&fragment(17, 0x101)[..], &udp(547, 546)].concat())),
        frame("neighbour solicitation", ipv6(own.mac, own.v6, 58, &neighbour(135, other.v6, 1, own.mac))),
        frame("neighbour advertisement", ipv6(own.mac, own.v6, 58, &neighbour(136, own.v6, 2, own.mac))),
        frame("link-local advertisement", ipv6(own.mac, ll, 58, &neighbour(136, ll, 2, own.mac))),
        frame("duplicate address detection", ipv6(own.mac, none6, 58, &solicitation(own.v6))),
        frame("duplicate link-local address detection", ipv6(own.mac, none6, 58, &solicitation(ll))),
        frame("router solicitation", ipv6(own.mac, none6, 58, &[133, 0, 0, 0, 0, 0, 0, 0])),
        frame(
            "multicast listener report",
            ipv6(own.mac, none6, 0, &[&extension(58)[..], &[143, 0, 0, 0, 0, 0, 0, 0]].concat()),
        ),
    ]
}

fn refused(own: &Station, other: &Station) -> Vec<Frame> {
    let any = Ipv4Addr::UNSPECIFIED;
    let none6 = Ipv6Addr::UNSPECIFIED;
    let ra = [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let redirect = [&[137, 0, 0, 0, 0, 0, 0, 0][..], &other.v6.octets(), &own.v6.octets()].concat();
    let icmp_redirect = [&[5, 1, 0, 0][..], &own.v4.octets(), &[0; 28]].concat();
    let ordinary = ipv4(own.mac, own.v4, 17, 0, &udp(4000, 53));
    let frame = |what, bytes| Frame { what, bytes, permitted: false };
    vec![
        frame("IPv4 from another's MAC", ipv4(other.mac, own.v4, 17, 0, &udp(4000, 53))),
        frame("IPv4 from another's address", ipv4(own.mac, other.v4, 17, 0, &udp(4000, 53))),
        frame("IPv4 from another", ipv4(other.mac, other.v4, 6, 0, &[0; 20])),
        frame("IPv4 without a source", ipv4(own.mac, any, 17, 0, &udp(68, 67))),
        frame("IPv6 from another's MAC", ipv6(other.mac, own.v6, 17, &udp(4000, 53))),
        frame("IPv6 from another's address", ipv6(own.mac, other.v6, 17, &udp(4000, 53))),
        frame(
            "IPv6 from another's link-local address",
            ipv6(own.mac, other.link_local(), 17, &udp(4000, 53)),
        ),
        frame("IPv6 UDP without a source", ipv6(own.mac, none6, 17, &udp(4000, 53))),
        frame("ARP reply for another's address", arp(own.mac, 2, own.mac, other.v4, own.v4)),
        frame("ARP reply with another's MAC", arp(own.mac, 2, other.mac, own.v4, own.v4)),
        frame("gratuitous ARP of another", arp(other.mac, 1, other.mac, other.v4, other.v4)),
        frame("ARP probe for another's address", arp(own.mac, 1, own.mac, any, other.v4)),
        frame(
            "neighbour advertisement of another's address",
            ipv6(own.mac, own.v6, 58, &neighbour(136, other.v6, 2, own.mac)),
        ),
        frame(
            "neighbour advertisement with another's MAC",
            ipv6(own.mac, own.v6, 58, &neighbour(136, own.v6, 2, other.mac)),
        ),
        frame("detection of another's address", ipv6(own.mac, none6, 58, &solicitation(other.v6))),
        frame("router advertisement", ipv6(own.mac, own.link_local(), 58, &ra)),
        frame(
            "router advertisement behind a header",
            ipv6(own.mac, own.link_local(), 0, &[&extension(58)[..], &ra].concat()),
        ),
        frame(
            "router advertisement behind three headers",
            ipv6(
                own.mac,
                own.link_local(),
                60,
                &[&extension(43)[..], &extension(60), &extension(58), &ra].concat(),
            ),
        ),
        frame(
            "router advertisement in a fragment",
            ipv6(own.mac, own.link_local(), 44, &[&fragment(58, 1)[..], &ra].concat()),
        ),
        frame("redirect", ipv6(own.mac, own.link_local(), 58, &redirect)),
        frame("ICMP redirect", ipv4(own.mac, own.v4, 1, 0, &icmp_redirect)),
        frame("DHCP offer", ipv4(own.mac, own.v4, 17, 0, &udp(67, 68))),
        frame("DHCP offer from another port", ipv4(own.mac, own.v4, 17, 0, &udp(6767, 68))),
        frame("DHCPv6 advertisement", ipv6(own.mac, own.link_local(), 17, &udp(547, 546))),
        frame("VLAN tag", tagged(&ordinary, &[0x8100])),
        frame("priority tag", tagged_as(&ordinary, 0x8100, 0)),
        frame("two VLAN tags", tagged(&ordinary, &[0x8100, 0x88a8])),
        frame(
            "spanning tree",
            [&[0x01, 0x80, 0xc2, 0, 0, 0][..], &own.mac, &[0, 0x26, 0x42, 0x42, 3], &[0; 35]].concat(),
        ),
        frame("LLDP", ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e], own.mac, 0x88cc, &[0; 46])),
        frame("RARP", ethernet(ALL, own.mac, 0x8035, &arp(own.mac, 4, own.mac, own.v4, own.v4)[14..])),
        frame("PPPoE offer", ethernet(ALL, own.mac, 0x8863, &[0x11, 0x07, 0, 0, 0, 0])),
    ]
}

pub(crate) fn ethernet(to: [u8; 6], from: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes(), payload].concat()
}

pub(crate) fn arp(from: [u8; 6], operation: u8, mac: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let body =
        [&[0, 1, 8, 0, 6, 4, 0, operation][..], &mac, &sender.octets(), &[0; 6], &target.octets()].concat();
    ethernet(ALL, from, 0x0806, &body)
}

/// A packet to all hosts, whose checksum [`mark`] sets. `fragment`: offset in eight bytes.
pub(crate) fn ipv4(from: [u8; 6], source: Ipv4Addr, protocol: u8, fragment: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_to(ALL, from, source, Ipv4Addr::BROADCAST, protocol, fragment, payload)
}

pub(crate) fn ipv4_to(
    to: [u8; 6],
    from: [u8; 6],
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    fragment: u8,
    payload: &[u8],
) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [
        &[0x45, 0][..],
        &length,
        &[0, 1, 0, fragment, 64, protocol, 0, 0],
        &source.octets(),
        &destination.octets(),
    ]
    .concat();
    ethernet(to, from, 0x0800, &[&header, payload].concat())
}

fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}

pub(crate) fn ipv6(from: [u8; 6], source: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    ipv6_to(ALL_NODES, from, source, ALL_NODES6, next, payload)
}

pub(crate) fn ipv6_to(
    to: [u8; 6],
    from: [u8; 6],
    source: Ipv6Addr,
    destination: Ipv6Addr,
    next: u8,
    payload: &[u8],
) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let header =
        [&[0x60, 0, 0, 0][..], &length, &[next, 255], &source.octets(), &destination.octets()].concat();
    ethernet(to, from, 0x86dd, &[&header, payload].concat())
}

pub(crate) fn udp(from: u16, to: u16) -> Vec<u8> {
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &[0, 8, 0, 0]].concat()
}

/// A hop-by-hop, routing or destination header of eight bytes.
fn extension(next: u8) -> [u8; 8] {
    [next, 0, 1, 4, 0, 0, 0, 0]
}

/// `bits`: offset in eight bytes, shifted by three, and whether more follow.
fn fragment(next: u8, bits: u16) -> [u8; 8] {
    let [high, low] = bits.to_be_bytes();
    [next, 0, high, low, 0, 0, 0, 1]
}

fn solicitation(target: Ipv6Addr) -> Vec<u8> {
    [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target.octets()].concat()
}

fn neighbour(kind: u8, target: Ipv6Addr, option: u8, mac: [u8; 6]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0x20, 0, 0, 0][..], &target.octets(), &[option, 1], &mac].concat()
}

/// The frame in VLAN 7, once for each of these tag types, the last one outermost.
fn tagged(frame: &[u8], types: &[u16]) -> Vec<u8> {
    types.iter().fold(frame.to_vec(), |frame, kind| tagged_as(&frame, *kind, 7))
}

fn tagged_as(frame: &[u8], kind: u16, vlan: u16) -> Vec<u8> {
    [&frame[..12], &kind.to_be_bytes(), &vlan.to_be_bytes(), &frame[12..]].concat()
}
