//! Why a plan does not fit this host.

use std::net::IpAddr;

use inventory::IfName;
use ipnet::IpNet;
use thiserror::Error;

use crate::steps::network::modules::Module;

/// The plan does not fit this host. Nothing was changed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// A lower device does not exist.
    #[error(
        "{kind} {device}: interface {port} does not exist; this host has {present}; correct nicdevices.{device}"
    )]
    NoPort {
        /// Kind of the upper device.
        kind: &'static str,
        /// The upper device.
        device: IfName,
        /// The interface in the tables.
        port: IfName,
        /// The host's interfaces.
        present: String,
    },
    /// An interface with an address does not exist.
    #[error("interface {nic} has addresses in nicips, but does not exist; this host has {present}")]
    NoNic {
        /// The interface in the tables.
        nic: IfName,
        /// The host's interfaces.
        present: String,
    },
    /// No interface has the address.
    #[error(
        "no interface has {address}, so the NIC of bridge {bridge} is unknown; this host has {present}; name one (nictypes.{bridge}=bridge nicdevices.{bridge}=NIC nicnetworks.{bridge}=NETWORK)"
    )]
    NoNicWithAddress {
        /// The bridge.
        bridge: IfName,
        /// The host's address in the tables.
        address: IpAddr,
        /// The host's interfaces.
        present: String,
    },
    /// Another bridge has the address.
    #[error(
        "{address} is on bridge {other}, not on a NIC; to use {other}, name it in the tables (nictypes.{other}=bridge nicdevices.{other}=NIC nicnetworks.{other}=NETWORK)"
    )]
    OnBridge {
        /// The host's address in the tables.
        address: IpAddr,
        /// The bridge that has it.
        other: IfName,
    },
    /// A bond or VLAN device that is not in the tables has the address. It would be missing after the next
    /// boot.
    #[error(
        "{address} is on {kind} {other}, which is not in the tables; add it (nictypes.{other}={kind} nicdevices.{other}=NIC)"
    )]
    Unnamed {
        /// The host's address in the tables.
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
        /// The address in the tables.
        address: IpAddr,
        /// The device that has it in the tables.
        device: IfName,
        /// The device that has it now.
        other: IfName,
    },
    /// The bridge has several NICs.
    #[error("bridge {bridge} has the ports {ports}; name its NIC (nicdevices.{bridge}=NIC)")]
    Ports {
        /// The bridge.
        bridge: IfName,
        /// Its ports.
        ports: String,
    },
    /// The NIC has another master.
    #[error(
        "{port} is a port of {other}, so {kind} {device} cannot use it; detach it from {other}, or correct nicdevices.{device}"
    )]
    Enslaved {
        /// Kind of the upper device.
        kind: &'static str,
        /// The upper device.
        device: IfName,
        /// The NIC.
        port: IfName,
        /// Its current master.
        other: String,
    },
    /// Bonds, VLANs and bridges carry Ethernet frames only.
    #[error("{port} is not an Ethernet interface, so {kind} {device} cannot use it")]
    NotEthernet {
        /// Kind of the upper device.
        kind: &'static str,
        /// The upper device.
        device: IfName,
        /// The interface.
        port: IfName,
    },
    /// InfiniBand, which looks like Ethernet in the tables.
    #[error("{port} is InfiniBand, which carries no Ethernet frames, so {kind} {device} cannot use it")]
    Infiniband {
        /// Kind of the upper device.
        kind: &'static str,
        /// The upper device.
        device: IfName,
        /// The interface.
        port: IfName,
    },
    /// The NIC does not support the MTU.
    #[error(
        "{device} has an MTU of {mtu} in the tables, but {port} supports at most {max}; correct networks.mtu or nicextraparams.{device}"
    )]
    Mtu {
        /// The device with this MTU in the tables.
        device: IfName,
        /// The MTU in bytes.
        mtu: u32,
        /// The NIC.
        port: IfName,
        /// Its largest MTU.
        max: u32,
    },
    /// Another device has the name.
    #[error("the name of {kind} {device} is used by another interface; rename the interface or the {kind}")]
    NameTaken {
        /// Kind of the device in the tables.
        kind: &'static str,
        /// Its name.
        device: IfName,
    },
    /// The VLAN device exists for another VLAN or parent.
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
        /// VLAN in the tables.
        wanted: u16,
        /// Parent in the tables.
        on: IfName,
    },
    /// The driver cannot change this option on a bond in use.
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
    /// The driver does not have this option or value.
    #[error("the bonding driver does not support {option}; correct nicextraparams.{device}")]
    BondOption {
        /// The bond.
        device: IfName,
        /// `NAME=VALUE`.
        option: String,
    },
    /// A port has an address that would be lost.
    #[error(
        "{port} has {address}, which is not in the tables; add it to nicips.{device}, because {kind} {device} takes over the addresses of {port}, or remove the address"
    )]
    Foreign {
        /// Kind of the device that takes over.
        kind: &'static str,
        /// Its name.
        device: IfName,
        /// The NIC.
        port: IfName,
        /// The address.
        address: IpNet,
    },
    /// The kernel lacks a module.
    #[error(
        "{kind} {device} needs kernel module {module}, which this host does not have; install the package with all modules of its kernel (linux-modules-extra-VERSION, kernel-modules-extra), or boot a kernel that has it"
    )]
    Lacking {
        /// Kind of the device.
        kind: &'static str,
        /// Its name.
        device: IfName,
        /// The missing module.
        module: Module,
    },
    /// Open vSwitch is not running.
    #[error(
        "{device} is an Open vSwitch bridge, but Open vSwitch does not run on this host; install and start it (Debian and Ubuntu: openvswitch-switch; others: openvswitch)"
    )]
    NoSwitch {
        /// The bridge.
        device: IfName,
    },
}
