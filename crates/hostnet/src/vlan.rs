//! VLAN devices: the frames of a NIC or bond that carry one tag (IEEE 802.1Q).

use inventory::IfName;
use nix::libc::EEXIST;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::{LinkMessageBuilder, LinkVlan};
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{Kind, is};

/// A VLAN device to be made, and up. It has its parent's Ethernet address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VlanSpec {
    /// Its name.
    pub name: IfName,
    /// The NIC or bond.
    pub parent: IfName,
    /// The VLAN, 1 to 4094.
    pub id: u16,
    /// MTU, none larger than the parent's; `None`: the parent's.
    pub mtu: Option<u32>,
}

impl Kernel {
    /// Makes a VLAN device. `false`: one of that name was there, and is left as it is. The parent should be up: one that is down
    /// takes its VLANs down with it.
    ///
    /// # Errors
    /// [`NetError::NotThat`] when something else has the name; [`NetError::Missing`] without the parent; the kernel refused (a
    /// MTU larger than the parent's, the VLAN is there under another name).
    pub async fn add_vlan(&self, spec: &VlanSpec) -> Result<bool, NetError> {
        let parent = self.index(&spec.parent).await?;
        let mut builder =
            LinkMessageBuilder::<LinkVlan>::new(spec.name.as_str()).link(parent).id(spec.id).up();
        if let Some(mtu) = spec.mtu {
            builder = builder.mtu(mtu);
        }
        let made =
            self.change(RouteNetlinkMessage::NewLink(builder.build()), NLM_F_CREATE | NLM_F_EXCL).await;
        match made {
            Ok(()) => Ok(true),
            // also said where the parent has that VLAN under another name
            Err(source) if is(&source, EEXIST) && self.link(&spec.name).await?.is_some() => {
                self.is_that(&spec.name, &Kind::Vlan).await
            }
            Err(source) => Err(NetError::AddVlan { device: spec.name.clone(), id: spec.id, source }),
        }
    }
}
