//! How the kernel refused.

use std::io;
use std::net::IpAddr;

use inventory::IfName;
use ipnet::IpNet;
use thiserror::Error;

/// An operation that the kernel did not do. The source is the kernel's own errno.
#[derive(Debug, Error)]
pub enum NetError {
    /// No netlink socket.
    #[error("cannot open a netlink socket")]
    Open {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A dump of `what` did not come.
    #[error("cannot list the {what} of this machine")]
    List {
        /// Links, addresses, routes.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The interface to act on is not there.
    #[error("there is no interface {device}")]
    Missing {
        /// Its name.
        device: IfName,
    },
    /// One of a pair's names is taken.
    #[error("there is an interface {host_end} or {container_end} already")]
    Exists {
        /// The end that was to stay.
        host_end: IfName,
        /// The end that the container was to get.
        container_end: IfName,
    },
    /// The name is taken by something else.
    #[error("there is an interface {device} already, and it is no bridge")]
    NoBridge {
        /// The name that was to be made.
        device: IfName,
    },
    /// The name is taken by something else.
    #[error("there is an interface {device} already, and it is no {kind}")]
    NotThat {
        /// The name that was to be made.
        device: IfName,
        /// What was to be made.
        kind: &'static str,
    },
    /// The driver has no such option, or it can not have that value.
    #[error("the bonding driver knows no {option}, which {device} shall have")]
    BondOption {
        /// The bond.
        device: IfName,
        /// `NAME=VALUE`.
        option: String,
    },
    /// A bond was not made.
    #[error("cannot make the bond {device}")]
    AddBond {
        /// Its name.
        device: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A VLAN device was not made.
    #[error("cannot make {device} for VLAN {id}")]
    AddVlan {
        /// Its name.
        device: IfName,
        /// The VLAN.
        id: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A veth pair was not made; nothing of it is left.
    #[error("cannot make the pair {host_end} and {container_end}{}", On(bridge))]
    Attach {
        /// The end that stays.
        host_end: IfName,
        /// The end that the container gets.
        container_end: IfName,
        /// Index of the bridge.
        bridge: Option<u32>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A bridge was not made.
    #[error("cannot make the bridge {device}")]
    AddBridge {
        /// Its name.
        device: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An interface was not deleted.
    #[error("cannot delete the interface {device}")]
    Delete {
        /// Its name.
        device: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A property was not set.
    #[error("cannot set {property} of the interface {device}")]
    Set {
        /// The interface.
        device: IfName,
        /// What was to be, such as `MTU 9000`.
        property: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An address was not added.
    #[error("cannot add the address {address} to the interface {device}")]
    AddAddress {
        /// The interface.
        device: IfName,
        /// The address.
        address: IpNet,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An address was not removed.
    #[error("cannot remove the address {address} from the interface {device}")]
    DelAddress {
        /// The interface.
        device: IfName,
        /// The address.
        address: IpNet,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A route was not added.
    #[error("cannot add the route to {destination} via {} through {device}", Via(gateway))]
    AddRoute {
        /// The interface.
        device: IfName,
        /// Where it leads.
        destination: IpNet,
        /// The next hop.
        gateway: Option<IpAddr>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A route was not removed.
    #[error("cannot remove the route to {destination} via {} through {device}", Via(gateway))]
    DelRoute {
        /// The interface.
        device: IfName,
        /// Where it leads.
        destination: IpNet,
        /// The next hop.
        gateway: Option<IpAddr>,
        /// Why.
        #[source]
        source: io::Error,
    },
}

struct On<'a>(&'a Option<u32>);

impl std::fmt::Display for On<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(index) => write!(f, " on the bridge with index {index}"),
            None => Ok(()),
        }
    }
}

struct Via<'a>(&'a Option<IpAddr>);

impl std::fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(gateway) => write!(f, "{gateway}"),
            None => f.write_str("the link"),
        }
    }
}
