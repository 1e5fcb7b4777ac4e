//! What a machine says when something does not work.

use std::time::Duration;

use lab::cache::entry::EntryError;
use lab::cache::root::RootError;
use lab::cgroup::CgroupError;
use lab::state::StateError;
use lab::{LabError, LabName, Member};
use thiserror::Error;

use crate::boot::BootError;
use crate::cables::CableError;
use crate::deploy::DeployError;
use crate::disk::DiskError;
use crate::program::ProgramError;
use crate::record::RecordError;
use crate::seed::SeedError;

/// How something with a machine failed.
#[derive(Debug, Error)]
pub enum MachineError {
    /// The lab that it is joined to.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The lab's record.
    #[error(transparent)]
    State(#[from] StateError),
    /// A name that the lab has taken.
    #[error("lab {lab} boots {member} itself: name the machine host{} or higher", hosts + 1)]
    Taken {
        /// The lab.
        lab: LabName,
        /// What was asked for.
        member: Member,
        /// How many hosts it boots.
        hosts: u8,
    },
    /// A second `up`.
    #[error("{0} is up already: `machine cut {0}` and `machine on {0}` start it again")]
    AlreadyUp(Member),
    /// A command before `up`.
    #[error("there is no machine {0}: `machine up {0}` makes one")]
    NoMachine(Member),
    /// A command to a machine without power.
    #[error("{0} is off: `machine on {0}` starts it")]
    Off(Member),
    /// More than the fabric has names for.
    #[error("{0} NICs are too many or too few: 1 to 8")]
    NicCount(u8),
    /// Another processor.
    #[error("only an x86-64 can be emulated here, and this is built for {}", std::env::consts::ARCH)]
    Architecture,
    /// The lock.
    #[error("cannot lock the lab")]
    Lock(#[source] EntryError),
    /// The bare Debian.
    #[error("cannot prepare the machine's Debian")]
    Root(#[from] RootError),
    /// qemu.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its own files.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Its directory.
    #[error("cannot create the directory of {0}")]
    Directory(Member, #[source] std::io::Error),
    /// Cables.
    #[error(transparent)]
    Cables(#[from] CableError),
    /// Its variables.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// Cgroups.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The start.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// What is remembered.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It booted with failed units.
    #[error("{member} booted, but these units failed: {units}; its last words:\n{said}")]
    Degraded {
        /// Which.
        member: Member,
        /// Which units.
        units: String,
        /// The end of its console, where the first boot's postscripts write too.
        said: String,
    },
    /// It did not reboot.
    #[error("{member} has not begun to boot again within {} s", deadline.as_secs())]
    NoReboot {
        /// Which.
        member: Member,
        /// How long it had.
        deadline: Duration,
    },
    /// One of them ended so.
    #[error("a postscript failed on {0} ({1})")]
    Scripts(Member, i32),
    /// SIGKILL did not end it.
    #[error("{0} does not end")]
    Survives(Member),
}
