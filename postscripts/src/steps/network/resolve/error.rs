//! What a machine can not follow, and how it is said.

use std::net::IpAddr;

use inventory::IfName;
use ipnet::IpNet;
use thiserror::Error;

use crate::steps::network::modules::Module;

/// A plan that this machine can not follow. Nothing was changed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// The port is not there.
    #[error(
        "{kind} {device}: interface {port} does not exist; this host has {present}; correct nicdevices.{device}"
    )]
    NoPort {
        /// What it is.
        kind: &'static str,
        /// The device above it.
        device: IfName,
        /// What the tables name.
        port: IfName,
        /// What is there.
        present: String,
    },
    /// An interface with an address is not there.
    #[error("interface {nic} has addresses in nicips, but does not exist; this host has {present}")]
    NoNic {
        /// What the tables name.
        nic: IfName,
        /// What is there.
        present: String,
    },
    /// No interface has the address.
    #[error(
        "no interface has {address}, so the NIC of bridge {bridge} is unknown; this host has {present}; name one (nictypes.{bridge}=bridge nicdevices.{bridge}=NIC nicnetworks.{bridge}=NETWORK)"
    )]
    NoNicWithAddress {
        /// The bridge.
        bridge: IfName,
        /// The address of the tables.
        address: IpAddr,
        /// What is there.
        present: String,
    },
    /// Another bridge has the address.
    #[error(
        "{address} is on bridge {other}, not on a NIC; to use {other}, name it in the tables (nictypes.{other}=bridge nicdevices.{other}=NIC nicnetworks.{other}=NETWORK)"
    )]
    OnBridge {
        /// The address of the tables.
        address: IpAddr,
        /// The bridge that has it.
        other: IfName,
    },
    /// A bond or VLAN that the tables do not have carries the address: without them it would not be made at boot.
    #[error(
        "{address} is on {kind} {other}, which is not in the tables; add it (nictypes.{other}={kind} nicdevices.{other}=NIC)"
    )]
    Unnamed {
        /// The address of the tables.
        address: IpAddr,
        /// `bond` or `vlan`.
        kind: &'static str,
        /// The device that has it.
        other: IfName,
    },
    /// The address would be on two interfaces.
    #[error(
        "{address} belongs to {device} in the tables, but is on {other}, which is not below {device}; correct nicips or nicdevices, or remove the address"
    )]
    Elsewhere {
        /// The address of the tables.
        address: IpAddr,
        /// Who shall have it.
        device: IfName,
        /// Who has it.
        other: IfName,
    },
    /// Several NICs are in the bridge.
    #[error("bridge {bridge} has the ports {ports}; name its NIC (nicdevices.{bridge}=NIC)")]
    Ports {
        /// The bridge.
        bridge: IfName,
        /// Its ports.
        ports: String,
    },
    /// The NIC is in use.
    #[error(
        "{port} is a port of {other}, so {kind} {device} cannot use it; detach it from {other}, or correct nicdevices.{device}"
    )]
    Enslaved {
        /// What it is.
        kind: &'static str,
        /// The device that shall have it.
        device: IfName,
        /// The NIC.
        port: IfName,
        /// Where it is.
        other: String,
    },
    /// Bonds, VLANs and bridges carry Ethernet frames only.
    #[error("{port} is not an Ethernet interface, so {kind} {device} cannot use it")]
    NotEthernet {
        /// What it is.
        kind: &'static str,
        /// The device above it.
        device: IfName,
        /// The interface.
        port: IfName,
    },
    /// The same, for what one might have expected to work.
    #[error("{port} is InfiniBand, which carries no Ethernet frames, so {kind} {device} cannot use it")]
    Infiniband {
        /// What it is.
        kind: &'static str,
        /// The device above it.
        device: IfName,
        /// The interface.
        port: IfName,
    },
    /// The NIC can not.
    #[error(
        "{device} has an MTU of {mtu} in the tables, but {port} supports at most {max}; correct networks.mtu or nicextraparams.{device}"
    )]
    Mtu {
        /// Who shall have it.
        device: IfName,
        /// What it shall have, in bytes.
        mtu: u32,
        /// The NIC that can not.
        port: IfName,
        /// What it can.
        max: u32,
    },
    /// The name is taken.
    #[error("the name of {kind} {device} is used by another interface; rename the interface or the {kind}")]
    NameTaken {
        /// What it shall be.
        kind: &'static str,
        /// Its name.
        device: IfName,
    },
    /// A VLAN device of that name is for something else.
    #[error(
        "{device} is VLAN {id} of {parent}, but VLAN {wanted} of {on} in the tables; remove it (ip link delete {device}), or correct the tables"
    )]
    OtherVlan {
        /// The device.
        device: IfName,
        /// Its VLAN.
        id: u16,
        /// Its parent.
        parent: String,
        /// What the tables say.
        wanted: u16,
        /// The parent that the tables say.
        on: IfName,
    },
    /// The driver does not change that of a bond in use.
    #[error(
        "{device} has {now}, but {wanted} in the tables; the kernel cannot change this on a bond in use; delete the bond (ip link delete {device}, at the console if this host is reached through it), or correct nicextraparams.{device}"
    )]
    FixedOption {
        /// The bond.
        device: IfName,
        /// `mode=active-backup`.
        now: String,
        /// `mode=802.3ad`.
        wanted: String,
    },
    /// The driver has no such value.
    #[error("the bonding driver does not support {option}; correct nicextraparams.{device}")]
    BondOption {
        /// The bond.
        device: IfName,
        /// `NAME=VALUE`.
        option: String,
    },
    /// An address that would be lost.
    #[error(
        "{port} has {address}, which is not in the tables; add it to nicips.{device}, because {kind} {device} takes over the addresses of {port}, or remove the address"
    )]
    Foreign {
        /// What takes its place.
        kind: &'static str,
        /// Its name.
        device: IfName,
        /// The NIC.
        port: IfName,
        /// The address.
        address: IpNet,
    },
    /// The kernel can not.
    #[error(
        "{kind} {device} needs kernel module {module}, which this host does not have; install the package with all modules of its kernel (linux-modules-extra-VERSION, kernel-modules-extra), or boot a kernel that has it"
    )]
    Lacking {
        /// What it is.
        kind: &'static str,
        /// Its name.
        device: IfName,
        /// What the kernel has not.
        module: Module,
    },
    /// No Open vSwitch.
    #[error(
        "{device} is an Open vSwitch bridge, but Open vSwitch does not run on this host; install and start it (Debian and Ubuntu: openvswitch-switch; others: openvswitch)"
    )]
    NoSwitch {
        /// The bridge.
        device: IfName,
    },
}
