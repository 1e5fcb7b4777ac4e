//! Who makes this host's network at boot, and the files from which it does.
//!
//! ```text
//! detect.rs    which manager has the NICs
//! tree.rs      its files as they are, and what they say of a device
//! view.rs      a device as the templates take it; views.rs, bond.rs from the network to that
//! wanted.rs    its files as they shall be: ours, and those of others without our devices
//! adopt/       how the one that runs is told of a change
//! confirmed.rs  its files when the network was confirmed, and what differs since
//! dropins.rs   what keeps managers away from containers' interfaces
//! nic.rs       what identifies an interface to a manager's definitions; glob.rs: patterns
//! kept.rs      settings of others' files that ours take over as they stand; statics.rs: addresses; takeover.rs: what becomes of a setting
//! dialect.rs   what each manager's module does: ifupdown/, networkd, networkmanager, netplan, ifcfg, wicked
//! ini.rs, sysconfig.rs   grammars that several of them share
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

/// A program that makes a host's network at boot from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// Debian's: interfaces(5).
    Ifupdown,
    /// systemd's: systemd.network(5).
    Networkd,
    /// NetworkManager, with key files.
    NetworkManager,
    /// Ubuntu's: netplan(5), which has networkd or NetworkManager do it.
    Netplan,
    /// Red Hat's network-scripts.
    Ifcfg,
    /// SUSE's: ifcfg(5) of wicked.
    Wicked,
}

impl Manager {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ifupdown, Self::Networkd, Self::NetworkManager, Self::Netplan, Self::Ifcfg, Self::Wicked];
}

impl Manager {
    /// Whether a daemon of its own keeps the network as its files say.
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
