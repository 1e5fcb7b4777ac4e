//! The network manager of this host and its files.
//!
//! ```text
//! detect.rs             the manager that configures the NICs
//! tree.rs               its current files, and the settings of a device in them
//! device_template.rs    input of the templates for a device
//! device_templates.rs   creates it from the desired network; bond.rs
//! desired_files.rs      its desired files: ours, and foreign ones without our devices
//! adopt/                reloads the running manager after a change
//! confirmed.rs          its files when the network was confirmed, and what differs since
//! dropins.rs            drop-ins that keep managers away from containers' interfaces
//! nic.rs                properties by which definitions match an interface; glob.rs: patterns
//! takeover.rs           what happens to each setting of a foreign file
//! kept_block.rs         settings that ours contains unchanged; extra_addresses.rs: addresses
//! dialect.rs            the interface of ifupdown/, networkd/, networkmanager/, netplan/, ifcfg, wicked
//! ini.rs, sysconfig.rs  syntaxes that several of them share
//! ```

use std::fmt;

pub mod adopt;
mod bond;
mod confirmed;
mod desired_files;
mod detect;
mod device_template;
mod device_templates;
mod dialect;
mod dropins;
mod extra_addresses;
mod glob;
mod ifcfg;
pub mod ifupdown;
mod ini;
mod kept_block;
mod netplan;
mod networkd;
mod networkmanager;
mod nic;
mod sysconfig;
mod takeover;
mod tree;
mod wicked;

pub use confirmed::{ConfirmedFiles, Difference};
pub use desired_files::{FilesError, desired_files};
pub use detect::{DetectError, detect};
pub use device_templates::lost;
pub use dialect::{DroppedSetting, ParsedSettings, RefusedSetting, StaticAddress};
pub use nic::{Nic, Nics};
pub use tree::{File, ReadError, Tree};

/// A program that configures a host's network at boot from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// Debian: interfaces(5).
    Ifupdown,
    /// systemd: systemd.network(5).
    Networkd,
    /// NetworkManager, with keyfiles.
    NetworkManager,
    /// Ubuntu: netplan(5), which renders files for networkd or NetworkManager.
    Netplan,
    /// Red Hat: network-scripts.
    Ifcfg,
    /// SUSE: ifcfg(5) of wicked.
    Wicked,
}

impl Manager {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ifupdown, Self::Networkd, Self::NetworkManager, Self::Netplan, Self::Ifcfg, Self::Wicked];
}

impl Manager {
    /// Whether it has a daemon that reverts changes which are not in its files.
    pub fn has_daemon(self) -> bool {
        matches!(self, Self::Networkd | Self::NetworkManager | Self::Netplan)
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ifupdown => "ifupdown",
            Self::Networkd => "systemd-networkd",
            Self::NetworkManager => "NetworkManager",
            Self::Netplan => "netplan",
            Self::Ifcfg => "network-scripts",
            Self::Wicked => "wicked",
        })
    }
}
