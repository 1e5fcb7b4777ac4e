//! Being told that something changed, without being told what: whoever hears of a change looks again.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::libc::{AF_NETLINK, NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, recv};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::watch::watch;

/// `RTNLGRP_LINK` of linux/rtnetlink.h: interfaces made, changed, deleted, moved away.
const LINK_GROUP: u32 = 1;

/// `NFNLGRP_NFTABLES` of linux/netfilter/nfnetlink.h: every commit to nf_tables, so also what `iptables` of the nft
/// variant does, `nft flush ruleset`, a reload of firewalld. (The legacy variant of iptables tells nobody.)
const NFTABLES_GROUP: u32 = 7;

/// Enough for the burst of a dozen commits; what does not fit is told as an overflow, which reads the same.
const BUFFER: usize = 64 * 1024;

/// What may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Interfaces.
    Links,
    /// The packet filter.
    Firewall,
}

/// The kernel's notifications could not be had.
#[derive(Debug, Error)]
pub enum EventsError {
    /// No socket, or not permitted.
    #[error("cannot subscribe to the kernel's notifications of {what}")]
    Subscribe {
        /// Interfaces, or the packet filter.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket failed.
    #[error("cannot read the kernel's notifications of {what}")]
    Read {
        /// Interfaces, or the packet filter.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The changes of one network namespace from when this was opened on.
#[derive(Debug)]
pub struct Events {
    links: Subscription,
    firewall: Subscription,
}

impl Events {
    /// Subscribes, for the network namespace of the calling thread. What changes from now on is told, so look once
    /// after this.
    ///
    /// # Errors
    /// No socket, or not permitted (the packet filter's notifications need `CAP_NET_ADMIN`).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open() -> Result<Self, EventsError> {
        Ok(Self {
            links: Subscription::open("interfaces", NETLINK_ROUTE, LINK_GROUP)?,
            firewall: Subscription::open("the packet filter", NETLINK_NETFILTER, NFTABLES_GROUP)?,
        })
    }

    /// Waits for a change. All that is queued of one sort is one change, and so is a queue that overflowed. Nothing
    /// is lost when the future is dropped.
    ///
    /// # Errors
    /// A socket failed: look at everything, and open anew.
    pub async fn next(&mut self) -> Result<Change, EventsError> {
        tokio::select! {
            told = self.links.drained() => told.map(|()| Change::Links),
            told = self.firewall.drained() => told.map(|()| Change::Firewall),
        }
    }
}

#[derive(Debug)]
struct Subscription {
    what: &'static str,
    socket: AsyncFd<Socket>,
}

impl Subscription {
    fn open(what: &'static str, protocol: i32, group: u32) -> Result<Self, EventsError> {
        let socket = subscribe(protocol, group);
        socket.map(|socket| Self { what, socket }).map_err(|source| EventsError::Subscribe { what, source })
    }

    /// Waits until there is something, and takes all of it.
    async fn drained(&self) -> Result<(), EventsError> {
        let drained = self.socket.async_io(Interest::READABLE, drain).await;
        drained.map_err(|source| EventsError::Read { what: self.what, source })
    }
}

fn subscribe(protocol: i32, group: u32) -> io::Result<AsyncFd<Socket>> {
    let socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(Protocol::from(protocol)))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1 << (group - 1)))?;
    watch(socket)
}

/// Reads to the end of the queue; "would block" when there was nothing at all.
fn drain(socket: &Socket) -> io::Result<()> {
    let mut any = false;
    // the content does not matter, so what does not fit may be cut off
    let mut scrap = [0_u8; 64];
    loop {
        match recv(socket.as_raw_fd(), &mut scrap, MsgFlags::empty()) {
            Ok(_) | Err(nix::Error::ENOBUFS) => any = true,
            Err(nix::Error::EAGAIN) if any => return Ok(()),
            Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
