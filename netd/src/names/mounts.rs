//! Notices that a sandbox was unmounted: dockerd removes the sandbox of a dead container without a call to netd when it starts.

use std::fs::File;
use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Mounts of this process. The kernel notifies about changes (proc_pid_mountinfo(5)).
const MOUNTS: &str = "/proc/self/mountinfo";

/// Notifications about changes of mounts.
#[derive(Debug)]
pub(super) struct MountEvents(AsyncFd<File>);

impl MountEvents {
    /// Starts the notifications.
    #[allow(clippy::disallowed_methods, reason = "the file is not read")]
    #[allow(
        deprecated,
        reason = "the unsafe function in its place asks for what a file that the AsyncFd owns fulfils"
    )]
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self(AsyncFd::with_interest(File::open(MOUNTS)?, Interest::PRIORITY)?))
    }

    /// Waits for the next change.
    pub(super) async fn next(&self) -> io::Result<()> {
        self.0.ready(Interest::PRIORITY).await?.clear_ready();
        Ok(())
    }
}
