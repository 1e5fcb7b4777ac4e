//! Addresses of interfaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use inventory::IfName;
use ipnet::IpNet;
use nix::libc::{EADDRNOTAVAIL, EEXIST};
use rtnetlink::AddressMessageBuilder;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::is_errno;

impl Kernel {
    /// All addresses of an interface, IPv4 and IPv6, including link-local.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the dump failed.
    pub async fn addresses(&self, device: &IfName) -> Result<Vec<IpNet>, NetError> {
        let index = self.index(device).await?;
        let all = self.all_addresses().await?.into_iter();
        Ok(all.filter(|(on, _)| *on == index).map(|(_, address)| address).collect())
    }

    /// The addresses of all interfaces, each with the index of its interface.
    ///
    /// # Errors
    /// The dump failed.
    pub async fn all_addresses(&self) -> Result<Vec<(u32, IpNet)>, NetError> {
        let dumped = self.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default())).await;
        let messages = dumped.map_err(|source| NetError::List { what: "addresses", source })?;
        Ok(messages.into_iter().filter_map(read).collect())
    }

    /// Adds an address with the broadcast address of its subnet. An existing address is no error.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn add_address(&self, device: &IfName, address: IpNet) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::NewAddress(address_message(self.index(device).await?, address));
        match self.change(message, NLM_F_CREATE | NLM_F_EXCL).await {
            Err(source) if !is_errno(&source, EEXIST) => {
                Err(NetError::AddAddress { device: device.clone(), address, source })
            }
            _ => Ok(()),
        }
    }

    /// Removes an address; the kernel also removes the routes that need it. A missing address is no error.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn del_address(&self, device: &IfName, address: IpNet) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::DelAddress(address_message(self.index(device).await?, address));
        match self.change(message, 0).await {
            Err(source) if !is_errno(&source, EADDRNOTAVAIL) => {
                Err(NetError::DelAddress { device: device.clone(), address, source })
            }
            _ => Ok(()),
        }
    }
}

fn address_message(index: u32, address: IpNet) -> AddressMessage {
    match address {
        IpNet::V4(v4) => {
            AddressMessageBuilder::<Ipv4Addr>::new().index(index).address(v4.addr(), v4.prefix_len()).build()
        }
        IpNet::V6(v6) => {
            AddressMessageBuilder::<Ipv6Addr>::new().index(index).address(v6.addr(), v6.prefix_len()).build()
        }
    }
}

fn read(message: RouteNetlinkMessage) -> Option<(u32, IpNet)> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    // on a point-to-point interface IFA_ADDRESS is the address of the peer, and IFA_LOCAL is ours
    let local = find(&message, |attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        find(&message, |attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    Some((message.header.index, IpNet::new(address, message.header.prefix_len).ok()?))
}

fn find(message: &AddressMessage, wanted: impl Fn(&AddressAttribute) -> Option<IpAddr>) -> Option<IpAddr> {
    message.attributes.iter().find_map(wanted)
}
