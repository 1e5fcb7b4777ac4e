//! Notifications that something changed, without details: the receiver observes the host again.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::libc::{AF_NETLINK, NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, recv};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::watch::watch;

/// `RTNLGRP_LINK` of linux/rtnetlink.h: interfaces created, changed, deleted, moved.
const LINK_GROUP: u32 = 1;

/// `RTNLGRP_TC`: queueing disciplines and filters of interfaces.
const TRAFFIC_CONTROL_GROUP: u32 = 4;

/// `RTNLGRP_IPV4_IFADDR`, `RTNLGRP_IPV4_ROUTE`, `RTNLGRP_IPV6_IFADDR` and `RTNLGRP_IPV6_ROUTE` of linux/rtnetlink.h.
const ADDRESS_AND_ROUTE_GROUPS: [u32; 4] = [5, 7, 9, 11];

/// `NFNLGRP_NFTABLES` of linux/netfilter/nfnetlink.h: each commit to nf_tables, also by `iptables-nft`, `nft flush
/// ruleset` or a reload of firewalld. (`iptables-legacy` causes no notification.)
const NFTABLES_GROUP: u32 = 7;

/// Sufficient for a dozen commits; an overflow counts as a notification too.
const BUFFER: usize = 64 * 1024;

/// The part of the host that may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Interfaces.
    Links,
    /// Filters of interfaces.
    Filters,
    /// The packet filter.
    Firewall,
}

/// Notifications are not available.
#[derive(Debug, Error)]
pub enum EventsError {
    /// The subscription failed.
    #[error("cannot subscribe to the kernel's notifications of {what}")]
    Subscribe {
        /// Interfaces, their filters, or the packet filter.
        what: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The socket failed.
    #[error("cannot read the kernel's notifications of {what}")]
    Read {
        /// Interfaces, their filters, or the packet filter.
        what: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Notifications of one network namespace.
#[derive(Debug)]
pub struct Events {
    links: Subscription,
    filters: Subscription,
    firewall: Subscription,
}

impl Events {
    /// Subscribes in the network namespace of the calling thread. Observe the host once after this.
    ///
    /// # Errors
    /// No socket, or no permission (notifications of the packet filter need `CAP_NET_ADMIN`).
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub fn open() -> Result<Self, EventsError> {
        Ok(Self {
            links: Subscription::open("interfaces", NETLINK_ROUTE, &[LINK_GROUP])?,
            filters: Subscription::open("filters of interfaces", NETLINK_ROUTE, &[TRAFFIC_CONTROL_GROUP])?,
            firewall: Subscription::open("the packet filter", NETLINK_NETFILTER, &[NFTABLES_GROUP])?,
        })
    }

    /// Waits for a change. All queued notifications of one kind, or an overflow, are one change. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    /// A socket failed: observe everything, and subscribe again.
    pub async fn next(&mut self) -> Result<Change, EventsError> {
        tokio::select! {
            changed = self.links.drained() => changed.map(|()| Change::Links),
            changed = self.filters.drained() => changed.map(|()| Change::Filters),
            changed = self.firewall.drained() => changed.map(|()| Change::Firewall),
        }
    }
}

/// Notifications of interfaces, addresses and routes of one network namespace.
#[derive(Debug)]
pub struct NetworkEvents(Subscription);

impl NetworkEvents {
    /// Subscribes in the network namespace of the calling thread. Needs no capability. Observe the host once after this.
    ///
    /// # Errors
    /// No socket.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub fn open() -> Result<Self, EventsError> {
        let groups: Vec<u32> = [LINK_GROUP].into_iter().chain(ADDRESS_AND_ROUTE_GROUPS).collect();
        Subscription::open("interfaces, addresses and routes", NETLINK_ROUTE, &groups).map(Self)
    }

    /// Waits for a change. All queued notifications, or an overflow, are one change. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The socket failed: observe everything, and subscribe again.
    pub async fn changed(&mut self) -> Result<(), EventsError> {
        self.0.drained().await
    }
}

#[derive(Debug)]
struct Subscription {
    what: &'static str,
    socket: AsyncFd<Socket>,
}

impl Subscription {
    fn open(what: &'static str, protocol: i32, groups: &[u32]) -> Result<Self, EventsError> {
        let socket = subscribe(protocol, groups);
        socket.map(|socket| Self { what, socket }).map_err(|source| EventsError::Subscribe { what, source })
    }

    /// Waits for notifications and reads all of them.
    async fn drained(&self) -> Result<(), EventsError> {
        let drained = self.socket.async_io(Interest::READABLE, drain).await;
        drained.map_err(|source| EventsError::Read { what: self.what, source })
    }
}

fn subscribe(protocol: i32, groups: &[u32]) -> io::Result<AsyncFd<Socket>> {
    let socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(Protocol::from(protocol)))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER)?;
    let mask = groups.iter().fold(0, |mask, group| mask | 1 << (group - 1));
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, mask))?;
    watch(socket)
}

/// Reads until the queue is empty; `WouldBlock` if it was empty.
fn drain(socket: &Socket) -> io::Result<()> {
    let mut any = false;
    // the content does not matter, so it may be truncated
    let mut scratch = [0_u8; 64];
    loop {
        match recv(socket.as_raw_fd(), &mut scratch, MsgFlags::empty()) {
            Ok(_) | Err(nix::Error::ENOBUFS) => any = true,
            Err(nix::Error::EAGAIN) if any => return Ok(()),
            Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
