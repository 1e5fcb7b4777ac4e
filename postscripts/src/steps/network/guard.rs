//! Commit-confirm: a network change is rolled back unless it is confirmed, even if a process ends or the
//! power fails.
//!
//! Before the first change, everything that a rollback needs is written: the inverse steps and backups of the
//! files, so that restoring them needs no disk space. A second process, the guard, watches the run that makes
//! the change. Removing the record is the commit. While the record exists,
//!
//! - the guard rolls back as soon as the run ends; if the run exceeds its limit, the guard kills it first;
//! - the run rolls back if the guard ends, a step fails or a probe is not answered;
//! - systemd restarts a killed guard, which rolls back the orphaned change;
//! - the next boot restores the files before any network manager reads them ([`boot::recover`]).
//!
//! One lock, which ends with its process, ensures that only one process acts. The rollback is idempotent, so
//! the next process starts it from the beginning.
//!
//! A confirmed change is on trial until its files have booted once. If the probes are not answered at that
//! boot ([`boot::confirm`]), the previous files are restored and the host reboots once.

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
