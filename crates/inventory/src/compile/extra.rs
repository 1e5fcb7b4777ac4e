//! Further addresses of containers: `extraaddress` of `vm.othersettings`.

use std::net::IpAddr;

use thiserror::Error;

use super::attachments::reserved;
use super::cluster::Cluster;
use crate::container::Attachment;
use crate::name::{NetName, NodeName};

/// Error in a further address. Each message names node, item and value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtraError {
    /// The address is in none of the container's networks.
    #[error(
        "extraaddress={ip} in vm.othersettings of {node}: {node} is on no network that contains this address"
    )]
    Outside {
        /// The node.
        node: NodeName,
        /// The address.
        ip: IpAddr,
    },
    /// A reserved address of a network.
    #[error(
        "extraaddress={ip} in vm.othersettings of {node} is the {what} of network {network}; choose another address"
    )]
    Reserved {
        /// The node.
        node: NodeName,
        /// The address.
        ip: IpAddr,
        /// `network address`, `broadcast address` or `gateway`.
        what: &'static str,
        /// The network.
        network: NetName,
    },
    /// A node has the address for itself.
    #[error(
        "extraaddress={ip} in vm.othersettings of {node} is {owner}; a further address belongs to no node, but several nodes may have it"
    )]
    Owned {
        /// The node.
        node: NodeName,
        /// The address.
        ip: IpAddr,
        /// `hosts.ip of d1`.
        owner: String,
    },
}

impl Cluster<'_> {
    /// Checks further addresses of a container.
    ///
    /// # Errors
    /// The first invalid one.
    pub(super) fn check_extra(
        &self,
        node: &NodeName,
        attachments: &[Attachment],
        addresses: &[IpAddr],
    ) -> Result<(), ExtraError> {
        addresses.iter().try_for_each(|ip| self.check_extra_address(node, attachments, *ip))
    }

    fn check_extra_address(
        &self,
        node: &NodeName,
        attachments: &[Attachment],
        ip: IpAddr,
    ) -> Result<(), ExtraError> {
        let node = node.clone();
        let attached = |name: &NetName| attachments.iter().any(|attachment| attachment.network == *name);
        let mut networks = self.networks().iter().filter(|network| attached(&network.name));
        let found = networks.find_map(|network| Some((network, network.subnet_of(ip)?)));
        let Some((network, subnet)) = found else { return Err(ExtraError::Outside { node, ip }) };
        if let Some(what) = reserved(ip, subnet, &network.gateways) {
            return Err(ExtraError::Reserved { node, ip, what, network: network.name.clone() });
        }
        match self.owner(ip) {
            Some(owner) => Err(ExtraError::Owned { node, ip, owner: owner.to_owned() }),
            None => Ok(()),
        }
    }
}
