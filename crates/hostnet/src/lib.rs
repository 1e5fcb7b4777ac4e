//! Configures the kernel's network and Open vSwitch. No other crate does.
//!
//! [`Kernel`] reads and changes interfaces, addresses and routes over netlink. [`Events`] reports that something
//! changed. [`arp`] and [`ndp`] probe and announce addresses. [`echo`] pings. [`firewall`] lets bridged traffic pass
//! Docker's FORWARD policy. [`publish`] publishes ports of containers. [`netns`] runs code in another network namespace,
//! where [`listen`] opens sockets. [`ovs`] reads and changes Open vSwitch.
//!
//! This crate makes no decisions: callers plan, it executes and reports. Calls act on the network namespace of the
//! thread that opened the connection ([`Kernel::open`], [`Events::open`]) or that polls the future (all others).

pub mod arp;
pub mod bond;
pub mod conntrack;
pub mod echo;
pub mod firewall;
pub mod listen;
pub mod ndp;
pub mod netns;
pub mod ovs;
pub mod privilege;
pub mod publish;

mod address;
mod bridge;
mod device;
mod error;
mod ethtool;
mod events;
mod host_isolation;
mod kernel;
mod link;
mod neighbour;
mod packet;
mod port_filter;
mod probe;
mod route;
mod veth;
mod vlan;
mod watch;

pub use bond::BondSpec;
pub use bridge::BridgeSpec;
pub use error::NetError;
pub use events::{Change, Events, EventsError, NetworkEvents};
pub use host_isolation::HostIpFilter;
pub use kernel::Kernel;
pub use link::{BridgeSettings, Kind, Layer, Link, Settings};
pub use neighbour::{FdbEntry, Neighbour, NeighbourState};
pub use packet::PacketError;
pub use port_filter::{AddressSet, Direction, Identity, Installed, Isolation, PortFilter};
pub use route::Route;
pub use veth::{Veth, host_mac};
pub use vlan::VlanSpec;
