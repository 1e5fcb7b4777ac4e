//! The program that drops frames with another's MAC or address. Pure.
//!
//! Frames are ARP, IPv4 or IPv6, without a VLAN tag: no spanning tree, LLDP or anything else that concerns the network
//! itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Identity;
use super::program::At::{Frame, FromX};
use super::program::Width::{Byte, Half, Word};
use super::program::{At, CONTINUE, DROP, Label, Program};

/// The virtual MACs of VRRP: `00:00:5e:00:01:xx` for IPv4, `..:02:xx` for IPv6.
const VRRP: u32 = 0x0000_5e00;
const VRRP_FAMILIES: [u32; 2] = [1, 2];

const ETHERTYPE: At = Frame(12);
const IPV4: u32 = 0x0800;
const ARP: u32 = 0x0806;
const IPV6: u32 = 0x86dd;

/// UDP ports of DHCP and DHCPv6: a server sends from the first to the second.
const DHCP: [u32; 2] = [67, 68];
const DHCPV6: [u32; 2] = [547, 546];

const ICMP: u32 = 1;
const TCP: u32 = 6;
const UDP: u32 = 17;
const ICMPV6: u32 = 58;
/// Hop-by-hop, routing and destination options: headers of equal form that may stand before any other (RFC 8200).
const EXTENSIONS: [u32; 3] = [0, 43, 60];
const FRAGMENT: u32 = 44;
/// More extension headers than this have no use, except to hide what follows (RFC 7113).
const MAX_EXTENSIONS: usize = 4;

const ICMP_REDIRECT: u32 = 5;
const ROUTER_SOLICITATION: u32 = 133;
const ROUTER_ADVERTISEMENT: u32 = 134;
const NEIGHBOUR_SOLICITATION: u32 = 135;
const NEIGHBOUR_ADVERTISEMENT: u32 = 136;
const REDIRECT: u32 = 137;
const ROUTER_RENUMBERING: u32 = 138;
/// Multicast listener reports, which a host sends before it has an address.
const LISTENER_REPORTS: [u32; 3] = [131, 132, 143];

/// Words of memory.
const NEXT_HEADER: u32 = 0;
const UNSPECIFIED: u32 = 1;
const TYPE: u32 = 2;

/// The program.
pub(super) fn program(identity: &Identity) -> Vec<u8> {
    let mut program = Program::default();
    let (drop, pass) = (program.label(), program.label());
    let mut filter = Filter { program, identity, drop, pass };
    filter.ethernet();
    let mut program = filter.program;
    program.here(pass);
    program.finish(CONTINUE);
    program.here(drop);
    program.finish(DROP);
    program.assemble()
}

struct Filter<'a> {
    program: Program,
    identity: &'a Identity,
    drop: Label,
    pass: Label,
}

