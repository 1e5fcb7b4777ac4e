//! A container's network attachments, from `hosts.ip`, `mac.mac`, `vm.nics` and its row of `nics`. Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use crate::container::{Attachment, Network};
use crate::mac::MacAddr;
use crate::name::{IfName, NetName, NodeName};
use crate::networks::around;
use crate::nics::{Nic, Nics};

/// The columns that define a container's attachments.
#[derive(Debug)]
pub struct AddressColumns<'a> {
    /// The node.
    pub node: &'a NodeName,
    /// `hosts.ip`.
    pub ip: IpAddr,
    /// `mac.mac`.
    pub mac: Option<MacAddr>,
    /// `vm.nics` in its order; may be empty.
    pub listed: &'a [NetName],
    /// Row of `nics`.
    pub nics: &'a Nics,
    /// All networks.
    pub networks: &'a [Network],
}

/// Error in a container's network columns. Each message names node, column and value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AttachError {
    /// Address that is in no network.
    #[error("no row of networks contains {ip}, the {column} of {node}; add the row or correct the address")]
    NoMatchingNetwork {
        /// The node.
        node: NodeName,
        /// Column of the address.
        column: String,
        /// The address.
        ip: IpAddr,
    },
    /// Network that is not in the table.
    #[error("{column}={network} of {node}: no row of networks has this netname")]
    UnknownNetwork {
        /// The node.
        node: NodeName,
        /// `vm.nics` or `nicnetworks.NIC`.
        column: String,
        /// Value of the column.
        network: NetName,
    },
    /// Address outside of its network.
    #[error("nicips.{nic}={ip} of {node} is not in network {network}, which nicnetworks.{nic} names")]
    Outside {
        /// The node.
        node: NodeName,
        /// The interface.
        nic: IfName,
        /// The address.
        ip: IpAddr,
        /// The network.
        network: NetName,
    },
    /// Reserved address of a network.
    #[error(
        "{column}={ip} of {node} is the {what} of network {network} ({subnet}); give the node another address"
    )]
    Reserved {
        /// The node.
        node: NodeName,
        /// Column of the address.
        column: String,
        /// The address.
        ip: IpAddr,
        /// `network address`, `broadcast address` or `gateway`.
        what: &'static str,
        /// The network.
        network: NetName,
        /// Subnet of the network.
        subnet: IpNet,
    },
    /// `vm.nics` does not begin with the network of `hosts.ip`.
    #[error(
        "vm.nics={listed} of {node} must begin with {primary}, the network that contains its hosts.ip {ip}"
    )]
    NotFirst {
        /// The node.
        node: NodeName,
        /// First network of `vm.nics`.
        listed: NetName,
        /// The network of `hosts.ip`.
        primary: NetName,
        /// `hosts.ip`.
        ip: IpAddr,
    },
    /// `vm.nics` names a network in which the node has no address.
    #[error(
        "vm.nics of {node} names {network}, where the node has no address; set nicips.NIC=ADDRESS and nicnetworks.NIC={network}"
    )]
    NoAddress {
        /// The node.
        node: NodeName,
        /// The network.
        network: NetName,
    },
    /// Two addresses of one family on one network. Docker allows one.
    #[error("{node} has two {family} addresses on network {network}, {first} and {second}; remove one")]
    TwoAddresses {
        /// The node.
        node: NodeName,
        /// The network.
        network: NetName,
        /// `IPv4` or `IPv6`.
        family: &'static str,
        /// The first.
        first: IpAddr,
        /// The second.
        second: IpAddr,
    },
    /// Two interfaces on one network. Docker connects a container to a network once.
    #[error(
        "interfaces {first} and {second} of {node} are both on network {network}; a container connects to a network only once"
    )]
    TwoNics {
        /// The node.
        node: NodeName,
        /// The network.
        network: NetName,
        /// One interface.
        first: IfName,
        /// The other.
        second: IfName,
    },
    /// One interface on two networks.
    #[error(
        "interface {nic} of {node} is on networks {first} and {second}; give each network its own interface in nicips"
    )]
    TwoNetworks {
        /// The node.
        node: NodeName,
        /// The interface.
        nic: IfName,
        /// One network.
        first: NetName,
        /// The other.
        second: NetName,
    },
}

