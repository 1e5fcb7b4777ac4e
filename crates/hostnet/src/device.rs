//! Changes of existing interfaces. All calls are idempotent.

use std::io;

use inventory::IfName;
use nix::libc::ENODEV;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{is_errno, link_message};
use crate::netns::Namespace;

impl Kernel {
    /// Deletes an interface; of a veth pair, both ends in any namespace. `false`: it did not exist.
    ///
    /// # Errors
    /// The kernel refused, for example for hardware.
    pub async fn delete(&self, device: &IfName) -> Result<bool, NetError> {
        match self.request_deletion(RouteNetlinkMessage::DelLink(link_message(device))).await {
            Ok(()) => Ok(true),
            Err(source) if is_errno(&source, ENODEV) => Ok(false),
            Err(source) => Err(NetError::Delete { device: device.clone(), source }),
        }
    }

    /// Makes an interface a port of the bridge or bond with this index; `None`: of none. A bond accepts only a port
    /// that is down, and sets it up (kernel drivers/net/bonding/bond_main.c, `bond_enslave`); it sets a port down
    /// that it releases.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_master(&self, device: &IfName, bridge: Option<u32>) -> Result<(), NetError> {
        let what = || bridge.map_or_else(|| "no master".to_owned(), |index| format!("master {index}"));
        self.set(device, LinkAttribute::Controller(bridge.unwrap_or(0)), what).await
    }

    /// Sets the MTU in bytes.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused (out of the device's range).
    pub async fn set_mtu(&self, device: &IfName, mtu: u32) -> Result<(), NetError> {
        self.set(device, LinkAttribute::Mtu(mtu), || format!("MTU {mtu}")).await
    }

    /// Sets an interface up or down.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_up(&self, device: &IfName, up: bool) -> Result<(), NetError> {
        let mut message = link_message(device);
        message.header.change_mask = LinkFlags::Up;
        if up {
            message.header.flags = LinkFlags::Up;
        }
        self.set_link(device, message, || if up { "up" } else { "down" }.to_owned()).await
    }

    /// Moves an interface into another network namespace.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused (the name exists there).
    pub async fn move_to(&self, device: &IfName, namespace: &Namespace) -> Result<(), NetError> {
        let attribute = LinkAttribute::NetNsFd(namespace.raw_fd());
        self.set(device, attribute, || "another network namespace".to_owned()).await
    }

    async fn set(
        &self,
        device: &IfName,
        attribute: LinkAttribute,
        property: impl FnOnce() -> String,
    ) -> Result<(), NetError> {
        let mut message = link_message(device);
        message.attributes.push(attribute);
        self.set_link(device, message, property).await
    }

    async fn set_link(
        &self,
        device: &IfName,
        message: LinkMessage,
        property: impl FnOnce() -> String,
    ) -> Result<(), NetError> {
        let done = self.change(RouteNetlinkMessage::SetLink(message), 0).await;
        done.map_err(|source| refusal(device, source, property))
    }
}

pub(crate) fn refusal(device: &IfName, source: io::Error, property: impl FnOnce() -> String) -> NetError {
    let device = device.clone();
    if is_errno(&source, ENODEV) {
        return NetError::Missing { device };
    }
    NetError::Set { device, property: property(), source }
}
