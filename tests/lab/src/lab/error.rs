//! What a lab says when something does not work.

use thiserror::Error;

use crate::cache::entry::EntryError;
use crate::cache::layers::LayersError;
use crate::cgroup::CgroupError;
use crate::disk::DiskError;
use crate::exec::ExecError;
use crate::fabric::FabricError;
use crate::host::boot::BootError;
use crate::host::keys::KeyError;
use crate::manager::Manager;
use crate::mounts::MountError;
use crate::name::{LabName, Member, NameError};
use crate::power::PowerError;
use crate::setup::SetupError;
use crate::state::StateError;
use crate::sweep::SweepError;
use crate::updatenode::UpdateError;
use crate::watch::WatchError;

/// How something with a lab failed.
#[derive(Debug, Error)]
pub enum LabError {
    /// A name of a lab or machine.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The machine.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A second `up`.
    #[error("lab {0} is up already: `lab down` ends it, another --name makes another")]
    AlreadyUp(LabName),
    /// A command before `up`.
    #[error("there is no lab {0}: `lab up N` makes one")]
    NoLab(LabName),
    /// A machine that the lab does not have.
    #[error("lab {lab} has no {member}: it has mn and {hosts} hosts")]
    NoSuchMember {
        /// The lab.
        lab: LabName,
        /// What was asked for.
        member: Member,
        /// How many there are.
        hosts: u8,
    },
    /// More hosts than addresses.
    #[error("{0} hosts are too many or too few: 1 to 200")]
    HostCount(u8),
    /// No NIC, or more than the fabric's names allow.
    #[error("{0} NICs are too many or too few: 1 to 8")]
    NicCount(u8),
    /// The server is on the first segment only.
    #[error("hosts behind a router get no address by DHCP: take --fabric flat or --address static")]
    DhcpRouted,
    /// Its manager did not do it.
    #[error("{member} booted, but {manager:?} gave it no {address} within {} s", deadline.as_secs())]
    NoAddress {
        /// Which.
        member: Member,
        /// What should have.
        manager: Manager,
        /// Which address.
        address: std::net::Ipv4Addr,
        /// How long it had.
        deadline: std::time::Duration,
    },
    /// A bond of one.
    #[error("--bonded needs two NICs at least")]
    BondOfOne,
    /// By a signal.
    #[error("interrupted; nothing of the lab stays")]
    Interrupted,
    /// The lock.
    #[error("cannot lock the lab")]
    Lock(#[source] EntryError),
    /// What is built once.
    #[error(transparent)]
    Layers(#[from] LayersError),
    /// The image's file.
    #[error("cannot read {}", path.display())]
    Image {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What is remembered.
    #[error(transparent)]
    State(#[from] StateError),
    /// Cables.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// ssh keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The overlay.
    #[error(transparent)]
    Mounts(#[from] MountError),
    /// A file of a machine.
    #[error("cannot prepare the files of {member}")]
    Files {
        /// Which.
        member: Member,
        /// Why.
        #[source]
        source: durable::FileError,
    },
    /// Cgroups.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The boot.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// A machine that booted with failed units.
    #[error("{member} booted, but these units failed: {units}")]
    Degraded {
        /// Which.
        member: Member,
        /// Which units.
        units: String,
    },
    /// Running something there.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Pings.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// Power.
    #[error(transparent)]
    Power(#[from] PowerError),
    /// Postscripts.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// Taking it down.
    #[error("cannot remove all of the lab")]
    Sweep(#[from] SweepError),
}
