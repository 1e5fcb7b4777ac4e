//! Reserves ports of the host: as long as netd holds a socket, no process of the host can bind the port.
//!
//! A process that already uses the port is found in the same system call, so there is no moment in between. The socket
//! receives nothing while the rules are in place, since DNAT comes before it. It does not listen, so a client that
//! comes while the rules are missing is refused, as by a host without the service.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use inventory::{Protocol, PublishedPort};
use nix::libc::{EADDRINUSE, IPPROTO_SCTP};
use socket2::{Domain, Socket, Type};
use thiserror::Error;

use super::has_family;
use crate::firewall::Family;

/// The sockets of one published port. Dropping them releases the port.
#[derive(Debug)]
pub struct Reservation {
    port: PublishedPort,
    sockets: Vec<(Family, Socket)>,
}

/// How often a released port is tested, and the time between two tests. An exec takes less than a millisecond.
const RELEASE_TESTS: usize = 50;
const RELEASE_INTERVAL: Duration = Duration::from_millis(1);

impl Drop for Reservation {
    /// The port is free afterwards: the next container may start with it at once. A program that netd starts has copies
    /// of the sockets until its exec has closed them.
    fn drop(&mut self) {
        process::between_starts(|| {
            let families: Vec<Family> = self.sockets.drain(..).map(|(family, _)| family).collect();
            for _ in 0..RELEASE_TESTS {
                if families.iter().all(|family| bound(&self.port, *family).is_ok()) {
                    return;
                }
                thread::sleep(RELEASE_INTERVAL);
            }
        });
    }
}

/// A port was not reserved.
#[derive(Debug, Error)]
pub enum ReserveError {
    /// A process of the host uses it.
    #[error("port {}/{} is in use by a process of this host", .0.host, .0.protocol)]
    InUse(PublishedPort),
    /// The kernel refused for another reason.
    #[error("cannot reserve port {}/{}", port.host, port.protocol)]
    Refused {
        /// The port.
        port: PublishedPort,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Reserves a port at its addresses of these families. An address that the host does not have (yet) is no error, and
/// neither is a protocol or family that the kernel does not have: then no process can use the port either.
///
/// # Errors
/// A process uses the port, or the kernel refused.
pub fn reserve(port: &PublishedPort, families: &[Family]) -> Result<Reservation, ReserveError> {
    let mut reservation = Reservation { port: *port, sockets: Vec::new() };
    for family in families.iter().filter(|family| has_family(port, **family)) {
        match bound(port, *family) {
            Ok(socket) => reservation.sockets.extend(socket.map(|socket| (*family, socket))),
            Err(error) if error.raw_os_error() == Some(EADDRINUSE) => return Err(ReserveError::InUse(*port)),
            Err(source) => return Err(ReserveError::Refused { port: *port, source }),
        }
    }
    Ok(reservation)
}

/// `None`: the kernel does not have the protocol or the family.
fn bound(port: &PublishedPort, family: Family) -> io::Result<Option<Socket>> {
    match bind(port, family, false) {
        // connections of a process that ended are in the way for a minute; one that still listens is an error again
        Err(error) if error.raw_os_error() == Some(EADDRINUSE) && port.protocol == Protocol::Tcp => {
            bind(port, family, true)
        }
        done => done,
    }
}

fn bind(port: &PublishedPort, family: Family, reuse: bool) -> io::Result<Option<Socket>> {
    let (domain, any) = match family {
        Family::V4 => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        Family::V6 => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let (kind, protocol) = match port.protocol {
        Protocol::Tcp => (Type::STREAM, socket2::Protocol::TCP),
        Protocol::Udp => (Type::DGRAM, socket2::Protocol::UDP),
        Protocol::Sctp => (Type::STREAM, socket2::Protocol::from(IPPROTO_SCTP)),
    };
    let socket = match Socket::new(domain, kind, Some(protocol)) {
        Ok(socket) => socket,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(error) if is_unsupported(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if family == Family::V6 {
        socket.set_only_v6(true)?;
        socket.set_freebind_v6(true)?;
    } else {
        socket.set_freebind_v4(true)?;
    }
    if reuse {
        socket.set_reuse_address(true)?;
    }
    if port.protocol == Protocol::Udp {
        // what comes while the rules are missing is dropped soon
        socket.set_recv_buffer_size(0)?;
    }
    socket.bind(&SocketAddr::new(port.address.unwrap_or(any), port.host).into())?;
    Ok(Some(socket))
}

fn is_unsupported(error: &io::Error) -> bool {
    use nix::libc::{EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT};
    matches!(error.raw_os_error(), Some(EAFNOSUPPORT | EPROTONOSUPPORT | ESOCKTNOSUPPORT))
}
