//! Linux bridges.

use inventory::{IfName, MacAddr};
use nix::libc::EEXIST;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{BridgeStpState, LinkMessage};
use rtnetlink::{LinkBridge, LinkMessageBuilder};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{Kind, is};

/// A bridge to be made: spanning tree off, forward delay 0 (a port forwards at once), and up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSpec {
    /// Its name.
    pub name: IfName,
    /// Its own address. Set, it stays whatever ports come and go; `None` takes the lowest of its ports'.
    pub mac: Option<MacAddr>,
    /// MTU; `None` follows its ports.
    pub mtu: Option<u32>,
}

impl Kernel {
    /// Makes a bridge. `false`: one of that name was there, and is left as it is.
    ///
    /// # Errors
    /// [`NetError::NoBridge`] when something else has the name.
    pub async fn add_bridge(&self, spec: &BridgeSpec) -> Result<bool, NetError> {
        let made = self.change(RouteNetlinkMessage::NewLink(message(spec)), NLM_F_CREATE | NLM_F_EXCL).await;
        match made {
            Ok(()) => Ok(true),
            Err(source) if is(&source, EEXIST) => self.is_bridge(&spec.name).await,
            Err(source) => Err(NetError::AddBridge { device: spec.name.clone(), source }),
        }
    }

    async fn is_bridge(&self, name: &IfName) -> Result<bool, NetError> {
        match self.link(name).await? {
            Some(link) if link.kind == Kind::Bridge => Ok(false),
            _ => Err(NetError::NoBridge { device: name.clone() }),
        }
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
