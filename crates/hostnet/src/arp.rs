//! Address conflict detection for IPv4 (RFC 5227).

use std::net::Ipv4Addr;
use std::time::Duration;

use inventory::{IfName, MacAddr};

use crate::packet::{PacketError, PacketSocket, send_once};
use crate::probe::probe_link;

const ETHERTYPE: u16 = 0x0806;
const BROADCAST: [u8; 6] = [0xff; 6];
/// Hardware type Ethernet, protocol IPv4, address lengths 6 and 4 (RFC 826).
const HEADER: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;

/// Probes for an address on a bridge. Returns the MAC of the first machine that answers within the window, or `None`.
/// Answers from the MACs `ours` (the container's earlier ones) are ignored.
///
/// The source MAC is the bridge's, so that no switch learns the container's MAC before the address is known to be
/// free. The source IP address is unspecified, so that no neighbour cache changes (RFC 5227 2.1.1). This host's own
/// addresses do not answer: a bridge does not receive its own frames.
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn probe(
    bridge: &IfName,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let socket = PacketSocket::open(bridge, ETHERTYPE, []).await?;
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
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let mut socket = PacketSocket::open(end, ETHERTYPE, []).await?;
    socket.set_source_mac(source);
    probe_on(&socket, address, window, ours).await
}

/// Like [`probe`], but an ordinary request from an interface's own address: a container may not send probes for the
/// addresses of others.
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn resolve(
    device: &IfName,
    sender: Ipv4Addr,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let socket = PacketSocket::open(device, ETHERTYPE, []).await?;
    ask(&socket, sender, address, window, ours).await
}

async fn probe_on(
    socket: &PacketSocket,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    ask(socket, Ipv4Addr::UNSPECIFIED, address, window, ours).await
}

async fn ask(
    socket: &PacketSocket,
    sender: Ipv4Addr,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let own = socket.mac();
    let question = request(own, sender, address);
    probe_link(socket, &question, window, |frame| {
        squatter(frame, address).filter(|mac| *mac != own && !ours.contains(mac))
    })
    .await
}

/// Announces an address to the neighbours on a bridge (RFC 5227 2.3). Their caches are updated, and so are the
/// switches, because the source MAC of the frame is the container's.
///
/// # Errors
/// The interface does not exist, is down, or `CAP_NET_RAW` is missing.
pub async fn announce(bridge: &IfName, address: Ipv4Addr, mac: MacAddr) -> Result<(), PacketError> {
    send_once(bridge, announcement(address, mac)).await
}

/// The frame of [`announce`].
pub(crate) fn announcement(address: Ipv4Addr, mac: MacAddr) -> Vec<u8> {
    request(mac, address, address)
}

/// A broadcast request of `sender` for `target`. RFC 5227 uses requests for announcements too: some hosts ignore
/// replies that they did not ask for.
fn request(mac: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mac = mac.octets();
    let mut frame = Vec::with_capacity(42);
    frame.extend(BROADCAST);
    frame.extend(mac);
    frame.extend(ETHERTYPE.to_be_bytes());
    frame.extend(HEADER);
    frame.extend(REQUEST.to_be_bytes());
    frame.extend(mac);
    frame.extend(sender.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

/// The MAC of a machine that uses or claims the address according to a frame (RFC 5227 2.1.1): the sender of an ARP
/// packet from the address, or of a probe for it.
fn squatter(frame: &[u8], address: Ipv4Addr) -> Option<MacAddr> {
    let arp = frame.get(14..42)?;
    let (header, rest) = arp.split_first_chunk::<6>()?;
    let (operation, rest) = rest.split_first_chunk::<2>()?;
    let (sender_mac, rest) = rest.split_first_chunk::<6>()?;
    let (sender, rest) = rest.split_first_chunk::<4>()?;
    let target: &[u8; 4] = rest.last_chunk()?;
    let uses = *sender == address.octets();
    let probes = u16::from_be_bytes(*operation) == REQUEST
        && *sender == Ipv4Addr::UNSPECIFIED.octets()
        && *target == address.octets();
    (*header == HEADER && (uses || probes)).then_some(MacAddr::from(*sender_mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);

    fn mac() -> MacAddr {
        "02:42:0a:63:01:02".parse().unwrap()
    }

    #[test]
    fn a_user_and_a_prober_of_the_address_are_squatters() {
        let other = Ipv4Addr::new(10, 99, 9, 9);
        assert_eq!(squatter(&request(mac(), ADDRESS, other), ADDRESS), Some(mac()));
        assert_eq!(squatter(&request(mac(), ADDRESS, ADDRESS), ADDRESS), Some(mac()));
        assert_eq!(squatter(&request(mac(), Ipv4Addr::UNSPECIFIED, ADDRESS), ADDRESS), Some(mac()));
    }

    #[test]
    fn who_only_asks_for_it_or_speaks_of_another_is_not() {
        let other = Ipv4Addr::new(10, 99, 9, 9);
        assert_eq!(squatter(&request(mac(), other, ADDRESS), ADDRESS), None);
        assert_eq!(squatter(&request(mac(), Ipv4Addr::UNSPECIFIED, other), ADDRESS), None);
    }

    #[test]
    fn short_and_foreign_frames_say_nothing() {
        let frame = request(mac(), ADDRESS, ADDRESS);
        for length in 0..frame.len() {
            assert_eq!(squatter(&frame[..length], ADDRESS), None);
        }
        let mut foreign = frame;
        foreign[14] = 9;
        assert_eq!(squatter(&foreign, ADDRESS), None);
    }
}