impl Filter<'_> {
    fn ethernet(&mut self) {
        let (drop, pass) = (self.drop, self.pass);
        let (ipv4, arp, ipv6) = (self.program.label(), self.program.label(), self.program.label());
        let program = &mut self.program;
        program.load_vlan_tag_present();
        program.unless_equal(0, drop);
        // the shortest frame that passes: Ethernet and IPv4 header
        program.load_length();
        program.unless_at_least(34, drop);
        self.mac(Frame(6), Frame(10));
        let program = &mut self.program;
        program.load(Half, ETHERTYPE);
        program.if_equal(IPV4, ipv4);
        program.if_equal(IPV6, ipv6);
        program.if_equal(ARP, arp);
        program.goto(drop);
        program.here(ipv4);
        self.ipv4();
        self.program.goto(pass);
        self.program.here(arp);
        self.arp();
        self.program.goto(pass);
        self.program.here(ipv6);
        self.ipv6();
        self.program.goto(pass);
    }

    /// Drops the frame unless the MAC there is the container's.
    fn mac(&mut self, first: At, last: At) {
        let [a, b, c, d, e, f] = self.identity.mac.octets();
        let (own, other) = (self.program.label(), self.program.label());
        let program = &mut self.program;
        program.load(Word, first);
        program.unless_equal(u32::from_be_bytes([a, b, c, d]), other);
        program.load(Half, last);
        program.if_equal(u32::from(u16::from_be_bytes([e, f])), own);
        program.here(other);
        if !self.identity.further.is_empty() {
            program.load(Word, first);
            program.unless_equal(VRRP, self.drop);
            program.load(Byte, last);
            for family in VRRP_FAMILIES {
                program.if_equal(family, own);
            }
        }
        program.goto(self.drop);
        program.here(own);
    }

    fn v4_addresses(&self) -> Vec<u32> {
        let v4 = |address| match address {
            IpAddr::V4(v4) => Some(u32::from(v4)),
            IpAddr::V6(_) => None,
        };
        self.identity.all().filter_map(v4).collect()
    }

    fn v6_addresses(&self) -> Vec<Ipv6Addr> {
        let v6 = |address| match address {
            IpAddr::V6(v6) => Some(v6),
            IpAddr::V4(_) => None,
        };
        self.identity.all().filter_map(v6).collect()
    }

    /// A request or reply of Ethernet and IPv4 (RFC 826) from the own MAC and address. A probe has no sender address (RFC
    /// 5227): only for an own address, because a probe for another's would prevent that one from using it.
    fn arp(&mut self) {
        let (drop, pass) = (self.drop, self.pass);
        self.program.load_length();
        self.program.unless_at_least(42, drop);
        self.program.load(Word, Frame(14));
        self.program.unless_equal(0x0001_0800, drop);
        self.program.load(Half, Frame(18));
        self.program.unless_equal(0x0604, drop);
        self.mac(Frame(22), Frame(26));
        self.program.load(Word, Frame(28));
        self.if_own_v4(pass);
        self.program.unless_equal(u32::from(Ipv4Addr::UNSPECIFIED), drop);
        self.program.load(Word, Frame(38));
        self.if_own_v4(pass);
        self.program.goto(drop);
    }

    fn if_own_v4(&mut self, target: Label) {
        for address in self.v4_addresses() {
            self.program.if_equal(address, target);
        }
    }

    fn ipv4(&mut self) {
        let (drop, pass) = (self.drop, self.pass);
        let (own, udp, icmp) = (self.program.label(), self.program.label(), self.program.label());
        self.program.load(Word, Frame(26));
        self.if_own_v4(own);
        let program = &mut self.program;
        program.goto(drop);
        program.here(own);
        program.load(Byte, Frame(23));
        program.if_equal(UDP, udp);
        program.if_equal(ICMP, icmp);
        program.goto(pass);
        program.here(udp);
        Self::ipv4_payload(program, pass, drop);
        Self::refuse_server(program, 14, DHCP, drop);
        program.goto(pass);
        program.here(icmp);
        Self::ipv4_payload(program, pass, drop);
        program.load(Byte, FromX(14));
        program.if_equal(ICMP_REDIRECT, drop);
    }

    /// Sets X so that the payload is at X + 14. Later fragments pass: the first one has the ports.
    fn ipv4_payload(program: &mut Program, pass: Label, drop: Label) {
        program.load(Half, Frame(20));
        program.if_any_bit(0x1fff, pass);
        program.set_x_to_ipv4_header();
        program.need_from_x(14 + 8, drop);
    }

    /// Drops what a DHCP server sends. Its clients check only the port to which it sends.
    fn refuse_server(program: &mut Program, udp: u32, [from, to]: [u32; 2], drop: Label) {
        program.load(Half, FromX(udp));
        program.if_equal(from, drop);
        program.load(Half, FromX(udp + 2));
        program.if_equal(to, drop);
    }

    fn ipv6(&mut self) {
        let drop = self.drop;
        let walk = self.program.label();
        self.program.load_length();
        self.program.unless_at_least(54, drop);
        self.program.set(0);
        self.program.store(UNSPECIFIED);
        self.if_own_v6(Frame, 22, walk);
        for word in 0..4 {
            self.program.load(Word, Frame(22 + 4 * word));
            self.program.unless_equal(0, drop);
        }
        self.program.set(1);
        self.program.store(UNSPECIFIED);
        self.program.here(walk);
        self.ipv6_headers();
    }

    /// Jumps if the address is one of the container's, or has its interface identifier.
    fn if_own_v6(&mut self, at: fn(u32) -> At, offset: u32, target: Label) {
        let whole = self.v6_addresses().into_iter().map(|address| (offset, words(&address.octets())));
        let identifier = (offset + 8, words(&self.identity.interface_id()));
        for (start, words) in whole.chain([identifier]) {
            let next = self.program.label();
            for (place, word) in (start..).step_by(4).zip(words) {
                self.program.load(Word, at(place));
                self.program.unless_equal(word, next);
            }
            self.program.goto(target);
            self.program.here(next);
        }
    }

    /// Follows the extension headers to what they hide (RFC 7113).
    fn ipv6_headers(&mut self) {
        let (drop, icmp, udp) = (self.drop, self.program.label(), self.program.label());
        let (fragment, other) = (self.program.label(), self.program.label());
        let program = &mut self.program;
        program.load(Byte, Frame(20));
        program.store(NEXT_HEADER);
        program.set_x(54);
        for _ in 0..MAX_EXTENSIONS {
            let extension = program.label();
            program.recall(NEXT_HEADER);
            program.if_equal(TCP, other);
            program.if_equal(UDP, udp);
            program.if_equal(ICMPV6, icmp);
            program.if_equal(FRAGMENT, fragment);
            for header in EXTENSIONS {
                program.if_equal(header, extension);
            }
            program.goto(other);
            program.here(extension);
            program.need_from_x(8, drop);
            program.load(Byte, FromX(0));
            program.store(NEXT_HEADER);
            program.load(Byte, FromX(1));
            program.add(1);
            program.shift_left(3);
            program.add_x();
            program.tax();
        }
        program.goto(drop);
        program.here(fragment);
        self.fragment(udp, icmp, other);
        self.program.here(udp);
        self.program.need_from_x(8, drop);
        Self::refuse_server(&mut self.program, 0, DHCPV6, drop);
        self.program.goto(other);
        self.program.here(icmp);
        self.icmpv6(other);
        self.program.here(other);
        self.program.recall(UNSPECIFIED);
        self.program.unless_equal(0, drop);
    }

    /// The first fragment must have all headers (RFC 7112); later ones pass.
    fn fragment(&mut self, udp: Label, icmp: Label, other: Label) {
        let drop = self.drop;
        let program = &mut self.program;
        program.need_from_x(8, drop);
        program.load(Half, FromX(2));
        program.mask(0xfff8);
        program.unless_equal(0, other);
        program.txa();
        program.add(8);
        program.store(TYPE);
        program.load(Byte, FromX(0));
        program.store(NEXT_HEADER);
        program.recall(TYPE);
        program.tax();
        program.recall(NEXT_HEADER);
        for header in EXTENSIONS.into_iter().chain([FRAGMENT]) {
            program.if_equal(header, drop);
        }
        program.if_equal(ICMPV6, icmp);
        program.if_equal(UDP, udp);
        program.goto(other);
    }

    fn icmpv6(&mut self, other: Label) {
        let (drop, pass) = (self.drop, self.pass);
        let neighbour = self.program.label();
        let program = &mut self.program;
        program.need_from_x(8, drop);
        program.load(Byte, FromX(0));
        program.store(TYPE);
        for router in [ROUTER_ADVERTISEMENT, REDIRECT, ROUTER_RENUMBERING] {
            program.if_equal(router, drop);
        }
        program.if_equal(NEIGHBOUR_SOLICITATION, neighbour);
        program.if_equal(NEIGHBOUR_ADVERTISEMENT, neighbour);
        for before_address in LISTENER_REPORTS.into_iter().chain([ROUTER_SOLICITATION]) {
            program.if_equal(before_address, pass);
        }
        program.goto(other);
        program.here(neighbour);
        self.neighbour();
    }

    /// An advertisement is about an own address, and so is a solicitation without source, which detects duplicates (RFC
    /// 4862). The link-layer address in it is the own MAC.
    fn neighbour(&mut self) {
        let (drop, pass) = (self.drop, self.pass);
        let (target, option, check) = (self.program.label(), self.program.label(), self.program.label());
        let program = &mut self.program;
        program.need_from_x(24, drop);
        program.recall(TYPE);
        program.if_equal(NEIGHBOUR_ADVERTISEMENT, target);
        program.recall(UNSPECIFIED);
        program.if_equal(0, option);
        program.here(target);
        self.if_own_v6(FromX, 8, option);
        let program = &mut self.program;
        program.goto(drop);
        program.here(option);
        program.need_from_x(32, pass);
        program.load(Byte, FromX(24));
        program.if_equal(1, check);
        program.if_equal(2, check);
        program.goto(pass);
        program.here(check);
        self.mac(FromX(26), FromX(30));
        self.program.goto(pass);
    }
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let (whole, _) = bytes.as_chunks::<4>();
    whole.iter().map(|word| u32::from_be_bytes(*word)).collect()
}
