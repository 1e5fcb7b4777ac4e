//! Finds where a device is named outside of the network manager's files: firewalls, sysctl files, services.
//! If the device becomes a port of a bridge or bond, its packets are received through that one, and settings
//! that name the port no longer apply. A host whose firewall accepts ssh on `eth0` only would be cut off.
//!
//! ```text
//! reference.rs  one reference
//! device.rs     device names and patterns, as a firewall matches them
//! ruleset.rs    chains of a packet filter, and whether a new ssh connection passes them
//! iptables.rs   iptables-save, and the files that are loaded at boot
//! nftables/     nft -j list ruleset
//! sysctl.rs     sysctl.d(5)
//! services.rs   a table of files and of the keywords in them that name a device
//! tables.rs     routes of other routing tables
//! moved.rs      devices whose packets will be received through another device
//! survey.rs     reads this host
//! ```

mod device;
mod iptables;
mod moved;
mod nftables;
mod reference;
mod ruleset;
mod services;
mod survey;
mod sysctl;
mod tables;

pub(super) use moved::moved;
pub use reference::{Effect, Moved, Reference, Survey};
pub use ruleset::NewSsh;
pub(super) use survey::survey;
pub(super) use tables::further_routes;
