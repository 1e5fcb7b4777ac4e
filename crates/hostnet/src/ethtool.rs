//! Sets device features like ethtool(8), over generic netlink (kernel Documentation/networking/ethtool-netlink.rst).

use std::path::Path;
use std::{fs, io};

use inventory::{IfName, MacAddr};
use nix::ifaddrs::getifaddrs;
use nix::libc::{
    AF_NETLINK, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, GENL_ID_CTRL,
    NETLINK_GENERIC, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR,
};
use nix::sys::socket::SockaddrStorage;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::netns;
use crate::veth::host_mac;

/// Sizes of `struct nlmsghdr` and `struct genlmsghdr` (linux/netlink.h, linux/genetlink.h).
const NETLINK_HEADER: usize = 16;
const GENERIC_HEADER: usize = 4;

/// linux/ethtool_netlink.h.
const FEATURES_SET: u8 = 12;
const FEATURES_HEADER: u16 = 1;
const FEATURES_WANTED: u16 = 3;
const HEADER_DEV_NAME: u16 = 2;
const HEADER_FLAGS: u16 = 3;
const FLAG_OMIT_REPLY: u32 = 1 << 1;
const BITSET_BITS: u16 = 3;
const BITS_BIT: u16 = 1;
const BIT_NAME: u16 = 2;
/// `NLA_F_NESTED`.
const NESTED: u16 = 1 << 15;

/// The features that leave checksums to the hardware (`netdev_features_strings`, net/ethtool/common.c). A veth has no
/// hardware and passes frames on without checksums. Segments of 64 kB are disabled with them (`netdev_fix_features`).
const CHECKSUMS: [&str; 2] = ["tx-checksum-ip-generic", "tx-checksum-sctp"];

const PEER_NOT_FOUND: &str = "its other end is not in a container of dockerd";

impl Kernel {
    /// Makes the kernel compute the checksums of what is sent through an interface, like `ethtool -K DEVICE
    /// tx off`. A container end needs this if ovs-vswitchd forwards its frames in user space: it forwards
    /// them without checksums, and the receiver drops TCP and UDP. The setting stays when the interface moves
    /// to another namespace.
    ///
    /// # Errors
    /// [`NetError::Missing`], or a kernel without ethtool's netlink interface (before 5.6).
    pub async fn disable_tx_checksum_offload(&self, device: &IfName) -> Result<(), NetError> {
        let name = device.clone();
        // the kernel may hold a lock for milliseconds
        let set = tokio::task::spawn_blocking(move || disable_checksums(&name)).await;
        set.unwrap_or_else(|error| Err(error.into())).map_err(|source| refusal(device, source))
    }

    /// The same for the other end of a veth pair, in one of the network namespaces in a directory.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the other end is in none of them.
    pub async fn disable_tx_checksum_offload_of_peer(
        &self,
        host_end: &IfName,
        namespaces: &Path,
    ) -> Result<(), NetError> {
        let missing = || NetError::Missing { device: host_end.clone() };
        let link = self.link(host_end).await?.ok_or_else(missing)?;
        let host = link.mac.ok_or_else(missing)?;
        let namespaces = namespaces.to_owned();
        let set = tokio::task::spawn_blocking(move || disable_checksums_of_peer(host, &namespaces)).await;
        match set.unwrap_or_else(|error| Err(error.into())) {
            Ok(true) => Ok(()),
            // the container may have stopped meanwhile
            Ok(false) => match self.link(host_end).await? {
                None => Err(missing()),
                Some(_) => Err(refusal(host_end, io::Error::new(io::ErrorKind::NotFound, PEER_NOT_FOUND))),
            },
            Err(source) => Err(refusal(host_end, source)),
        }
    }
}

/// Disables the offload for the other end of a pair. A namespace that disappears meanwhile, or is none, has
/// no container.
#[allow(clippy::disallowed_methods, reason = "network namespaces, of which none is written")]
fn disable_checksums_of_peer(host: MacAddr, namespaces: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(namespaces)? {
        let switched = netns::run(&entry?.path(), || match interface_of_peer(host)? {
            Some(device) => disable_checksums(&device).map(|()| true),
            None => Ok(false),
        });
        match switched {
            Ok(Ok(false)) => {}
            Ok(done) => return done,
            Err(error) => tracing::debug!(%error, "network namespace skipped"),
        }
    }
    Ok(false)
}

fn interface_of_peer(host: MacAddr) -> io::Result<Option<IfName>> {
    let has_it = |address: SockaddrStorage| {
        let mac = address.as_link_addr().and_then(nix::sys::socket::LinkAddr::addr).map(MacAddr::from);
        mac.is_some_and(|mac| host_mac(mac) == host)
    };
    let mut all = getifaddrs()?;
    let found = all.find(|entry| entry.address.is_some_and(has_it));
    Ok(found.and_then(|entry| entry.interface_name.parse().ok()))
}