impl AddressColumns<'_> {
    /// Attachments: first that of `hosts.ip`, then those of `nics` in its order.
    ///
    /// # Errors
    /// Columns that contradict each other or `networks`.
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        let primary = self.primary()?;
        self.refuse_listed(&primary.name)?;
        let mut attachments = vec![self.on_primary(primary)?];
        for nic in self.nics.iter().filter(|nic| nic.is_ethernet()) {
            for (ip, named) in nic.addresses() {
                let network = self.network_of(nic, ip, named)?;
                self.refuse_reserved(&format!("nicips.{}", nic.name), ip, network)?;
                self.add(&mut attachments, &nic.name, ip, network)?;
            }
        }
        self.refuse_absent(&attachments)?;
        Ok(attachments)
    }

    fn primary(&self) -> Result<&Network, AttachError> {
        let network =
            around(self.networks, self.ip).ok_or_else(|| self.no_matching_network("hosts.ip", self.ip))?;
        self.refuse_reserved("hosts.ip", self.ip, network)?;
        Ok(network)
    }

    fn no_matching_network(&self, column: &str, ip: IpAddr) -> AttachError {
        AttachError::NoMatchingNetwork { node: self.node.clone(), column: column.to_owned(), ip }
    }

    /// Interface of the primary network: the one in `nics`, else `eth0`.
    fn on_primary(&self, primary: &Network) -> Result<Attachment, AttachError> {
        let mut named = None;
        for nic in self.nics.iter().filter(|nic| nic.is_ethernet()) {
            for (ip, network) in nic.addresses() {
                if named.is_none() && self.network_of(nic, ip, network)? == primary {
                    named = Some(nic.name.clone());
                }
            }
        }
        Ok(Attachment {
            network: primary.name.clone(),
            nic: named.unwrap_or_else(IfName::eth0),
            mac: self.mac.unwrap_or_else(|| MacAddr::derive(self.node, &primary.name)),
            addresses: vec![self.ip],
        })
    }

    fn network_of(&self, nic: &Nic, ip: IpAddr, named: Option<&NetName>) -> Result<&Network, AttachError> {
        let Some(name) = named else {
            return around(self.networks, ip)
                .ok_or_else(|| self.no_matching_network(&format!("nicips.{}", nic.name), ip));
        };
        let network = self.known(name, || format!("nicnetworks.{}", nic.name))?;
        match network.subnet_of(ip) {
            Some(_) => Ok(network),
            None => Err(AttachError::Outside {
                node: self.node.clone(),
                nic: nic.name.clone(),
                ip,
                network: name.clone(),
            }),
        }
    }

    fn known(&self, name: &NetName, column: impl Fn() -> String) -> Result<&Network, AttachError> {
        self.networks.iter().find(|network| network.name == *name).ok_or_else(|| {
            AttachError::UnknownNetwork { node: self.node.clone(), column: column(), network: name.clone() }
        })
    }

    fn add(
        &self,
        attachments: &mut Vec<Attachment>,
        nic: &IfName,
        ip: IpAddr,
        network: &Network,
    ) -> Result<(), AttachError> {
        for other in attachments.iter_mut() {
            match (other.nic == *nic, other.network == network.name) {
                (true, true) => return self.add_address(other, ip),
                (true, false) => {
                    return Err(AttachError::TwoNetworks {
                        node: self.node.clone(),
                        nic: nic.clone(),
                        first: other.network.clone(),
                        second: network.name.clone(),
                    });
                }
                (false, true) => {
                    return Err(AttachError::TwoNics {
                        node: self.node.clone(),
                        network: network.name.clone(),
                        first: other.nic.clone(),
                        second: nic.clone(),
                    });
                }
                (false, false) => {}
            }
        }
        attachments.push(Attachment {
            network: network.name.clone(),
            nic: nic.clone(),
            mac: MacAddr::derive(self.node, &network.name),
            addresses: vec![ip],
        });
        Ok(())
    }

    fn add_address(&self, attachment: &mut Attachment, ip: IpAddr) -> Result<(), AttachError> {
        let same_family = |other: &IpAddr| other.is_ipv4() == ip.is_ipv4();
        match attachment.addresses.iter().copied().find(same_family) {
            None => attachment.addresses.push(ip),
            Some(same) if same == ip => {}
            Some(first) => {
                return Err(AttachError::TwoAddresses {
                    node: self.node.clone(),
                    network: attachment.network.clone(),
                    family: if ip.is_ipv4() { "IPv4" } else { "IPv6" },
                    first,
                    second: ip,
                });
            }
        }
        Ok(())
    }

    fn refuse_reserved(&self, column: &str, ip: IpAddr, network: &Network) -> Result<(), AttachError> {
        let Some(subnet) = network.subnet_of(ip) else { return Ok(()) };
        let Some(what) = reserved(ip, subnet, &network.gateways) else { return Ok(()) };
        Err(AttachError::Reserved {
            node: self.node.clone(),
            column: column.to_owned(),
            ip,
            what,
            network: network.name.clone(),
            subnet,
        })
    }

    fn refuse_listed(&self, primary: &NetName) -> Result<(), AttachError> {
        for name in self.listed {
            self.known(name, || "vm.nics".to_owned())?;
        }
        match self.listed.first() {
            Some(listed) if listed != primary => Err(AttachError::NotFirst {
                node: self.node.clone(),
                listed: listed.clone(),
                primary: primary.clone(),
                ip: self.ip,
            }),
            _ => Ok(()),
        }
    }

    fn refuse_absent(&self, attachments: &[Attachment]) -> Result<(), AttachError> {
        let absent = |name: &&NetName| attachments.iter().all(|attachment| attachment.network != **name);
        match self.listed.iter().find(absent) {
            Some(network) => {
                Err(AttachError::NoAddress { node: self.node.clone(), network: network.clone() })
            }
            None => Ok(()),
        }
    }
}

/// The first and last address of a subnet are reserved (RFC 1122 3.2.1.3; in IPv6 only the first, RFC 4291
/// 2.6.1), except in the smallest subnets (RFC 3021, RFC 6164). The gateway belongs to a router.
pub(super) fn reserved(ip: IpAddr, subnet: IpNet, gateways: &[IpAddr]) -> Option<&'static str> {
    let small = subnet.max_prefix_len() - subnet.prefix_len() < 2;
    match ip {
        _ if gateways.contains(&ip) => Some("gateway"),
        _ if !small && ip == subnet.network() => Some("network address"),
        IpAddr::V4(_) if !small && ip == subnet.broadcast() => Some("broadcast address"),
        _ => None,
    }
}
