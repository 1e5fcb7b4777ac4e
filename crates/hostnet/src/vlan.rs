//! VLAN devices (IEEE 802.1Q).

use inventory::IfName;
use nix::libc::EEXIST;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::{LinkMessageBuilder, LinkVlan};
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{Kind, is_errno};

/// A VLAN device to create and set up. It has its parent's MAC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VlanSpec {
    /// Its name.
    pub name: IfName,
    /// The NIC or bond.
    pub parent: IfName,
    /// The VLAN, 1 to 4094.
    pub id: u16,
    /// MTU in bytes, at most the parent's; `None`: the parent's.
    pub mtu: Option<u32>,
}

impl Kernel {
    /// Creates a VLAN device. `false`: a VLAN device of this name exists; it is not changed. The parent should be up:
    /// a parent that is down sets its VLANs down.
    ///
    /// # Errors
    /// [`NetError::WrongKind`] if another device has the name; [`NetError::Missing`] without the parent; the kernel
    /// refused (the MTU is larger than the parent's, or the VLAN exists under another name).
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
            // EEXIST also means that the parent has this VLAN under another name
            Err(source) if is_errno(&source, EEXIST) && self.link(&spec.name).await?.is_some() => {
                self.expect_kind(&spec.name, &Kind::Vlan).await
            }
            Err(source) => Err(NetError::AddVlan { device: spec.name.clone(), id: spec.id, source }),
        }
    }
}
