//! Reopens a terminal. Flags of an inherited file (O_NONBLOCK) are shared with other processes such as our shell; a
//! reopened file is ours and can be used without a thread.
//!
//! Only for terminals: a reopened regular file would start at its first byte.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::{OFlags, fstat, major, minor};
use rustix::termios::isatty;

/// Opens a terminal for reading.
pub(super) fn reader(of: BorrowedFd<'_>) -> Option<File> {
    open(of, OpenOptions::new().read(true))
}

/// Opens a terminal for writing.
pub(super) fn writer(of: BorrowedFd<'_>) -> Option<File> {
    open(of, OpenOptions::new().write(true))
}

/// `None`: it is not a terminal, or belongs to another user, as after `su`.
fn open(of: BorrowedFd<'_>, options: &mut OpenOptions) -> Option<File> {
    // must not become our controlling terminal
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let path = format!("/proc/self/fd/{}", of.as_raw_fd());
    if isatty(of) && !is_master(of) { options.custom_flags(flags).open(path).ok() } else { None }
}

/// Whether it is the master of a pseudoterminal: opening it creates another one (ptmx(4)).
fn is_master(of: BorrowedFd<'_>) -> bool {
    const PTMX: (u32, u32) = (5, 2);
    fstat(of).is_ok_and(|of| (major(of.st_rdev), minor(of.st_rdev)) == PTMX)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn what_is_no_terminal_is_not_opened_anew() {
        let (reading, writing) = std::io::pipe().unwrap();
        assert!(reader(reading.as_fd()).is_none());
        assert!(writer(writing.as_fd()).is_none());
        assert!(reader(File::open("/dev/null").unwrap().as_fd()).is_none());
    }

    #[test]
    fn the_far_side_of_a_terminal_is_not_opened_anew() {
        let master = OpenOptions::new().read(true).write(true).open("/dev/ptmx").unwrap();
        assert!(isatty(&master));
        assert!(reader(master.as_fd()).is_none() && writer(master.as_fd()).is_none());
    }
}
