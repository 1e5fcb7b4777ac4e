//! A container's cable: a veth pair, plugged into a bridge.

use std::io;

use inventory::{IfName, MacAddr};
use nix::libc::EEXIST;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoVeth, LinkAttribute, LinkMessage,
};
use rtnetlink::{LinkMessageBuilder, LinkVeth};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{is, named};

/// A veth pair to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veth {
    /// The end that stays on the host, a port of the bridge.
    pub host_end: IfName,
    /// The end that dockerd moves into the container.
    pub container_end: IfName,
    /// The container end's Ethernet address.
    pub mac: MacAddr,
    /// MTU of both ends: the bridge's.
    pub mtu: u32,
    /// Index of the Linux bridge; `None`: the host end is to be a port of a switch that is not the kernel's.
    pub bridge: Option<u32>,
}

impl Kernel {
    /// Makes a pair in one message, both ends complete, the host end up in its bridge: there is no moment at which a
    /// crash leaves half of it (kernel `rtnl_newlink_create`: what follows the creation is undone when it fails). The
    /// container end is left down; dockerd gives it address and name and sets it up (libnetwork `osl`).
    ///
    /// # Errors
    /// [`NetError::Exists`] when one of the names is taken; nothing of the pair is left on any error.
    pub async fn attach(&self, veth: &Veth) -> Result<(), NetError> {
        // two messages, asked for at once: the kernel takes them in order
        let (made, quiet) = tokio::join!(
            self.change(RouteNetlinkMessage::NewLink(pair(veth)), NLM_F_CREATE | NLM_F_EXCL),
            self.change(RouteNetlinkMessage::SetLink(quiet(&veth.host_end)), 0)
        );
        made.map_err(|source| refusal(veth, source))?;
        if let Err(error) = quiet {
            // a machine without IPv6 says EAFNOSUPPORT or EINVAL, and has nothing to be quietened
            tracing::debug!(device = %veth.host_end, %error, "left as it is: IPv6 link-local address");
        }
        Ok(())
    }
}

fn refusal(veth: &Veth, source: io::Error) -> NetError {
    let (host_end, container_end) = (veth.host_end.clone(), veth.container_end.clone());
    if is(&source, EEXIST) {
        return NetError::Exists { host_end, container_end };
    }
    NetError::Attach { host_end, container_end, bridge: veth.bridge, source }
}

fn pair(veth: &Veth) -> LinkMessage {
    let mut peer = named(&veth.container_end);
    peer.attributes.push(LinkAttribute::Address(veth.mac.octets().to_vec()));
    peer.attributes.push(LinkAttribute::Mtu(veth.mtu));
    let host_end = LinkMessageBuilder::<LinkVeth>::new(veth.host_end.as_str(), veth.container_end.as_str())
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .address(host_mac(veth.mac).octets().to_vec())
        .mtu(veth.mtu)
        .up();
    match veth.bridge {
        Some(index) => host_end.controller(index).build(),
        None => host_end.build(),
    }
}

/// The host end's own address: the container's with `fe` in front. A bridge whose address nobody set takes the lowest
/// of its ports' (kernel `br_stp_recalculate_bridge_id`), so a low one would change the host's address with every
/// container; libvirt does the same with its taps (`virNetDevTapCreateInBridgePort`). It must never be the container's
/// own: the bridge would take the container's frames as an echo of its own.
pub fn host_mac(container: MacAddr) -> MacAddr {
    let mut bytes = container.octets();
    match &mut bytes {
        [first @ 0xfe, ..] => *first = 0xfa,
        [first, ..] => *first = 0xfe,
    }
    MacAddr::from(bytes)
}

/// No IPv6 link-local address on the host end, where it would only be chatter on the bridge. The kernel reads this
/// setting of an existing interface only (`do_setlink`), and needs it before the container end comes up.
fn quiet(host_end: &IfName) -> LinkMessage {
    let mut message = named(host_end);
    message.attributes.push(LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![
        AfSpecInet6::AddrGenMode(In6AddrGenMode::None),
    ])]));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_ends_address_is_high_and_never_the_containers() {
        let of = |text: &str| host_mac(text.parse().unwrap()).to_string();
        assert_eq!(of("02:42:0a:63:01:02"), "fe:42:0a:63:01:02");
        assert_eq!(of("fe:42:0a:63:01:02"), "fa:42:0a:63:01:02");
    }
}
