//! Sends and receives Ethernet frames on one interface.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd as _;

use inventory::{IfName, MacAddr};
use nix::ifaddrs::getifaddrs;
use nix::libc::{ENETDOWN, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST};
use nix::sys::socket::{LinkAddr, MsgFlags, recvfrom, sendmsg};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use thiserror::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

use crate::watch::watch;

/// Classic BPF: `ld [k]`.
pub(crate) const LOAD_WORD: u16 = 0x20;
/// Classic BPF: `ldb [k]`.
pub(crate) const LOAD_BYTE: u16 = 0x30;
/// Classic BPF: `jeq #k, jt, jf`.
pub(crate) const JUMP_EQUAL: u16 = 0x15;
/// Classic BPF: `ret #k`; all of the frame, or nothing.
const ACCEPT: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
pub(crate) const DROP: SockFilter = SockFilter::new(RETURN, 0, 0, 0);
const RETURN: u16 = 0x06;
/// `SKF_AD_OFF + SKF_AD_IFINDEX` of linux/filter.h.
const INCOMING_INTERFACE: u32 = 0xffff_f000 + 8;

/// Frames could not be sent or received.
#[derive(Debug, Error)]
pub enum PacketError {
    /// The interface does not exist, or has no MAC.
    #[error("interface {device} does not exist or has no MAC address")]
    Missing {
        /// Its name.
        device: IfName,
    },
    /// The interface is down.
    #[error("interface {device} is down: ip link set {device} up")]
    Down {
        /// Its name.
        device: IfName,
    },
    /// The packet socket could not be opened.
    #[error("cannot open a packet socket on {device}")]
    Open {
        /// The interface.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A frame was not sent.
    #[error("cannot send a frame through {device}")]
    Send {
        /// The interface.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Frames cannot be received.
    #[error("cannot receive frames on {device}")]
    Receive {
        /// The interface.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Sends one complete Ethernet frame through an interface.
pub(crate) async fn send_once(device: &IfName, frame: Vec<u8>) -> Result<(), PacketError> {
    on_blocking_thread(device, move |device| {
        let port = Port::find(device)?;
        // protocol 0: the socket receives nothing
        port.send(&port.socket(0)?, &frame)
    })
    .await
}

/// Runs on another thread what takes the kernel long: listing all interfaces, and closing a packet socket, for which
/// it waits for all CPUs (`packet_release`, `synchronize_net`). That takes 15 ms and more, and would block a
/// single-threaded daemon.
async fn on_blocking_thread<T: Send + 'static>(
    device: &IfName,
    work: impl FnOnce(&IfName) -> Result<T, PacketError> + Send + 'static,
) -> Result<T, PacketError> {
    let name = device.clone();
    let done = tokio::task::spawn_blocking(move || work(&name)).await;
    done.unwrap_or_else(|error| Err(PacketError::Open { device: device.clone(), source: error.into() }))
}

/// A packet socket that receives one protocol on one interface.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    port: Port,
    /// The source MAC of probes.
    source_mac: MacAddr,
    /// `None` only during drop.
    socket: Option<AsyncFd<Socket>>,
}

impl PacketSocket {
    /// Opens the socket. `filter` (classic BPF, offsets from the Ethernet header; empty: all frames) selects the
    /// frames to receive.
    pub(crate) async fn open(
        device: &IfName,
        ethertype: u16,
        filter: impl IntoIterator<Item = SockFilter>,
    ) -> Result<Self, PacketError> {
        let open = move |device: &IfName| {
            let port = Port::find(device)?;
            port.socket(ethertype).map(|socket| (port, socket))
        };
        let (port, socket) = on_blocking_thread(device, open).await?;
        let filter: Vec<_> = port.only_here().into_iter().chain(filter).chain([ACCEPT]).collect();
        let failed = |source| PacketError::Open { device: device.clone(), source };
        socket.attach_filter(&filter).map_err(failed)?;
        let socket = watch(socket).map_err(failed)?;
        let source_mac = port.at.addr().unwrap_or_default().into();
        Ok(Self { port, source_mac, socket: Some(socket) })
    }

    /// Uses another MAC than the interface's. Frames to this MAC are received too.
    pub(crate) fn set_source_mac(&mut self, mac: MacAddr) {
        self.source_mac = mac;
    }

    /// The source MAC of probes.
    pub(crate) fn mac(&self) -> MacAddr {
        self.source_mac
    }

    /// Sends a complete Ethernet frame. A full queue is an error: the kernel accepts or rejects a frame at once.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<(), PacketError> {
        self.port.send(self.socket()?.get_ref(), frame)
    }

    /// Waits for a frame to this interface's MAC, the source MAC, or a group.
    pub(crate) async fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], PacketError> {
        let socket = self.socket()?;
        loop {
            let received = socket.async_io(Interest::READABLE, |socket| {
                recvfrom::<LinkAddr>(socket.as_raw_fd(), buffer).map_err(io::Error::from)
            });
            let (length, from) = received.await.map_err(|source| self.port.receive_error(source))?;
            let to_source = buffer.get(..6) == Some(&self.source_mac.octets()[..]);
            if from.is_some_and(|from| self.port.is_for_us(&from, to_source)) {
                return Ok(buffer.get(..length).unwrap_or_default());
            }
        }
    }

