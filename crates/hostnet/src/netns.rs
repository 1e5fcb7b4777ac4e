//! Runs code in another network namespace.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use thiserror::Error;

/// A network namespace. This handle keeps it alive.
#[derive(Debug)]
pub struct Namespace {
    file: File,
    path: PathBuf,
}

/// A namespace could not be created, opened or entered.
#[derive(Debug, Error)]
pub enum NamespaceError {
    /// It could not be opened.
    #[error("cannot open the network namespace {}", path.display())]
    Open {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It could not be created.
    #[error("cannot create a network namespace")]
    New {
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The thread could not be started.
    #[error("cannot start a thread for the network namespace {}", path.display())]
    Thread {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It could not be entered.
    #[error("cannot enter the network namespace {}", path.display())]
    Enter {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The code in it panicked.
    #[error("the code that ran in the network namespace {} panicked", path.display())]
    Panicked {
        /// Its path.
        path: PathBuf,
    },
}

/// The calling thread's namespace. `/proc/self` is the first thread's, which may be in another one.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

impl Namespace {
    /// Opens the namespace at a path, such as dockerd's `/var/run/docker/netns/1960dd7fab00`.
    ///
    /// # Errors
    /// It cannot be opened.
    #[allow(clippy::disallowed_methods, reason = "a namespace, which has no content")]
    pub fn open(path: &Path) -> Result<Self, NamespaceError> {
        let opened = File::open(path);
        let file = opened.map_err(|source| NamespaceError::Open { path: path.to_owned(), source })?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Creates a namespace without name. It ends with this handle and the processes in it, even if this
    /// process is killed.
    ///
    /// # Errors
    /// No permission.
    pub fn new() -> Result<Self, NamespaceError> {
        let made = thread::Builder::new().name("netns".to_owned()).spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .map_err(|errno| NamespaceError::New { source: errno.into() })?;
            Self::open(Path::new(OWN_NAMESPACE))
        });
        let thread = made.map_err(|source| NamespaceError::Thread { path: OWN_NAMESPACE.into(), source })?;
        thread.join().unwrap_or_else(|_| Err(NamespaceError::Panicked { path: OWN_NAMESPACE.into() }))
    }

    /// Runs `work` in the namespace on a new thread, waits, and returns its result. A namespace must never be entered
    /// on a shared thread: other tasks of a tokio worker would run in it too.
    ///
    /// # Errors
    /// The namespace was not entered, or `work` panicked.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
        thread::scope(|scope| {
            let entered = thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, || {
                setns(&self.file, CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            });
            let thread =
                entered.map_err(|source| NamespaceError::Thread { path: self.path.clone(), source })?;
            match thread.join() {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(errno)) => {
                    let errno: nix::Error = errno;
                    Err(NamespaceError::Enter { path: self.path.clone(), source: errno.into() })
                }
                Err(_) => Err(NamespaceError::Panicked { path: self.path.clone() }),
            }
        })
    }

    /// Inode, which identifies the namespace while it exists.
    ///
    /// # Errors
    /// The handle cannot be read.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// Runs `work` in the network namespace at `path`: [`Namespace::open`] and [`Namespace::run`].
///
/// # Errors
/// The namespace was not opened or entered, or `work` panicked.
pub fn run<T: Send>(path: &Path, work: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
    Namespace::open(path)?.run(work)
}
