//! A terminal opened once more. What is set on a file that we were given (O_NONBLOCK) is set for all who share it, the shell
//! that started us first; a file that we opened is ours alone, and can be read and written without a thread in between.
//!
//! For terminals only: a regular file opened anew would begin at its first byte.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::{OFlags, fstat, major, minor};
use rustix::termios::isatty;

/// Opens a terminal to be read.
pub(super) fn reader(of: BorrowedFd<'_>) -> Option<File> {
    open(of, OpenOptions::new().read(true))
}

/// Opens a terminal to be written.
pub(super) fn writer(of: BorrowedFd<'_>) -> Option<File> {
    open(of, OpenOptions::new().write(true))
}

/// `None`: it is no terminal, or another user's, as after `su`.
fn open(of: BorrowedFd<'_>, options: &mut OpenOptions) -> Option<File> {
    // a terminal must not become ours (O_NOCTTY): its signals are not for us
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let path = format!("/proc/self/fd/{}", of.as_raw_fd());
    if isatty(of) && !is_master(of) { options.custom_flags(flags).open(path).ok() } else { None }
}

/// Whether it is the far side of a terminal: opened anew, that is the far side of another one, where nobody is (ptmx(4)).
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
