//! Linux bridges.

use std::fmt;

use inventory::{IfName, MacAddr};
use nix::libc::EEXIST;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    BridgeStpState, InfoBridge, InfoData, InfoKind, LinkAttribute, LinkInfo, LinkMessage,
};
use rtnetlink::{LinkBridge, LinkMessageBuilder};
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{BridgeSettings, Kind, is_errno, link_message};

/// A bridge to create: spanning tree off, forward delay 0 (a port forwards at once), and up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeSpec {
    /// Its name.
    pub name: IfName,
    /// Its MAC. If set, it does not change with the ports; `None`: the lowest MAC of its ports.
    pub mac: Option<MacAddr>,
    /// MTU in bytes; `None`: that of its ports.
    pub mtu: Option<u32>,
}

impl Kernel {
    /// Creates a bridge. `false`: a bridge of this name exists; it is not changed.
    ///
    /// # Errors
    /// [`NetError::WrongKind`] if another device has the name.
    pub async fn add_bridge(&self, spec: &BridgeSpec) -> Result<bool, NetError> {
        let made = self.change(RouteNetlinkMessage::NewLink(message(spec)), NLM_F_CREATE | NLM_F_EXCL).await;
        match made {
            Ok(()) => Ok(true),
            Err(source) if is_errno(&source, EEXIST) => self.expect_kind(&spec.name, &Kind::Bridge).await,
            Err(source) => Err(NetError::AddBridge { device: spec.name.clone(), source }),
        }
    }

    /// Sets spanning tree and forward delay.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_bridge(&self, device: &IfName, settings: BridgeSettings) -> Result<(), NetError> {
        let stp = if settings.stp { BridgeStpState::KernelStp } else { BridgeStpState::Disabled };
        // the kernel accepts a delay of less than 2 s only without spanning tree (net/bridge/br_stp.c,
        // br_set_forward_delay), and applies the delay of a message first: so two messages
        let (stp, delay) = (InfoBridge::StpState(stp), InfoBridge::ForwardDelay(settings.forward_delay));
        let in_order = if settings.stp { [delay, stp] } else { [stp, delay] };
        for info in in_order {
            let mut message = link_message(device);
            let data = LinkInfo::Data(InfoData::Bridge(vec![info]));
            message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), data]));
            self.set_info(device, message, || format!("{settings}")).await?;
        }
        Ok(())
    }

    /// `Ok(false)` if a device that could not be created exists and has this kind.
    pub(crate) async fn expect_kind(&self, name: &IfName, kind: &Kind) -> Result<bool, NetError> {
        let kind_name = match kind {
            Kind::Bridge => "bridge",
            Kind::Bond => "bond",
            _ => "VLAN",
        };
        match self.link(name).await? {
            Some(link) if link.kind == *kind => Ok(false),
            _ => Err(NetError::WrongKind { device: name.clone(), kind: kind_name }),
        }
    }
}

impl fmt::Display for BridgeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stp = if self.stp { "on" } else { "off" };
        write!(
            f,
            "spanning tree {stp} and forward delay {}.{:02} s",
            self.forward_delay / 100,
            self.forward_delay % 100
        )
    }
}

fn message(spec: &BridgeSpec) -> LinkMessage {
    let mut builder = LinkMessageBuilder::<LinkBridge>::new(spec.name.as_str())
        .stp_state(BridgeStpState::Disabled)
        .forward_delay(0)
        .up();
    if let Some(mac) = spec.mac {
        builder = builder.address(mac.octets().to_vec());
    }
    if let Some(mtu) = spec.mtu {
        builder = builder.mtu(mtu);
    }
    builder.build()
}
