//! Sockets of a server.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use socket2::{Domain, Protocol, Socket, Type};

/// Checks that packets to an IPv4 address have a route. A loopback address has one if the loopback interface is up.
///
/// # Errors
/// There is no route.
pub fn require_route(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // sends nothing
    socket.connect(&address.into())
}

/// A UDP socket on an IPv4 address, with a receive buffer of this size. Without `CAP_NET_ADMIN` in its namespace the buffer is at most
/// `net.core.rmem_max`.
///
/// # Errors
/// The namespace does not have the address or it is in use, or the port needs privileges.
pub fn udp_socket(address: SocketAddr, receive_buffer: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if setsockopt(&socket, RcvBufForce, &receive_buffer).is_err() {
        // the kernel limits it and returns no error
        socket.set_recv_buffer_size(receive_buffer)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A listening TCP socket on an IPv4 address.
///
/// # Errors
/// The address is in use, or the port needs privileges.
pub fn tcp_listener(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // connections of an earlier socket may be in TIME_WAIT
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}
