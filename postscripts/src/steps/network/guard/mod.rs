//! Commit-confirm: a change of the network is taken back unless it is confirmed, whoever dies meanwhile.
//!
//! Before the first change everything that leads back is written down: the steps, and the files as they are, so kept that
//! putting them back needs no space on the disk. A second process, the guard, then watches who makes the change. The removal
//! of the record is the commit. While it is there,
//!
//! - the guard takes the change back at once when who makes it dies, and after a limit when that hangs (it ends it first);
//! - who makes it takes it back when the guard dies, when a step fails, when nobody answers;
//! - systemd starts a killed guard again, which takes back what nobody stands behind;
//! - the next boot puts the files back before any network manager reads them ([`boot::recover`]).
//!
//! One lock says who acts; it ends with its process. All of the way back is idempotent, so it is gone from its start
//! by whoever comes next.
//!
//! A confirmed change is on trial until its files have booted once: a boot in which nobody answers ([`boot::confirm`])
//! gets the old files back, and boots again, once.

pub mod boot;
pub mod command;
pub mod decide;
pub mod install;
pub mod record;
pub mod roll_back;
pub mod state_dir;
pub mod watch;

mod backup;
mod cleanup;
mod guarded;
#[cfg(test)]
mod whole;

pub use backup::{BackupError, FileBackup, SavedContent};
pub use guarded::{BeginError, Guarded, Interrupted, begin};
pub use record::{Intent, Record, Undo};
pub use roll_back::{BackendError, RollbackBackend};
pub use state_dir::StateDir;
