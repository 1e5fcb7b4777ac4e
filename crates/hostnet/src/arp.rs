//! Address conflict detection for IPv4 (RFC 5227).

use std::net::Ipv4Addr;
use std::time::Duration;

use inventory::{IfName, MacAddr};

use crate::packet::{PacketError, Wire, send_once};
use crate::probe::ask;

const ETHERTYPE: u16 = 0x0806;
const BROADCAST: [u8; 6] = [0xff; 6];
/// Ethernet, IPv4, 6 and 4 bytes of address (RFC 826).
const HEADER: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;

/// Asks on a bridge who has an address, and returns the Ethernet address of the first that says so within the window,
/// `None` where nobody does. Addresses of `ours` (the container's own, from before) are nobody.
///
/// The probe comes from the bridge's own Ethernet address, so that no switch learns the container's before the address
/// is known to be free, and from no IP address, so that no neighbour's cache is touched (RFC 5227 2.1.1). This host's
/// own addresses do not answer: a bridge does not hear itself.
///
/// # Errors
/// No such interface, it is down, or no permission (`CAP_NET_RAW`).
pub async fn probe(
    bridge: &IfName,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let wire = Wire::open(bridge, ETHERTYPE, []).await?;
    probe_on(&wire, address, window, ours).await
}

/// The same through a container's end that is still on the host, from an address that is neither its own nor anybody's.
/// On a switch with VLANs this is the only place that is in the container's.
///
/// # Errors
/// No such interface, it is down, or no permission (`CAP_NET_RAW`).
pub async fn probe_as(
    end: &IfName,
    source: MacAddr,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let mut wire = Wire::open(end, ETHERTYPE, []).await?;
    wire.speak_as(source);
    probe_on(&wire, address, window, ours).await
}

async fn probe_on(
    wire: &Wire,
    address: Ipv4Addr,
    window: Duration,
    ours: &[MacAddr],
) -> Result<Option<MacAddr>, PacketError> {
    let own = wire.mac();
    let question = request(own, Ipv4Addr::UNSPECIFIED, address);
    ask(wire, &question, window, |frame| {
        squatter(frame, address).filter(|mac| *mac != own && !ours.contains(mac))
    })
    .await
}

/// Tells the neighbours on a bridge that an address is now at this Ethernet address (RFC 5227 2.3): their caches take
/// it, and so do the switches on the way, since the frame's source is the container's and not the bridge's.
///
/// # Errors
/// No such interface, it is down, or no permission (`CAP_NET_RAW`).
pub async fn announce(bridge: &IfName, address: Ipv4Addr, mac: MacAddr) -> Result<(), PacketError> {
    send_once(bridge, announcement(address, mac)).await
}

/// The frame of [`announce`].
pub(crate) fn announcement(address: Ipv4Addr, mac: MacAddr) -> Vec<u8> {
    request(mac, address, address)
}

/// A broadcast request of `sender` for `target`. RFC 5227 wants requests also for announcements: some hosts do not
/// look at replies that they did not ask for.
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

/// Who a frame says has, or is about to take, the address (RFC 5227 2.1.1): the sender of any ARP packet from it, or
/// the sender of a probe for it.
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
