//! Errors of the host plan.

use std::net::IpAddr;

use thiserror::Error;

use crate::name::{IfName, NetName, NodeName};
use crate::nics::NicKind;

/// Error in the columns of a host. Each message names host, column and value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostPlanError {
    /// `hosts.ip` is in no network.
    #[error("no row of networks contains {ip}, the hosts.ip of {host}; add the row or correct the address")]
    NoMatchingNetwork {
        /// The host.
        host: NodeName,
        /// Its address.
        ip: IpAddr,
    },
    /// A device that cannot be on top of the other.
    #[error("nicdevices.{upper}={lower} of {host}: {rule}")]
    Stacking {
        /// The host.
        host: NodeName,
        /// The device.
        upper: IfName,
        /// Lower device.
        lower: IfName,
        /// Broken rule.
        rule: String,
    },
    /// A device with too few or too many lower devices.
    #[error("nictypes.{nic}={kind} of {host} needs {needed} in nicdevices.{nic}, not {found}")]
    Ports {
        /// The host.
        host: NodeName,
        /// The device.
        nic: IfName,
        /// Its type.
        kind: NicKind,
        /// How many it needs.
        needed: &'static str,
        /// Number of lower devices.
        found: usize,
    },
    /// `nicnetworks` names a network that does not exist.
    #[error("nicnetworks.{nic}={network} of {host}: no row of networks has this netname")]
    UnknownNetwork {
        /// The node.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// Value of the column.
        network: NetName,
    },
    /// A bridge without a network.
    #[error("nictypes.{bridge}={kind} of {host} has no network; set nicnetworks.{bridge}")]
    NoNetwork {
        /// The host.
        host: NodeName,
        /// The bridge.
        bridge: IfName,
        /// Its type.
        kind: NicKind,
    },
    /// An address outside of its network, or of all networks.
    #[error("nicips.{nic}={ip} of {host} is not in {networks}")]
    Outside {
        /// The host.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// The address.
        ip: IpAddr,
        /// Networks that do not contain the address.
        networks: String,
    },
    /// Two devices that exclude each other.
    #[error("{what} {first} and {second} of {host} share {shared}; each needs its own")]
    Shared {
        /// The host.
        host: NodeName,
        /// `bridges`, `bonds` or `devices`.
        what: &'static str,
        /// One.
        first: IfName,
        /// The other.
        second: IfName,
        /// Their common name, network, port or address.
        shared: String,
    },
    /// Networks or `nicextraparams` of a device have no common, valid MTU.
    #[error("{nic} of {host} has no valid MTU: {why}")]
    Mtu {
        /// The host.
        host: NodeName,
        /// The device.
        nic: IfName,
        /// The values.
        why: String,
    },
    /// A VLAN without a unique number.
    #[error("{nic} of {host}: {why}")]
    Vlan {
        /// The host.
        host: NodeName,
        /// The device.
        nic: IfName,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Invalid value in `nicextraparams`.
    #[error("nicextraparams.{nic} of {host}: {why}")]
    Param {
        /// The host.
        host: NodeName,
        /// The device.
        nic: IfName,
        /// The rule.
        why: String,
    },
}
