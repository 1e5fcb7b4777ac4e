//! Veth pairs, which connect containers to bridges.

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
use crate::link::{is_errno, link_message};

/// A veth pair to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veth {
    /// The end that stays on the host, a port of the bridge.
    pub host_end: IfName,
    /// The end that dockerd moves into the container.
    pub container_end: IfName,
    /// MAC of the container end.
    pub mac: MacAddr,
    /// MTU of both ends in bytes: that of the bridge.
    pub mtu: u32,
    /// Index of the Linux bridge; `None`: the host end becomes a port of another switch.
    pub bridge: Option<u32>,
}

impl Kernel {
    /// Creates a pair with all settings, the host end up in its bridge, in one message. A crash cannot leave half of
    /// it (kernel `rtnl_newlink_create` undoes the creation if a later step fails). The container end stays down:
    /// dockerd gives it its address and name and sets it up (libnetwork `osl`).
    ///
    /// # Errors
    /// [`NetError::Exists`] if one of the names is used. After an error nothing of the pair exists.
    pub async fn attach(&self, veth: &Veth) -> Result<(), NetError> {
        // two concurrent messages: the kernel executes them in order
        let (created, disabled) = tokio::join!(
            self.change(RouteNetlinkMessage::NewLink(pair(veth)), NLM_F_CREATE | NLM_F_EXCL),
            self.change(RouteNetlinkMessage::SetLink(no_link_local(&veth.host_end)), 0)
        );
        created.map_err(|source| refusal(veth, source))?;
        if let Err(error) = disabled {
            // EAFNOSUPPORT or EINVAL on a machine without IPv6
            tracing::debug!(device = %veth.host_end, %error, "cannot disable the IPv6 link-local address");
        }
        Ok(())
    }
}

fn refusal(veth: &Veth, source: io::Error) -> NetError {
    let (host_end, container_end) = (veth.host_end.clone(), veth.container_end.clone());
    if is_errno(&source, EEXIST) {
        return NetError::Exists { host_end, container_end };
    }
    NetError::Attach { host_end, container_end, bridge: veth.bridge, source }
}

fn pair(veth: &Veth) -> LinkMessage {
    let mut peer = link_message(&veth.container_end);
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

/// The MAC of the host end: the container's with the first byte `fe`. A bridge without a fixed MAC uses the lowest of
/// its ports (kernel `br_stp_recalculate_bridge_id`), so a low one would change the host's MAC with each container;
/// libvirt does the same with its taps (`virNetDevTapCreateInBridgePort`). It must not be the container's own MAC:
/// the bridge would treat the container's frames as its own.
pub fn host_mac(container: MacAddr) -> MacAddr {
    let mut bytes = container.octets();
    match &mut bytes {
        [first @ 0xfe, ..] => *first = 0xfa,
        [first, ..] => *first = 0xfe,
    }
    MacAddr::from(bytes)
}

/// Disables the IPv6 link-local address of the host end, which would only cause traffic on the bridge. The kernel
/// accepts this setting only for an existing interface (`do_setlink`), and needs it before the container end is up.
fn no_link_local(host_end: &IfName) -> LinkMessage {
    let mut message = link_message(host_end);
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
