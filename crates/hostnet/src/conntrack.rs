//! Connections that the kernel tracks (`nf_conntrack`), read and deleted over netlink (linux/netfilter/nfnetlink_conntrack.h).
//!
//! An entry decides where the packets of a UDP client go until it expires, which never happens while the client sends.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::libc::{AF_INET, AF_INET6, AF_NETLINK, AF_UNSPEC, ENOENT, NETLINK_NETFILTER};
use nix::sys::socket::{MsgFlags, recv, send};
use socket2::{Domain, Protocol, Socket, Type};

/// Messages of conntrack: `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_*`.
const NEW: u16 = 0x0100;
const GET: u16 = 0x0101;
const DELETE: u16 = 0x0102;
/// Messages and flags of netlink.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP: u16 = 0x300;

/// Attributes: `CTA_*`.
const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const ID: u16 = 12;
const ZONE: u16 = 18;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
const SOURCE_V4: u16 = 1;
const DESTINATION_V4: u16 = 2;
const SOURCE_V6: u16 = 3;
const DESTINATION_V6: u16 = 4;
const PROTOCOL: u16 = 1;
const SOURCE_PORT: u16 = 2;
const DESTINATION_PORT: u16 = 3;
const TYPE_MASK: u16 = 0x3fff;

const UDP: u8 = 17;
/// Heads of a netlink message, and with that of nfnetlink.
const HEAD: usize = 16;
const FULL_HEAD: usize = HEAD + 4;

/// Time limit for an answer of the kernel.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The kernel sends at most 32 KiB at once.
const BUFFER: usize = 64 * 1024;

/// A UDP flow outside of zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpFlow {
    /// Where the client sends to.
    pub to: SocketAddr,
    /// Who gets the packets, after address translation.
    pub served_by: SocketAddr,
    /// The attributes that name the entry.
    key: Vec<u8>,
}

/// Deletes UDP flows. The next packet of a client goes where the rules lead it then. Returns how many there were.
///
/// # Errors
/// The kernel did not answer, or has no conntrack over netlink.
pub fn forget_udp(is_stale: impl Fn(&UdpFlow) -> bool) -> io::Result<usize> {
    let socket =
        Socket::new(Domain::from(AF_NETLINK), Type::RAW.cloexec(), Some(Protocol::from(NETLINK_NETFILTER)))?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let mut stale = Vec::new();
    exchange(&socket, &request(GET, REQUEST | DUMP, AF_UNSPEC, &[]), |message| {
        stale.extend(flow(message).filter(|flow| is_stale(flow)));
    })?;
    for flow in &stale {
        let family = if flow.to.is_ipv4() { AF_INET } else { AF_INET6 };
        match exchange(&socket, &request(DELETE, REQUEST | ACKNOWLEDGE, family, &flow.key), |_| {}) {
            // it expired
            Err(error) if error.raw_os_error() == Some(ENOENT) => {}
            done => done?,
        }
    }
    Ok(stale.len())
}

fn request(kind: u16, flags: u16, family: i32, attributes: &[u8]) -> Vec<u8> {
    let mut request = u32::try_from(FULL_HEAD + attributes.len()).unwrap_or(u32::MAX).to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    // sequence number and sender; then the family, version 0, no resource
    request.extend([0; 8]);
    request.extend([u8::try_from(family).unwrap_or_default(), 0, 0, 0]);
    request.extend(attributes);
    request
}

/// Sends a request and reads the answers until the last one.
fn exchange(socket: &Socket, request: &[u8], mut answer: impl FnMut(&[u8])) -> io::Result<()> {
    send(socket.as_raw_fd(), request, MsgFlags::empty())?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let received = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = buffer.get(..received).unwrap_or_default();
        while let (Some(length), Some(kind)) = (number(rest, 0), half(rest, 4)) {
            let length = usize::try_from(length).unwrap_or(usize::MAX).max(HEAD);
            let message = rest.get(..length).unwrap_or(rest);
            match kind {
                DONE => return Ok(()),
                ERROR => return error(message),
                NEW => answer(message.get(FULL_HEAD..).unwrap_or_default()),
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// Code 0 is an acknowledgement.
fn error(message: &[u8]) -> io::Result<()> {
    match number(message, HEAD).map(u32::cast_signed) {
        Some(0) => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.unwrap_or_default().saturating_neg())),
    }
}

/// `None`: another protocol, or a flow of a zone.
fn flow(message: &[u8]) -> Option<UdpFlow> {
    if attribute(message, ZONE).is_some() {
        return None;
    }
    let (original, reply) = (attribute(message, ORIGINAL)?, attribute(message, REPLY)?);
    let protocol = attribute(attribute(original, TUPLE_PROTOCOL)?, PROTOCOL)?;
    let key = attributes(message).filter(|(kind, ..)| [ORIGINAL, ID].contains(kind));
    (protocol == [UDP]).then_some(())?;
    Some(UdpFlow {
        to: end(original, [DESTINATION_V4, DESTINATION_V6], DESTINATION_PORT)?,
        served_by: end(reply, [SOURCE_V4, SOURCE_V6], SOURCE_PORT)?,
        key: key.flat_map(|(_, _, whole)| whole.iter().copied()).collect(),
    })
}

/// One end of a tuple.
fn end(tuple: &[u8], [v4, v6]: [u16; 2], port: u16) -> Option<SocketAddr> {
    let (ip, protocol) = (attribute(tuple, TUPLE_IP)?, attribute(tuple, TUPLE_PROTOCOL)?);
    let port = u16::from_be_bytes(*attribute(protocol, port)?.first_chunk()?);
    let v4 = || Some(Ipv4Addr::from(*attribute(ip, v4)?.first_chunk::<4>()?).into());
    let v6 = || Some(Ipv6Addr::from(*attribute(ip, v6)?.first_chunk::<16>()?).into());
    let address: IpAddr = v4().or_else(v6)?;
    Some(SocketAddr::new(address, port))
}

fn attribute(from: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(from).find(|(kind, ..)| *kind == wanted).map(|(_, content, _)| content)
}

/// Type, content, and the whole with its padding.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8], &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(rest, 0)?);
        let kind = half(rest, 2)? & TYPE_MASK;
        let content = rest.get(4..length)?;
        let whole = rest.get(..length.next_multiple_of(4)).unwrap_or(rest);
        rest = rest.get(whole.len()..).unwrap_or_default();
        Some((kind, content, whole))
    })
}

fn number(from: &[u8], at: usize) -> Option<u32> {
    from.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn half(from: &[u8], at: usize) -> Option<u16> {
    from.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}
