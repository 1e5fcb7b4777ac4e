//! ICMP echo requests (ping), from the network namespace of the calling thread.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

/// Requests to send.
#[derive(Debug, Clone, Copy)]
pub struct Ping {
    /// Destination.
    pub to: IpAddr,
    /// Length of each IP packet in bytes, with its headers. IPv4 packets are not fragmented.
    pub length: usize,
    /// Number of packets.
    pub count: u16,
    /// Time between two packets.
    pub interval: Duration,
    /// How long to wait for answers after the last packet.
    pub timeout: Duration,
}

/// Result of a [`Ping`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Packets that were sent.
    pub sent: u16,
    /// Packets that were answered.
    pub received: u16,
    /// Time to the first answer.
    pub first: Option<Duration>,
}

/// IPv4 header without options (RFC 791).
const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
/// Type, code, checksum, identifier, sequence number (RFC 792, RFC 4443).
const ICMP_HEADER: usize = 8;
/// The largest packet that is received whole.
const BUFFER: usize = 65536;

/// Sends echo requests and counts the answers. Blocks until all are answered or the timeout is over.
///
/// # Errors
/// `CAP_NET_RAW` is missing, there is no route, or a packet is longer than the interface's MTU (`EMSGSIZE`).
pub fn ping(ping: &Ping) -> io::Result<Answers> {
    let identifier = u16::from_be_bytes([0x78, 0x64]) ^ (std::process::id() as u16) ^ (ping.length as u16);
    let mut socket = open(ping.to)?;
    let to = SocketAddr::new(ping.to, 0).into();
    let mut answers = Answers::default();
    let mut seen = vec![false; usize::from(ping.count)];
    let begun = Instant::now();
    for sequence in 0..ping.count {
        socket.send_to(&packet(ping, identifier, sequence), &to)?;
        answers.sent += 1;
        let last = sequence + 1 == ping.count;
        let until = Instant::now() + if last { ping.timeout } else { ping.interval };
        receive(&mut socket, ping.to, identifier, until, &mut |sequence| {
            if let Some(seen @ false) = seen.get_mut(usize::from(sequence)) {
                *seen = true;
                answers.received += 1;
                answers.first.get_or_insert_with(|| begun.elapsed());
            }
            answers.received == if last { ping.count } else { answers.sent }
        })?;
    }
    Ok(answers)
}

fn open(to: IpAddr) -> io::Result<Socket> {
    let (domain, protocol) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    if to.is_ipv4() {
        // our own header, for the flag that forbids fragments
        socket.set_header_included_v4(true)?;
    }
    Ok(socket)
}

/// Reads until `done` returns true for an answer, or the time is over.
fn receive(
    socket: &mut Socket,
    from: IpAddr,
    identifier: u16,
    until: Instant,
    done: &mut impl FnMut(u16) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let answer = buffer.get(..length).and_then(|bytes| sequence(from, bytes, identifier));
        if answer.is_some_and(&mut *done) {
            return Ok(());
        }
    }
}

fn packet(ping: &Ping, identifier: u16, sequence: u16) -> Vec<u8> {
    match ping.to {
        IpAddr::V4(to) => {
            let icmp = echo(8, ping.length.saturating_sub(V4_HEADER), identifier, sequence);
            [&header(to)[..], &checksummed(icmp)].concat()
        }
        // the kernel adds header and checksum (RFC 3542, 3.1)
        IpAddr::V6(_) => echo(128, ping.length.saturating_sub(V6_HEADER), identifier, sequence),
    }
}

/// The kernel adds total length, identification, source and checksum (raw(7)).
fn header(to: Ipv4Addr) -> [u8; V4_HEADER] {
    let [a, b, c, d] = to.octets();
    // version 4 and 5 words; don't fragment; 64 hops; ICMP
    [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 1, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

fn echo(kind: u8, length: usize, identifier: u16, sequence: u16) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.resize(length.max(ICMP_HEADER), 0x78);
    message
}

/// With the checksum of RFC 1071 in bytes 2 and 3, which are 0.
fn checksummed(mut message: Vec<u8>) -> Vec<u8> {
    let word = |pair: &[u8]| {
        let [high, low] = [pair.first(), pair.get(1)].map(|byte| byte.copied().unwrap_or_default());
        u32::from(u16::from_be_bytes([high, low]))
    };
    let mut sum: u32 = message.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let complement = !(sum as u16);
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&complement.to_be_bytes());
    }
    message
}

/// The sequence number of an echo reply with our identifier. An IPv4 socket receives the IP header too.
fn sequence(from: IpAddr, received: &[u8], identifier: u16) -> Option<u16> {
    let (reply, message) = match from {
        IpAddr::V4(v4) => {
            let source = received.get(12..16)?;
            let length = usize::from(received.first()? & 0x0f) * 4;
            (0, received.get(length..).filter(|_| source == v4.octets())?)
        }
        IpAddr::V6(_) => (129, received),
    };
    let (head, _) = message.split_first_chunk::<ICMP_HEADER>()?;
    let [kind, _, _, _, high, low, sequence @ ..] = *head;
    (kind == reply && [high, low] == identifier.to_be_bytes()).then(|| u16::from_be_bytes(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);

    fn ping_of(length: usize) -> Ping {
        Ping { to: TO.into(), length, count: 1, interval: Duration::ZERO, timeout: Duration::ZERO }
    }

    #[test]
    fn a_packet_has_the_asked_length_and_a_valid_checksum() {
        for length in [28, 57, 1500] {
            let packet = packet(&ping_of(length), 7, 3);
            assert_eq!(packet.len(), length);
            let sum: u32 = packet[20..]
                .chunks(2)
                .map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])))
                .sum();
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "RFC 1071: the sum of all words is -0");
        }
        assert_eq!(packet(&ping_of(0), 7, 3).len(), 28, "never shorter than its headers");
    }

    #[test]
    fn only_replies_to_our_requests_count() {
        let mut reply = packet(&ping_of(28), 7, 3);
        reply[12..16].copy_from_slice(&TO.octets());
        assert_eq!(sequence(TO.into(), &reply, 7), None, "a request");
        reply[20] = 0;
        assert_eq!(sequence(TO.into(), &reply, 7), Some(3));
        assert_eq!(sequence(TO.into(), &reply, 8), None, "another program's");
        assert_eq!(sequence("10.99.1.2".parse().unwrap(), &reply, 7), None, "of another machine");
        for length in 0..reply.len() {
            assert_eq!(sequence(TO.into(), &reply[..length], 7), None);
        }
    }
}
