//! Reserves ports of the host: as long as netd holds a socket, no process of the host can bind the port.
//!
//! A process that already uses the port is found in the same system call, so there is no moment in between. The socket
//! receives nothing while the rules are in place, since DNAT comes before it. It does not listen, so a client that
//! comes while the rules are missing is refused, as by a host without the service.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use inventory::{Protocol, PublishedPort};
use nix::libc::{EADDRINUSE, IPPROTO_SCTP};
use socket2::{Domain, Socket, Type};
use thiserror::Error;

use super::has_family;
use crate::firewall::Family;

/// The sockets of one published port. Dropping them releases the port.
#[derive(Debug)]
pub struct Reservation(#[expect(dead_code, reason = "held, never used")] Vec<Socket>);

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
    let mut sockets = Vec::new();
    for family in families.iter().filter(|family| has_family(port, **family)) {
        match bound(port, *family) {
            Ok(socket) => sockets.extend(socket),
            Err(error) if error.raw_os_error() == Some(EADDRINUSE) => return Err(ReserveError::InUse(*port)),
            Err(source) => return Err(ReserveError::Refused { port: *port, source }),
        }
    }
    Ok(Reservation(sockets))
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
