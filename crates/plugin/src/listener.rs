//! The socket that dockerd calls: systemd's where there is one, else our own.
//!
//! A dead socket file in `/run/docker/plugins` costs dockerd 15 s at every look for a plugin (moby#22653), so
//! our own is removed when the listener is dropped.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use thiserror::Error;

/// Why there is no socket to listen on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// What systemd passed is no listening unix socket.
    #[error(
        "the socket that systemd passed is not a listening unix stream socket; check ListenStream= of the socket unit"
    )]
    Passed {
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The runtime does not take it.
    #[error("cannot listen on the socket")]
    Runtime {
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Somebody answers there.
    #[error("{} is served by another process; stop it first", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// A file of another kind is there.
    #[error("{} is not a socket; remove it if nothing needs it", path.display())]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// A step of making the socket.
    #[error("cannot {operation} {}", path.display())]
    Bind {
        /// The step.
        operation: &'static str,
        /// Its object.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// A listening socket; its file goes with it if we made it.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    _file: Option<SocketFile>,
}

impl Listener {
    /// The same socket for tokio; must be called in its runtime.
    pub(crate) fn for_runtime(&self) -> Result<tokio::net::UnixListener, ListenError> {
        let usable = || {
            self.socket.set_nonblocking(true)?;
            tokio::net::UnixListener::from_std(self.socket.try_clone()?)
        };
        usable().map_err(|source| ListenError::Runtime { source })
    }
}

/// The socket that systemd passed (`LISTEN_FDS`), else a new one at `path`, for root only.
///
/// # Errors
/// Names the path; a living socket of another process is left alone.
pub fn listener(path: &Path) -> Result<Listener, ListenError> {
    let passed = ListenFd::from_env().take_unix_listener(0);
    match passed.map_err(|source| ListenError::Passed { source })? {
        Some(socket) => Ok(Listener { socket, _file: None }),
        None => bind(path),
    }
}

fn bind(path: &Path) -> Result<Listener, ListenError> {
    refuse_the_living(path)?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(at("create directory", parent))?;
    let nursery = Nursery::beside(path)?;
    let born = nursery.path.join("s");
    let socket = UnixListener::bind(&born).map_err(at("bind", &born))?;
    fs::set_permissions(&born, Permissions::from_mode(0o600)).map_err(at("set the mode of", &born))?;
    fs::rename(&born, path).map_err(at("replace", path))?;
    let file = SocketFile::at(path)?;
    Ok(Listener { socket, _file: Some(file) })
}

/// A socket file without a listener refuses connections; it is what a crash leaves, and is replaced.
fn refuse_the_living(path: &Path) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(at("look at", path)(source)),
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(ListenError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(source) => Err(at("look who serves", path)(source)),
        Ok(_) => Err(ListenError::InUse { path: path.to_owned() }),
    }
}

/// A directory that only we can enter, in which the socket gets its mode before anybody can connect to it:
/// the umask belongs to the whole process and can not be changed for one call.
struct Nursery {
    path: PathBuf,
}

impl Nursery {
    fn beside(path: &Path) -> Result<Self, ListenError> {
        let nursery = Self { path: path.with_file_name(format!(".{}", std::process::id())) };
        // what a crashed process with our number may have left
        let _ = fs::remove_dir_all(&nursery.path);
        let made = DirBuilder::new().mode(0o700).create(&nursery.path);
        made.map_err(at("create directory", &nursery.path))?;
        Ok(nursery)
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The file of a socket that we made, known by its inode: a successor may have put its own at the same path.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> Result<Self, ListenError> {
        let inode = inode_of(path).map_err(at("look at", path))?;
        Ok(Self { path: path.to_owned(), inode })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode_of(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode_of(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ListenError + 'a {
    move |source| ListenError::Bind { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_for_root_only_and_goes_with_its_listener() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugins/netd.sock");
        let listener = listener(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else stays there");
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_dead_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netd.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _listener = listener(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_living_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netd.sock");
        let first = listener(&path).unwrap();
        let error = listener(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} is served by another process; stop it first", path.display())
        );
        UnixStream::connect(&path).unwrap();
        drop(first);
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netd.sock");
        fs::write(&path, "precious").unwrap();
        let error = listener(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} is not a socket; remove it if nothing needs it", path.display())
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn the_file_of_a_successor_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netd.sock");
        let first = listener(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _second = listener(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
    }
}
