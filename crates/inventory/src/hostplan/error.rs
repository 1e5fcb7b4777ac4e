//! What makes no plan.

use std::net::IpAddr;

use thiserror::Error;

use crate::name::{IfName, NetName, NodeName};
use crate::nics::NicKind;

/// Columns from which no plan can be made. Each message names host, column and value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostPlanError {
    /// `hosts.ip` lies nowhere.
    #[error("no row of networks contains {ip}, the hosts.ip of {host}; add the row or correct the address")]
    NoMatchingNetwork {
        /// The host.
        host: NodeName,
        /// Its address.
        ip: IpAddr,
    },
    /// A device that can not be on that one.
    #[error("nicdevices.{upper}={lower} of {host}: {rule}")]
    Stacking {
        /// The host.
        host: NodeName,
        /// The device.
        upper: IfName,
        /// What it shall stand on.
        lower: IfName,
        /// Why it can not.
        rule: String,
    },
    /// A device with too few or too many below it.
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
        /// How many there are.
        found: usize,
    },
    /// `nicnetworks` names none of `networks`.
    #[error("nicnetworks.{nic}={network} of {host}: no row of networks has this netname")]
    UnknownNetwork {
        /// The node.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// What it says.
        network: NetName,
    },
    /// A bridge for no network.
    #[error("nictypes.{bridge}={kind} of {host} has no network; set nicnetworks.{bridge}")]
    NoNetwork {
        /// The host.
        host: NodeName,
        /// The bridge.
        bridge: IfName,
        /// Its type.
        kind: NicKind,
    },
    /// An address outside of the network that is named for it, or of every one.
    #[error("nicips.{nic}={ip} of {host} is not in {networks}")]
    Outside {
        /// The host.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// The address.
        ip: IpAddr,
        /// Where it was looked for.
        networks: String,
    },
    /// Two devices that can not both be.
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
    /// Two networks on one device, or `nicextraparams`, give no one MTU.
    #[error("{nic} of {host} has no valid MTU: {why}")]
    Mtu {
        /// The host.
        host: NodeName,
        /// The device.
        nic: IfName,
        /// The values.
        why: String,
    },
    /// A VLAN without one number.
    #[error("{nic} of {host}: {why}")]
    Vlan {
        /// The host.
        host: NodeName,
        /// The device.
        nic: IfName,
        /// What is wrong, and what to do.
        why: String,
    },
    /// `nicextraparams` with a wrong value.
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
