//! The fields that our flows match (openflow.h of ONF TS-006 section A.2.3, openflow/nicira-ext.h).

use std::net::Ipv4Addr;

use inventory::MacAddr;
use ipnet::Ipv4Net;

use super::{Field, Register};

/// `OFPXMC_OPENFLOW_BASIC`, and the class of Open vSwitch's own fields.
const BASIC: u16 = 0x8000;
const NICIRA: u16 = 0x0001;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// A value, or all values that agree with it in the bits of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    value: Vec<u8>,
    mask: Option<Vec<u8>>,
}

impl Pattern {
    pub(super) fn exact(value: impl Into<Vec<u8>>) -> Self {
        Self { value: value.into(), mask: None }
    }

    /// `fe80::/10`.
    pub(super) fn link_local() -> Self {
        Self::beginning([0xfe, 0x80], [0xff, 0xc0])
    }

    /// `ff00::/8`.
    pub(super) fn multicast() -> Self {
        Self::beginning([0xff, 0], [0xff, 0])
    }

    fn beginning(first: [u8; 2], mask: [u8; 2]) -> Self {
        Self::masked([&first[..], &[0; 14]].concat(), [&mask[..], &[0; 14]].concat())
    }

    pub(super) fn masked(value: impl Into<Vec<u8>>, mask: impl Into<Vec<u8>>) -> Self {
        Self { value: value.into(), mask: Some(mask.into()) }
    }
}

impl Field {
    fn basic(number: u8, value: impl Into<Vec<u8>>) -> Self {
        Self { class: BASIC, number, value: value.into(), mask: None }
    }

    fn of(number: u8, pattern: &Pattern) -> Self {
        let Pattern { value, mask } = pattern.clone();
        Self { class: BASIC, number, value, mask }
    }

    pub(super) fn in_port(number: u32) -> Self {
        Self::basic(0, number.to_be_bytes())
    }

    pub(super) fn eth_dst(mac: MacAddr) -> Self {
        Self::basic(3, mac.octets())
    }

    pub(super) fn eth_src(macs: &Pattern) -> Self {
        Self::of(4, macs)
    }

    pub(super) fn eth_type(kind: u16) -> Self {
        Self::basic(5, kind.to_be_bytes())
    }

    /// Any VLAN tag: `OFPVID_PRESENT`.
    pub(super) fn any_vlan() -> Self {
        let bit = 0x1000_u16.to_be_bytes();
        Self::of(6, &Pattern::masked(bit, bit))
    }

    /// This VLAN tag; `None`: no tag.
    pub(super) fn vlan(tag: Option<u16>) -> Self {
        Self::basic(6, tag.map_or(0, |tag| 0x1000 | tag).to_be_bytes())
    }

    /// The source port of TCP or UDP.
    pub(super) fn source_port(protocol: u8, ports: &Pattern) -> Self {
        Self::of(if protocol == TCP { 13 } else { 15 }, ports)
    }

    /// The destination port of TCP or UDP.
    pub(super) fn destination_port(protocol: u8, ports: &Pattern) -> Self {
        Self::of(if protocol == TCP { 14 } else { 16 }, ports)
    }

    /// State of the packet's connection after connection tracking (`NXM_NX_CT_STATE`).
    pub(super) fn connection(value: u32, mask: u32) -> Self {
        let (value, mask) = (value.to_be_bytes().to_vec(), mask.to_be_bytes().to_vec());
        Self { class: NICIRA, number: 105, value, mask: Some(mask) }
    }

    pub(super) fn ip_proto(number: u8) -> Self {
        Self::basic(10, [number])
    }

    pub(super) fn udp_src(port: u16) -> Self {
        Self::basic(15, port.to_be_bytes())
    }

    pub(super) fn udp_dst(port: u16) -> Self {
        Self::basic(16, port.to_be_bytes())
    }

    pub(super) fn icmpv4_type(number: u8) -> Self {
        Self::basic(19, [number])
    }

    pub(super) fn icmpv6_type(number: u8) -> Self {
        Self::basic(29, [number])
    }

    pub(super) fn arp_sender(address: Ipv4Addr) -> Self {
        Self::basic(22, address.octets())
    }

    pub(super) fn arp_target(address: Ipv4Addr) -> Self {
        Self::basic(23, address.octets())
    }

    pub(super) fn ipv4_src(address: Ipv4Addr) -> Self {
        Self::basic(11, address.octets())
    }

    pub(super) fn ipv4_dst(address: Ipv4Addr) -> Self {
        Self::basic(12, address.octets())
    }

    /// The first or a later fragment (`NXM_NX_IP_FRAG`).
    pub(super) fn ipv4_src_in(net: Ipv4Net) -> Self {
        Self::of(11, &Pattern::masked(net.network().octets(), net.netmask().octets()))
    }

    pub(super) fn ipv4_dst_in(net: Ipv4Net) -> Self {
        Self::of(12, &Pattern::masked(net.network().octets(), net.netmask().octets()))
    }

    /// SYN without ACK in the flags of TCP (`NXM_NX_TCP_FLAGS`): the first packet of a connection.
    pub(super) fn tcp_opening() -> Self {
        let (value, mask) = (0x02_u16.to_be_bytes().to_vec(), 0x12_u16.to_be_bytes().to_vec());
        Self { class: NICIRA, number: 34, value, mask: Some(mask) }
    }

    pub(super) fn any_fragment() -> Self {
        Self { class: NICIRA, number: 26, value: vec![1], mask: Some(vec![1]) }
    }

    pub(super) fn ipv6_dst(addresses: &Pattern) -> Self {
        Self::of(27, addresses)
    }

    pub(super) fn arp_sha(macs: &Pattern) -> Self {
        Self::of(24, macs)
    }

    pub(super) fn ipv6_src(addresses: &Pattern) -> Self {
        Self::of(26, addresses)
    }

    pub(super) fn nd_target(addresses: &Pattern) -> Self {
        Self::of(31, addresses)
    }

    pub(super) fn nd_sll(macs: &Pattern) -> Self {
        Self::of(32, macs)
    }

    pub(super) fn nd_tll(macs: &Pattern) -> Self {
        Self::of(33, macs)
    }

    pub(super) fn register(register: Register, value: u32) -> Self {
        Self { class: NICIRA, number: register as u8, value: value.to_be_bytes().to_vec(), mask: None }
    }

    /// The header of a register's field, 4 bytes long.
    pub(super) fn register_header(register: Register) -> [u8; 4] {
        let [high, low] = NICIRA.to_be_bytes();
        [high, low, (register as u8) << 1, 4]
    }
}
