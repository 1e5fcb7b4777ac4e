//! Duplicate address detection for IPv6 (RFC 4862 5.4) and its announcement (RFC 4861 7.2.6).

use std::net::Ipv6Addr;
use std::time::Duration;

use inventory::{IfName, MacAddr};
use socket2::SockFilter;

use crate::packet::{DROP, JUMP_EQUAL, LOAD_BYTE, PacketError, PacketSocket, send_once};
use crate::probe::probe_link;

const ETHERTYPE: u16 = 0x86dd;
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Routers decrement it, so a packet with this value comes from this link (RFC 4861 7.1).
const HOP_LIMIT: u8 = 255;
/// Override an existing cache entry (RFC 4861 4.4).
const OVERRIDE: u8 = 0x20;
/// Option Target Link-Layer Address with length 1 (8 bytes).
const TARGET_MAC: [u8; 2] = [2, 1];
/// Option Source Link-Layer Address with length 1 (8 bytes).
const SOURCE_MAC: [u8; 2] = [1, 1];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Probes for an address on a bridge. Returns the MAC of the first machine that answers within the window, or `None`.
/// Answers from the MACs `ours` are ignored. See [`crate::arp::probe`].
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn probe(
    bridge: &IfName,
    address: Ipv6Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let socket = PacketSocket::open(bridge, ETHERTYPE, neighbour_discovery()).await?;
    probe_on(&socket, address, window, ours).await
}

/// Like [`probe`], through a container end that is still on the host, from a MAC that nobody uses. On a switch with
/// VLANs only the container end is in the container's VLAN.
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn probe_as(
    end: &IfName,
    source: MacAddr,
    address: Ipv6Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let mut socket = PacketSocket::open(end, ETHERTYPE, neighbour_discovery()).await?;
    socket.set_source_mac(source);
    probe_on(&socket, address, window, ours).await
}

/// Like [`probe`], but an ordinary solicitation from an interface's own address. See [`crate::arp::resolve`].
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn resolve(
    device: &IfName,
    sender: Ipv6Addr,
    address: Ipv6Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let socket = PacketSocket::open(device, ETHERTYPE, neighbour_discovery()).await?;
    ask(&socket, sender, address, window, ours).await
}

async fn probe_on(
    socket: &PacketSocket,
    address: Ipv6Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    ask(socket, Ipv6Addr::UNSPECIFIED, address, window, ours).await
}

async fn ask(
    socket: &PacketSocket,
    sender: Ipv6Addr,
    address: Ipv6Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let own = socket.mac();
    let question = solicitation(own, sender, address);
    probe_link(socket, &question, window, |frame| {
        squatter(frame, address).filter(|mac| *mac != own && !ours.contains(mac))
    })
    .await
}

/// Announces an address to the neighbours on a bridge. See [`crate::arp::announce`].
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn announce(bridge: &IfName, address: Ipv6Addr, mac: MacAddr) -> Result<(), PacketError> {
    send_once(bridge, announcement(address, mac)).await
}

/// The frame of [`announce`].
pub(crate) fn announcement(address: Ipv6Addr, mac: MacAddr) -> Vec<u8> {
    advertisement(mac, address)
}

/// A filter that passes only neighbour discovery: the socket receives all IPv6 traffic of the host. Extension headers
/// before ICMPv6 are not parsed, because RFC 4861 uses none.
fn neighbour_discovery() -> [SockFilter; 6] {
    let byte = |offset| SockFilter::new(LOAD_BYTE, 0, 0, offset);
    let equal = |value: u8, then, otherwise| SockFilter::new(JUMP_EQUAL, then, otherwise, u32::from(value));
    [
        byte(14 + 6),
        equal(ICMPV6, 0, 3),
        byte(14 + 40),
        equal(SOLICITATION, 2, 0),
        equal(ADVERTISEMENT, 1, 0),
        DROP,
    ]
}

/// A solicitation to the address's solicited-node group. Only one with a source address contains its MAC (RFC 4861 4.3).
fn solicitation(mac: MacAddr, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    if !source.is_unspecified() {
        message.extend(SOURCE_MAC);
        message.extend(mac.octets());
    }
    packet(mac, source, group, message)
}

