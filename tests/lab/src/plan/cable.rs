//! Ethernets, and the NICs that are attached to them.

use std::net::Ipv4Addr;

use crate::name::Member;

/// Bits of the network part of the hosts' addresses.
pub const PREFIX: u8 = 16;

/// One Ethernet that carries addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// 10.99.0.0/16, where the management node is.
    First,
    /// 10.100.0.0/16, behind the router.
    Second,
}

impl Segment {
    fn second_byte(self) -> u8 {
        match self {
            Self::First => 99,
            Self::Second => 100,
        }
    }

    pub(super) fn address(self, member: Member) -> Ipv4Addr {
        let last = match member {
            Member::Mn => 1,
            // a lab has at most MOST_HOSTS hosts
            Member::Host(number) => number.saturating_add(10),
        };
        Ipv4Addr::new(10, self.second_byte(), 0, last)
    }

    /// The router's address on it.
    pub fn router(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.second_byte(), 255, 254)
    }

    /// Its bridge in the fabric's namespace.
    pub fn bridge(self) -> String {
        match self {
            Self::First => "net0".into(),
            Self::Second => "net0b".into(),
        }
    }
}

/// One NIC and where its cable ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// In the host.
    pub name: String,
    /// Its own address, the same in every lab and after every boot.
    pub mac: String,
    /// The other end of the cable, in the fabric's namespace.
    pub port: String,
    /// The bridge at the other end.
    pub bridge: String,
}

impl Nic {
    pub(super) fn new(member: Member, index: u8, bridge: String) -> Self {
        Self {
            name: format!("eth{index}"),
            // locally administered (IEEE 802), so that it is no real card's
            mac: format!("02:78:64:00:{index:02x}:{:02x}", member.number()),
            port: format!("{member}-eth{index}"),
            bridge,
        }
    }
}
