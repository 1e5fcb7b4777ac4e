//! Errors of the kernel.

use std::io;
use std::net::IpAddr;

use inventory::IfName;
use ipnet::IpNet;
use thiserror::Error;

/// An operation that the kernel refused. The source contains its errno.
#[derive(Debug, Error)]
pub enum NetError {
    /// The netlink socket could not be opened.
    #[error("cannot open a netlink socket")]
    Open {
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A dump failed.
    #[error("cannot list the {what} of this host")]
    List {
        /// `links`, `addresses` or `routes`.
        what: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The interface does not exist.
    #[error("interface {device} does not exist")]
    Missing {
        /// Its name.
        device: IfName,
    },
    /// A name of a veth pair is already used.
    #[error("interface {host_end} or {container_end} already exists")]
    Exists {
        /// The host end.
        host_end: IfName,
        /// The container end.
        container_end: IfName,
    },
    /// A device of another kind has the name.
    #[error("interface {device} already exists and is not a {kind}")]
    WrongKind {
        /// The name.
        device: IfName,
        /// The expected kind.
        kind: &'static str,
    },
    /// The driver does not know the option or the value.
    #[error("the bonding driver does not accept {option} for {device}")]
    BondOption {
        /// The bond.
        device: IfName,
        /// `NAME=VALUE`.
        option: String,
    },
    /// A bond was not created.
    #[error("cannot create bond {device}")]
    AddBond {
        /// Its name.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A VLAN device was not created.
    #[error("cannot create {device} for VLAN {id}")]
    AddVlan {
        /// Its name.
        device: IfName,
        /// The VLAN.
        id: u16,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A veth pair was not created.
    #[error("cannot create veth pair {host_end} and {container_end}{}", On(bridge))]
    Attach {
        /// The host end.
        host_end: IfName,
        /// The container end.
        container_end: IfName,
        /// Index of the bridge.
        bridge: Option<u32>,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A bridge was not created.
    #[error("cannot create bridge {device}")]
    AddBridge {
        /// Its name.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// An interface was not deleted.
    #[error("cannot delete interface {device}")]
    Delete {
        /// Its name.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A property was not set.
    #[error("cannot set {property} of interface {device}")]
    Set {
        /// The interface.
        device: IfName,
        /// The property with its value, such as `MTU 9000`.
        property: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The filter of a port was not set.
    #[error("cannot set the filter of port {device}")]
    Filter {
        /// The port.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The kernel cannot filter frames.
    #[error(
        "cannot set the filter of port {device}: the kernel lacks the module sch_ingress or cls_bpf; install the package with all modules of this kernel, or set antispoof=no in vm.othersettings of the container"
    )]
    NoTrafficControl {
        /// The port.
        device: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// An address was not added.
    #[error("cannot add address {address} to interface {device}")]
    AddAddress {
        /// The interface.
        device: IfName,
        /// The address.
        address: IpNet,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// An address was not removed.
    #[error("cannot remove address {address} from interface {device}")]
    DelAddress {
        /// The interface.
        device: IfName,
        /// The address.
        address: IpNet,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A route was not added.
    #[error("cannot add route to {destination} via {} through {device}", Via(gateway))]
    AddRoute {
        /// The interface.
        device: IfName,
        /// The destination.
        destination: IpNet,
        /// The next hop.
        gateway: Option<IpAddr>,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A route was not removed.
    #[error("cannot remove route to {destination} via {} through {device}", Via(gateway))]
    DelRoute {
        /// The interface.
        device: IfName,
        /// The destination.
        destination: IpNet,
        /// The next hop.
        gateway: Option<IpAddr>,
        /// Cause.
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