    fn socket(&self) -> Result<&AsyncFd<Socket>, PacketError> {
        self.socket.as_ref().ok_or_else(|| self.port.receive_error(io::ErrorKind::NotConnected.into()))
    }
}

impl Drop for PacketSocket {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let socket = socket.into_inner();
            // see `on_blocking_thread`; without a runtime it is closed here
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn_blocking(move || drop(socket));
            }
        }
    }
}

/// An interface as the address of packet sockets.
#[derive(Debug)]
struct Port {
    device: IfName,
    at: LinkAddr,
}

impl Port {
    fn find(device: &IfName) -> Result<Self, PacketError> {
        let listed = getifaddrs()
            .map_err(|errno| PacketError::Open { device: device.clone(), source: errno.into() })?;
        let mut of_device = listed.filter(|entry| entry.interface_name == device.as_str());
        let at = of_device.find_map(|entry| entry.address?.as_link_addr().copied());
        match at.filter(|at| at.halen() == 6) {
            Some(at) => Ok(Self { device: device.clone(), at }),
            None => Err(PacketError::Missing { device: device.clone() }),
        }
    }

    /// The socket is not bound to the interface, which would cost another `synchronize_net` (`packet_do_bind`). The
    /// filter does the same.
    fn socket(&self, ethertype: u16) -> Result<Socket, PacketError> {
        let failed = |source| PacketError::Open { device: self.device.clone(), source };
        let protocol = Some(Protocol::from(i32::from(ethertype.to_be())));
        let socket = Socket::new(Domain::PACKET, Type::RAW, protocol).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(socket)
    }

    /// The start of a filter: drops frames from other interfaces.
    fn only_here(&self) -> [SockFilter; 3] {
        let index = u32::try_from(self.at.ifindex()).unwrap_or_default();
        [SockFilter::new(LOAD_WORD, 0, 0, INCOMING_INTERFACE), SockFilter::new(JUMP_EQUAL, 1, 0, index), DROP]
    }

    fn send(&self, socket: &Socket, frame: &[u8]) -> Result<(), PacketError> {
        let parts = [IoSlice::new(frame)];
        let sent = sendmsg(socket.as_raw_fd(), &parts, &[], MsgFlags::empty(), Some(&self.at));
        sent.map(drop).map_err(|errno| match errno {
            nix::Error::ENETDOWN => PacketError::Down { device: self.device.clone() },
            _ => PacketError::Send { device: self.device.clone(), source: errno.into() },
        })
    }

    /// Before the filter is attached, frames of other interfaces are queued too. A frame of another VLAN, or to
    /// another host on a promiscuous interface, is marked as another host's (kernel `__netif_receive_skb_core`). A
    /// frame to our source MAC is for us, even if the interface has another MAC.
    fn is_for_us(&self, from: &LinkAddr, to_source: bool) -> bool {
        let to_us = match from.pkttype() {
            PACKET_HOST | PACKET_BROADCAST | PACKET_MULTICAST => true,
            PACKET_OTHERHOST => to_source,
            _ => false,
        };
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
