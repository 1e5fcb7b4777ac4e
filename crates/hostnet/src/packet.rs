//! Ethernet frames in and out through one interface.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd as _;

use inventory::{IfName, MacAddr};
use nix::ifaddrs::getifaddrs;
use nix::libc::{ENETDOWN, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST};
use nix::sys::socket::{LinkAddr, MsgFlags, bind, recvfrom, sendmsg};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use thiserror::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::watch::watch;

/// Frames could not be sent or received.
#[derive(Debug, Error)]
pub enum PacketError {
    /// No such interface here.
    #[error("there is no interface {device} with an Ethernet address")]
    Missing {
        /// Its name.
        device: IfName,
    },
    /// It is switched off.
    #[error("the interface {device} is down: set it up first")]
    Down {
        /// Its name.
        device: IfName,
    },
    /// No packet socket.
    #[error("cannot open a packet socket on {device}")]
    Open {
        /// The interface.
        device: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A frame was not sent.
    #[error("cannot send a frame through {device}")]
    Send {
        /// The interface.
        device: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Frames can not be received.
    #[error("cannot receive frames on {device}")]
    Receive {
        /// The interface.
        device: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A packet socket on one interface, for one protocol.
#[derive(Debug)]
pub(crate) struct Wire {
    device: IfName,
    at: LinkAddr,
    socket: AsyncFd<Socket>,
}

impl Wire {
    /// Opens it; `filter` (classic BPF, offsets from the Ethernet header) says which frames are worth waking up for.
    pub(crate) fn open(device: &IfName, ethertype: u16, filter: &[SockFilter]) -> Result<Self, PacketError> {
        let failed = |source| PacketError::Open { device: device.clone(), source };
        let at = address(device).map_err(failed)?;
        let at = at.ok_or_else(|| PacketError::Missing { device: device.clone() })?;
        let socket = open(&at, ethertype, filter).map_err(failed)?;
        let socket = watch(socket).map_err(failed)?;
        Ok(Self { device: device.clone(), at, socket })
    }

    /// The interface's own Ethernet address.
    pub(crate) fn mac(&self) -> MacAddr {
        self.at.addr().unwrap_or_default().into()
    }

    /// Sends a whole Ethernet frame. A full queue is an error: the kernel takes a frame or does not, at once.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<(), PacketError> {
        let fd = self.socket.as_raw_fd();
        let sent = sendmsg(fd, &[IoSlice::new(frame)], &[], MsgFlags::empty(), Some(&self.at));
        sent.map(drop).map_err(|errno| match errno {
            nix::Error::ENETDOWN => PacketError::Down { device: self.device.clone() },
            _ => PacketError::Send { device: self.device.clone(), source: errno.into() },
        })
    }

    /// Waits for a frame that came in through the interface, to it or to all.
    pub(crate) async fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], PacketError> {
        loop {
            let received = self.socket.async_io(Interest::READABLE, |socket| {
                recvfrom::<LinkAddr>(socket.as_raw_fd(), buffer).map_err(io::Error::from)
            });
            let (length, from) = received.await.map_err(|source| self.receive_error(source))?;
            if from.is_some_and(|from| self.is_for_us(&from)) {
                return Ok(buffer.get(..length).unwrap_or_default());
            }
        }
    }

    /// Between socket() and bind() frames of other interfaces are queued too; and a frame of another VLAN, or of
    /// another host on a promiscuous interface, is marked as another host's (kernel `__netif_receive_skb_core`).
    fn is_for_us(&self, from: &LinkAddr) -> bool {
        let to_us = matches!(from.pkttype(), PACKET_HOST | PACKET_BROADCAST | PACKET_MULTICAST);
        to_us && from.ifindex() == self.at.ifindex()
    }

    fn receive_error(&self, source: io::Error) -> PacketError {
        let device = self.device.clone();
        match source.raw_os_error() {
            Some(ENETDOWN) => PacketError::Down { device },
            _ => PacketError::Receive { device, source },
        }
    }
}

fn open(at: &LinkAddr, ethertype: u16, filter: &[SockFilter]) -> io::Result<Socket> {
    let protocol = Protocol::from(i32::from(ethertype.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if !filter.is_empty() {
        socket.attach_filter(filter)?;
    }
    // the address's protocol is 0, which keeps the socket's (kernel `packet_do_bind`)
    bind(socket.as_raw_fd(), at)?;
    Ok(socket)
}

/// The packet address of an interface: index and Ethernet address.
fn address(device: &IfName) -> io::Result<Option<LinkAddr>> {
    let mut of_device = getifaddrs()?.filter(|entry| entry.interface_name == device.as_str());
    Ok(of_device.find_map(|entry| entry.address?.as_link_addr().copied()).filter(|at| at.halen() == 6))
}
