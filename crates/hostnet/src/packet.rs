//! Ethernet frames in and out through one interface.

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
/// Classic BPF: `ret #k`, of the whole frame and of nothing.
const TAKE: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
pub(crate) const DROP: SockFilter = SockFilter::new(RETURN, 0, 0, 0);
const RETURN: u16 = 0x06;
/// `SKF_AD_OFF + SKF_AD_IFINDEX` of linux/filter.h.
const INCOMING_INTERFACE: u32 = 0xffff_f000 + 8;

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

/// Sends one whole Ethernet frame through an interface.
pub(crate) async fn send_once(device: &IfName, frame: Vec<u8>) -> Result<(), PacketError> {
    elsewhere(device, move |device| {
        let port = Port::find(device)?;
        // protocol 0: a socket that receives nothing
        port.send(&port.socket(0)?, &frame)
    })
    .await
}

/// Does on another thread what takes the kernel long: listing all interfaces, and closing a packet socket, for which it
/// waits until no processor looks at it any more (`packet_release`, `synchronize_net`): 15 ms and more, in which a
/// daemon of one thread would do nothing else.
async fn elsewhere<T: Send + 'static>(
    device: &IfName,
    work: impl FnOnce(&IfName) -> Result<T, PacketError> + Send + 'static,
) -> Result<T, PacketError> {
    let name = device.clone();
    let done = tokio::task::spawn_blocking(move || work(&name)).await;
    done.unwrap_or_else(|error| Err(PacketError::Open { device: device.clone(), source: error.into() }))
}

/// A packet socket that receives one protocol on one interface.
#[derive(Debug)]
pub(crate) struct Wire {
    port: Port,
    /// The address that questions come from.
    own: MacAddr,
    /// `None` only while it is dropped.
    socket: Option<AsyncFd<Socket>>,
}

impl Wire {
    /// Opens it; `filter` (classic BPF, offsets from the Ethernet header, empty: all) says which frames are worth
    /// waking up for.
    pub(crate) async fn open(
        device: &IfName,
        ethertype: u16,
        filter: impl IntoIterator<Item = SockFilter>,
    ) -> Result<Self, PacketError> {
        let open = move |device: &IfName| {
            let port = Port::find(device)?;
            port.socket(ethertype).map(|socket| (port, socket))
        };
        let (port, socket) = elsewhere(device, open).await?;
        let filter: Vec<_> = port.only_here().into_iter().chain(filter).chain([TAKE]).collect();
        let failed = |source| PacketError::Open { device: device.clone(), source };
        socket.attach_filter(&filter).map_err(failed)?;
        let socket = watch(socket).map_err(failed)?;
        let own = port.at.addr().unwrap_or_default().into();
        Ok(Self { port, own, socket: Some(socket) })
    }

    /// Under another Ethernet address than the interface's: what is sent to that one is received too.
    pub(crate) fn speak_as(&mut self, own: MacAddr) {
        self.own = own;
    }

    /// The Ethernet address that questions have to come from.
    pub(crate) fn mac(&self) -> MacAddr {
        self.own
    }

    /// Sends a whole Ethernet frame. A full queue is an error: the kernel takes a frame or does not, at once.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<(), PacketError> {
        self.port.send(self.socket()?.get_ref(), frame)
    }

    /// Waits for a frame that came in through the interface, to it or to all.
    pub(crate) async fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], PacketError> {
        let socket = self.socket()?;
        loop {
            let received = socket.async_io(Interest::READABLE, |socket| {
                recvfrom::<LinkAddr>(socket.as_raw_fd(), buffer).map_err(io::Error::from)
            });
            let (length, from) = received.await.map_err(|source| self.port.receive_error(source))?;
            let to_own = buffer.get(..6) == Some(&self.own.octets()[..]);
            if from.is_some_and(|from| self.port.is_for_us(&from, to_own)) {
                return Ok(buffer.get(..length).unwrap_or_default());
            }
        }
    }

    fn socket(&self) -> Result<&AsyncFd<Socket>, PacketError> {
        self.socket.as_ref().ok_or_else(|| self.port.receive_error(io::ErrorKind::NotConnected.into()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let socket = socket.into_inner();
            // see `elsewhere`; without a runtime there is nobody to hold up
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn_blocking(move || drop(socket));
            }
        }
    }
}

/// An interface as packet sockets know it.
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

    /// Not bound to the interface, which would cost another `synchronize_net` (`packet_do_bind`): the filter does the
    /// same.
    fn socket(&self, ethertype: u16) -> Result<Socket, PacketError> {
        let failed = |source| PacketError::Open { device: self.device.clone(), source };
        let protocol = Some(Protocol::from(i32::from(ethertype.to_be())));
        let socket = Socket::new(Domain::PACKET, Type::RAW, protocol).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(socket)
    }

    /// The start of a filter: what came in elsewhere is dropped.
    fn only_here(&self) -> [SockFilter; 3] {
        let index = u32::try_from(self.at.ifindex()).unwrap_or_default();
        [SockFilter::new(LOAD_WORD, 0, 0, INCOMING_INTERFACE), SockFilter::new(JUMP_EQUAL, 1, 0, index), DROP]
    }

    fn send(&self, socket: &Socket, frame: &[u8]) -> Result<(), PacketError> {
        let words = [IoSlice::new(frame)];
        let sent = sendmsg(socket.as_raw_fd(), &words, &[], MsgFlags::empty(), Some(&self.at));
        sent.map(drop).map_err(|errno| match errno {
            nix::Error::ENETDOWN => PacketError::Down { device: self.device.clone() },
            _ => PacketError::Send { device: self.device.clone(), source: errno.into() },
        })
    }

    /// Before the filter was there, frames of other interfaces were queued too; and a frame of another VLAN, or to
    /// another host on a promiscuous interface, is marked as another host's (kernel `__netif_receive_skb_core`).
    /// One to the address that we speak as is for us, whatever the interface's is.
    fn is_for_us(&self, from: &LinkAddr, to_own: bool) -> bool {
        let to_us = match from.pkttype() {
            PACKET_HOST | PACKET_BROADCAST | PACKET_MULTICAST => true,
            PACKET_OTHERHOST => to_own,
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