/// An unsolicited advertisement to all nodes.
fn advertisement(mac: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0];
    message.extend(target.octets());
    message.extend(TARGET_MAC);
    message.extend(mac.octets());
    packet(mac, target, ALL_NODES, message)
}

/// The Ethernet frame of an ICMPv6 message to a multicast group.
fn packet(mac: MacAddr, source: Ipv6Addr, group: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    let sum = checksum(source, group, length, &message).to_be_bytes();
    for (field, byte) in message.iter_mut().skip(2).zip(sum) {
        *field = byte;
    }
    let [.., a, b, c, d] = group.octets();
    let mut frame = vec![0x33, 0x33, a, b, c, d];
    frame.extend(mac.octets());
    frame.extend(ETHERTYPE.to_be_bytes());
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([ICMPV6, HOP_LIMIT]);
    frame.extend(source.octets());
    frame.extend(group.octets());
    frame.extend(message);
    frame
}

/// RFC 4443 2.3, over a pseudo-header (RFC 8200 8.1) and a message with checksum 0.
fn checksum(source: Ipv6Addr, group: Ipv6Addr, length: u16, message: &[u8]) -> u16 {
    let words = message.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        [high] => u16::from_be_bytes([*high, 0]),
        _ => 0,
    });
    let pseudo = source.segments().into_iter().chain(group.segments()).chain([length, u16::from(ICMPV6)]);
    let sum: u32 = pseudo.chain(words).map(u32::from).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

/// The MAC of a machine that uses or claims the address according to a frame: the sender of an advertisement of it,
/// of a solicitation from it, or of another machine's duplicate address detection (RFC 4862 5.4.3 and 5.4.4).
fn squatter(frame: &[u8], address: Ipv6Addr) -> Option<MacAddr> {
    let mac: &[u8; 6] = frame.get(6..12)?.first_chunk()?;
    let header = frame.get(14..54)?;
    let source: &[u8; 16] = header.get(8..24)?.first_chunk()?;
    let message = frame.get(54..)?;
    let target: &[u8; 16] = message.get(8..24)?.first_chunk()?;
    if header.get(6..8)? != [ICMPV6, HOP_LIMIT] {
        return None;
    }
    let named = *target == address.octets();
    let claims = match *message.first()? {
        ADVERTISEMENT => named,
        SOLICITATION => *source == address.octets() || (named && *source == Ipv6Addr::UNSPECIFIED.octets()),
        _ => false,
    };
    let option = message.get(24..26).filter(|option| **option == TARGET_MAC).and(message.get(26..32));
    let option = option.and_then(|bytes| bytes.first_chunk());
    let option = option.filter(|_| message.first() == Some(&ADVERTISEMENT));
    claims.then_some(MacAddr::from(*option.unwrap_or(mac)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Ipv6Addr {
        "fd00:98::1:2".parse().unwrap()
    }

    fn mac() -> MacAddr {
        "02:42:0a:63:01:02".parse().unwrap()
    }

    #[test]
    fn a_user_and_a_prober_of_the_address_are_squatters() {
        assert_eq!(squatter(&advertisement(mac(), address()), address()), Some(mac()));
        assert_eq!(squatter(&solicitation(mac(), Ipv6Addr::UNSPECIFIED, address()), address()), Some(mac()));
    }

    #[test]
    fn who_only_asks_for_it_or_speaks_of_another_is_not() {
        let other = "fd00:98::2:2".parse().unwrap();
        assert_eq!(squatter(&advertisement(mac(), other), address()), None);
        let mut asks = solicitation(mac(), Ipv6Addr::UNSPECIFIED, address());
        asks[14 + 8] = 0xfe;
        assert_eq!(squatter(&asks, address()), None);
    }

    #[test]
    fn routed_and_short_packets_say_nothing() {
        let mut frame = advertisement(mac(), address());
        for length in 0..14 + 40 + 24 {
            assert_eq!(squatter(&frame[..length], address()), None);
        }
        frame[14 + 7] = 254;
        assert_eq!(squatter(&frame, address()), None);
    }

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // a message with its checksum in place sums up to all ones
        let frame = advertisement(mac(), address());
        let message = &frame[54..];
        assert_eq!(checksum(address(), ALL_NODES, message.len() as u16, message), 0);
    }
}
