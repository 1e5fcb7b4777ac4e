//! Sockets of families that tokio does not support, registered with its reactor.

use std::io;

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a non-blocking socket for reading.
#[allow(
    deprecated,
    reason = "tokio 1.54 offers only an unsafe constructor beside it, whose condition (the descriptor stays open, \
              and the same) a socket that the AsyncFd owns fulfils"
)]
pub(crate) fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}
