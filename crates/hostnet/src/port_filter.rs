//! Filters what a container sends, on its port.
//!
//! A container sends with its own MAC and its own addresses only, and is neither a router nor a DHCP server. The filter
//! is on the host end of the veth pair, where the container cannot change it.
//!
//! On a Linux bridge it is a program in classic BPF that the traffic control of the host end runs for each received
//! frame (`cls_bpf` in `clsact`): set over the netlink connection that creates the veth pair, without another program,
//! removed together with the device, and executed as machine code before the bridge sees the frame. A large TCP
//! segment is one frame here. nftables would need a program on each host, and one rule set for all ports, which
//! another program can flush.

mod addresses;
mod isolation;
mod program;
mod spoofing;
mod traffic_control;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use inventory::MacAddr;

pub use addresses::AddressSet;
pub use traffic_control::Installed;

/// The filter of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortFilter {
    /// What the container may send as; `None`: as anyone.
    pub identity: Option<Identity>,
    /// Which containers it may exchange packets with; `None`: all.
    pub isolation: Option<Isolation>,
}

/// A container on an isolated network: it may exchange packets with containers that it is linked to, and with addresses
/// that are not containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Number of the network, different for the networks of a host.
    pub network: u32,
    /// MAC of the container.
    pub mac: MacAddr,
    /// Its addresses.
    pub own: AddressSet,
    /// Broadcast addresses of the network.
    pub broadcasts: Vec<Ipv4Addr>,
    /// All containers of the network.
    pub members: Arc<AddressSet>,
    /// Containers that it may open connections to.
    pub targets: AddressSet,
    /// Containers that may open connections to it.
    pub consumers: AddressSet,
}

impl Isolation {
    /// Containers that it may not exchange packets with.
    fn blocked(&self) -> AddressSet {
        self.members.without(&self.targets).without(&self.consumers).without(&self.own)
    }
}

/// MAC and addresses that a container may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its MAC.
    pub mac: MacAddr,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Further addresses, which it shares with other containers (VRRP). With any, the virtual MACs of VRRP are
    /// permitted too (RFC 9568 section 7.3).
    pub further: Vec<IpAddr>,
}

impl Identity {
    pub(crate) fn all(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().chain(&self.further).copied()
    }

    /// The interface identifier that the kernel derives from the MAC (RFC 4291 appendix A): of the link-local address,
    /// and of addresses from router advertisements. No other container has it, because no other has the MAC.
    pub(crate) fn interface_id(&self) -> [u8; 8] {
        let [a, b, c, d, e, f] = self.mac.octets();
        [a ^ 2, b, c, 0xff, 0xfe, d, e, f]
    }
}

/// Which frames a program filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Those that the container sends.
    Sent,
    /// Those that it receives.
    Received,
}

impl PortFilter {
    /// The programs of one direction, in their order. None: all frames pass.
    fn programs(&self, direction: Direction) -> Vec<Vec<u8>> {
        let identity = self.identity.iter().filter(|_| direction == Direction::Sent);
        let isolation = self.isolation.iter().flat_map(|isolation| isolation::programs(isolation, direction));
        identity.map(spoofing::program).chain(isolation).collect()
    }
}
