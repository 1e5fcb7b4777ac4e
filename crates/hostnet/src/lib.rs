//! The only code that touches the kernel's network.
//!
//! [`Kernel`] reads and changes interfaces, addresses and routes over one netlink connection; [`Events`] tells that
//! something changed; [`arp`] and [`ndp`] ask on the wire whether an address is in use, and tell the neighbours that
//! it is now; [`firewall`] keeps bridged traffic flowing past Docker's FORWARD policy; [`netns`] runs code in
//! another network namespace; [`ovs`] reads and changes an Open vSwitch.
//!
//! Nothing here decides: callers plan, this crate acts and says what it saw. Everything acts on the network namespace
//! of the thread that opened it ([`Kernel::open`], [`Events::open`]) or that polls it (the rest).

pub mod arp;
pub mod bond;
pub mod firewall;
pub mod ndp;
pub mod netns;
pub mod ovs;

mod address;
mod bridge;
mod device;
mod error;
mod ethtool;
mod events;
mod kernel;
mod link;
mod listen;
mod packet;
mod probe;
mod route;
mod veth;
mod vlan;
mod watch;

pub use bond::BondSpec;
pub use bridge::BridgeSpec;
pub use error::NetError;
pub use events::{Change, Events, EventsError};
pub use kernel::Kernel;
pub use link::{BridgeSettings, Kind, Layer, Link, Settings};
pub use listen::Hearing;
pub use packet::PacketError;
pub use route::Route;
pub use veth::{Veth, host_mac};
pub use vlan::VlanSpec;