fn disable_checksums(device: &IfName) -> io::Result<()> {
    let family = Protocol::from(NETLINK_GENERIC);
    let socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(family))?;
    let controller = u16::try_from(GENL_ID_CTRL).unwrap_or_default();
    let name = text(attribute_of(CTRL_ATTR_FAMILY_NAME), "ethtool");
    let answer = request(&socket, controller, u8::try_from(CTRL_CMD_GETFAMILY).unwrap_or_default(), &name)?;
    let missing = || io::Error::new(io::ErrorKind::Unsupported, "this kernel has no netlink family ethtool");
    let id = find(&answer, attribute_of(CTRL_ATTR_FAMILY_ID)).and_then(|id| id.first_chunk().copied());
    let id = id.map(u16::from_ne_bytes).ok_or_else(missing)?;
    request(&socket, id, FEATURES_SET, &features_request(device)).map(drop)
}

fn attribute_of(number: i32) -> u16 {
    u16::try_from(number).unwrap_or_default()
}

/// A bit without a value is disabled; all others are unchanged.
fn features_request(device: &IfName) -> Vec<u8> {
    let header =
        [text(HEADER_DEV_NAME, device.as_str()), attribute(HEADER_FLAGS, &FLAG_OMIT_REPLY.to_ne_bytes())];
    let bits: Vec<u8> =
        CHECKSUMS.iter().flat_map(|name| attribute(NESTED | BITS_BIT, &text(BIT_NAME, name))).collect();
    let wanted = attribute(NESTED | BITSET_BITS, &bits);
    [attribute(NESTED | FEATURES_HEADER, &header.concat()), attribute(NESTED | FEATURES_WANTED, &wanted)]
        .concat()
}

/// Sends a message and waits for its acknowledgement. Returns the attributes of the answer before it.
fn request(socket: &Socket, family: u16, command: u8, attributes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(NETLINK_HEADER + GENERIC_HEADER + attributes.len()).unwrap_or(u32::MAX);
    let flags = u16::try_from(NLM_F_REQUEST | NLM_F_ACK).unwrap_or_default();
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(family.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // no sequence number and port: only the kernel answers on this socket
    message.extend([0; 8]);
    message.extend([command, 1, 0, 0]);
    message.extend(attributes);
    socket.send(&message)?;
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 8192];
        let read = io::Read::read(&mut &*socket, &mut buffer)?;
        for (kind, body) in messages(buffer.get(..read).unwrap_or_default()) {
            if i32::from(kind) == NLMSG_ERROR {
                let errno = body.first_chunk().copied().map_or(0, i32::from_ne_bytes);
                return if errno == 0 { Ok(answer) } else { Err(io::Error::from_raw_os_error(-errno)) };
            }
            answer = body.get(GENERIC_HEADER..).unwrap_or_default().to_vec();
        }
    }
}

/// The type and body of each message.
fn messages(mut read: &[u8]) -> Vec<(u16, &[u8])> {
    let mut all = Vec::new();
    while let Some(([a, b, c, d, e, f, ..], _)) = read.split_first_chunk::<NETLINK_HEADER>() {
        let length = usize::try_from(u32::from_ne_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let Some(body) = read.get(NETLINK_HEADER..length) else { break };
        all.push((u16::from_ne_bytes([*e, *f]), body));
        read = read.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}

fn refusal(device: &IfName, source: io::Error) -> NetError {
    if source.raw_os_error() == Some(nix::libc::ENODEV) {
        return NetError::Missing { device: device.clone() };
    }
    let property = "checksums in software (ethtool -K tx off)".to_owned();
    NetError::Set { device: device.clone(), property, source }
}

fn find(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some(([a, b, c, d], _)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([*a, *b]));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes([*c, *d]) & !NESTED == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn text(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), &[0]].concat())
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len();
    let mut attribute = u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes().to_vec();
    attribute.extend(kind.to_ne_bytes());
    attribute.extend(value);
    attribute.resize(length.next_multiple_of(4), 0);
    attribute
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_are_found_among_others() {
        let all = [text(2, "ethtool"), attribute(NESTED | 1, &[0x15, 0]), attribute(3, &[1])].concat();
        assert_eq!(find(&all, 1), Some([0x15, 0].as_slice()));
        assert_eq!(find(&all, 3), Some([1].as_slice()));
        assert_eq!(find(&all, 4), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_to_its_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = find(&bytes, 1);
            prop_assert!(messages(&bytes).len() <= bytes.len() / NETLINK_HEADER);
        }
    }
}
