//! What ethtool(8) does, over generic netlink (kernel Documentation/networking/ethtool-netlink.rst): one setting.

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

/// `struct nlmsghdr` and `struct genlmsghdr` of linux/netlink.h and linux/genetlink.h.
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

/// The features that have the sender leave checksums to hardware (`netdev_features_strings`, net/ethtool/common.c); a
/// veth has none and passes the frame on without. Segments of 64 kB go with them (`netdev_fix_features`).
const CHECKSUMS: [&str; 2] = ["tx-checksum-ip-generic", "tx-checksum-sctp"];

const NOWHERE: &str = "its other end is in no container of dockerd";

impl Kernel {
    /// Has what is sent through an interface carry its checksums, as `ethtool -K DEVICE tx off`. A container's end needs it
    /// where its frames are switched by ovs-vswitchd itself, which reads them from a socket as they are: TCP and UDP
    /// would be thrown away at the other end. Stays when the interface moves to another namespace.
    ///
    /// # Errors
    /// [`NetError::Missing`], or a kernel without ethtool's netlink (before 5.6).
    pub async fn sum_in_software(&self, device: &IfName) -> Result<(), NetError> {
        let name = device.clone();
        // a lock of the kernel's may be held for milliseconds
        let set = tokio::task::spawn_blocking(move || switch_off(&name)).await;
        set.unwrap_or_else(|error| Err(error.into())).map_err(|source| refusal(device, source))
    }

    /// The same for a container's end that is in its container already, in one of the namespaces in a directory.
    ///
    /// # Errors
    /// [`NetError::Missing`], or its other end is in none of them.
    pub async fn sum_in_software_behind(&self, host_end: &IfName, namespaces: &Path) -> Result<(), NetError> {
        let missing = || NetError::Missing { device: host_end.clone() };
        let link = self.link(host_end).await?.ok_or_else(missing)?;
        let host = link.mac.ok_or_else(missing)?;
        let namespaces = namespaces.to_owned();
        let set = tokio::task::spawn_blocking(move || switch_off_behind(host, &namespaces)).await;
        match set.unwrap_or_else(|error| Err(error.into())) {
            Ok(true) => Ok(()),
            // its container may have ended meanwhile
            Ok(false) => match self.link(host_end).await? {
                None => Err(missing()),
                Some(_) => Err(refusal(host_end, io::Error::new(io::ErrorKind::NotFound, NOWHERE))),
            },
            Err(source) => Err(refusal(host_end, source)),
        }
    }
}

/// Switches it off for the other end of a pair, in whichever of the namespaces it is. A namespace that ends meanwhile, or
/// is none any more, has no container.
fn switch_off_behind(host: MacAddr, namespaces: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(namespaces)? {
        let switched = netns::run(&entry?.path(), || match end_of(host)? {
            Some(device) => switch_off(&device).map(|()| true),
            None => Ok(false),
        });
        match switched {
            Ok(Ok(false)) => {}
            Ok(done) => return done,
            Err(error) => tracing::debug!(%error, "passed over"),
        }
    }
    Ok(false)
}

fn end_of(host: MacAddr) -> io::Result<Option<IfName>> {
    let has_it = |address: SockaddrStorage| {
        let mac = address.as_link_addr().and_then(nix::sys::socket::LinkAddr::addr).map(MacAddr::from);
        mac.is_some_and(|mac| host_mac(mac) == host)
    };
    let mut all = getifaddrs()?;
    let found = all.find(|entry| entry.address.is_some_and(has_it));
    Ok(found.and_then(|entry| entry.interface_name.parse().ok()))
}

fn switch_off(device: &IfName) -> io::Result<()> {
    let family = Protocol::from(NETLINK_GENERIC);
    let socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(family))?;
    let controller = u16::try_from(GENL_ID_CTRL).unwrap_or_default();
    let name = text(attribute_of(CTRL_ATTR_FAMILY_NAME), "ethtool");
    let told = ask(&socket, controller, u8::try_from(CTRL_CMD_GETFAMILY).unwrap_or_default(), &name)?;
    let missing = || io::Error::new(io::ErrorKind::Unsupported, "this kernel has no netlink family ethtool");
    let id = find(&told, attribute_of(CTRL_ATTR_FAMILY_ID)).and_then(|id| id.first_chunk().copied());
    let id = id.map(u16::from_ne_bytes).ok_or_else(missing)?;
    ask(&socket, id, FEATURES_SET, &request(device)).map(drop)
}

fn attribute_of(number: i32) -> u16 {
    u16::try_from(number).unwrap_or_default()
}

/// A bit that is named without a value is switched off, and the others stay.
fn request(device: &IfName) -> Vec<u8> {
    let header =
        [text(HEADER_DEV_NAME, device.as_str()), attribute(HEADER_FLAGS, &FLAG_OMIT_REPLY.to_ne_bytes())];
    let bits: Vec<u8> =
        CHECKSUMS.iter().flat_map(|name| attribute(NESTED | BITS_BIT, &text(BIT_NAME, name))).collect();
    let wanted = attribute(NESTED | BITSET_BITS, &bits);
    [attribute(NESTED | FEATURES_HEADER, &header.concat()), attribute(NESTED | FEATURES_WANTED, &wanted)]
        .concat()
}

/// Sends one message and reads until it is acknowledged; returns the attributes of an answer that came before that.
fn ask(socket: &Socket, family: u16, command: u8, attributes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(NETLINK_HEADER + GENERIC_HEADER + attributes.len()).unwrap_or(u32::MAX);
    let flags = u16::try_from(NLM_F_REQUEST | NLM_F_ACK).unwrap_or_default();
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(family.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // sequence and port: the kernel answers on this socket only
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

/// Type and body of each message.
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
