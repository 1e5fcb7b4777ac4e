//! The options that say what a lab will be.

use clap::Args;
use lab::disk::Size;
use lab::plan::default_packages;
use lab::{Assignment, Fabric, LabName, Manager, Spec};

#[derive(Debug, Args)]
pub(super) struct Up {
    /// How many hosts.
    hosts: u8,
    /// How their eth0 are joined.
    #[arg(long, value_enum, default_value = "flat")]
    fabric: Fabric,
    /// NICs of each machine.
    #[arg(long, default_value_t = 2)]
    nics: u8,
    /// Plug eth1 into the same Ethernet as eth0, for a bond.
    #[arg(long)]
    bonded: bool,
    /// Put checksums into what goes on a cable, as real cards do: Open vSwitch's userspace datapath needs them.
    #[arg(long)]
    checksums: bool,
    /// Run udevd in the hosts: it changes the MACs of new bridges and veths, as on a real machine.
    #[arg(long)]
    udev: bool,
    /// Give each host a disk of its own of this size, such as 2G, for `lab disk`.
    #[arg(long)]
    disk: Option<Size>,
    #[command(flatten)]
    debian: Debian,
}

#[derive(Debug, Args)]
pub(super) struct Debian {
    /// Debian's release.
    #[arg(long, default_value = "bookworm")]
    suite: String,
    /// Debian packages that mn serves to hosts, with all that they depend on.
    #[arg(long, value_delimiter = ',')]
    packages: Vec<String>,
    /// What configures the hosts' networks; several are given to the hosts in turn.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ifupdown")]
    manager: Vec<Manager>,
    /// How the hosts' eth0 get their addresses: from their files, or by DHCP from mn.
    #[arg(long, value_enum, default_value = "static")]
    address: Assignment,
}

impl Up {
    pub(super) fn spec(self, name: LabName) -> Spec {
        let Self { hosts, fabric, nics, bonded, checksums, udev, disk, debian } = self;
        Spec { fabric, nics, bonded, checksums, udev, disk, ..debian.spec(name, hosts) }
    }
}

impl Debian {
    pub(super) fn spec(self, name: LabName, hosts: u8) -> Spec {
        let packages = if self.packages.is_empty() { default_packages(&self.suite) } else { self.packages };
        Spec {
            suite: self.suite,
            packages,
            managers: self.manager,
            assignment: self.address,
            ..Spec::new(name, hosts)
        }
    }
}
