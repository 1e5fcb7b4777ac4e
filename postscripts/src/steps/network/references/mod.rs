//! What outside of the network manager's files names a device by its name: firewalls, sysctl files, services. When the device
//! becomes a port of a bridge or bond, its packets come in through that one, and whatever names the port no longer applies.
//! A host whose firewall accepts ssh on `eth0` only would be cut off.
//!
//! ```text
//! reference.rs  one finding
//! device.rs     names and patterns of devices, as a firewall matches them
//! ruleset.rs    a packet filter's chains, and whether a new ssh connection passes them
//! iptables.rs   iptables-save, and the files that are loaded at boot
//! nftables/     nft -j list ruleset
//! sysctl.rs     sysctl.d(5)
//! services.rs   a table of files and of the words in them that name a device
//! tables.rs     routes of further tables
//! look.rs       reads this machine
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
