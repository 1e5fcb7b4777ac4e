//! The plugin's socket: passed by systemd (socket activation), or created here.
//!
//! If a dead socket file is left in `/run/docker/plugins`, dockerd waits 15 s at each plugin discovery (moby#22653),
//! so a socket that was created here is removed when the listener is dropped.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use thiserror::Error;

/// Why the server cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// systemd passed something other than a listening unix socket.
    #[error(
        "the socket that systemd passed is not a listening unix stream socket; check ListenStream= of the socket unit"
    )]
    Passed {
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// tokio cannot use the socket.
    #[error("cannot listen on the socket")]
    Runtime {
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Another process serves the socket.
    #[error("{} is served by another process; stop it first", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The path is not a socket.
    #[error("{} is not a socket; remove it if nothing needs it", path.display())]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// A step of creating the socket failed.
    #[error("cannot {operation} {}", path.display())]
    Bind {
        /// The step.
        operation: &'static str,
        /// The path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// A listening socket. Its file is removed on drop if it was created here.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    _file: Option<SocketFile>,
}

impl Listener {
    /// The socket for tokio. Call it within the runtime.
    pub(crate) fn for_runtime(&self) -> Result<tokio::net::UnixListener, ListenError> {
        let usable = || {
            self.socket.set_nonblocking(true)?;
            tokio::net::UnixListener::from_std(self.socket.try_clone()?)
        };
        usable().map_err(|source| ListenError::Runtime { source })
    }
}

/// A socket that the service manager kept for an earlier process of this service, with its name (sd_notify(3), `FDSTORE`).
#[derive(Debug)]
pub enum KeptSocket {
    /// A UDP socket.
    Udp(String, UdpSocket),
    /// A listening TCP socket.
    Tcp(String, TcpListener),
}

/// Returns the socket that systemd passed (`LISTEN_FDS`), or creates one at `path` that only root can use. Returns also the
/// sockets that systemd kept; it passes them after those of socket units. Call it once.
///
/// # Errors
/// Names the path. A socket that another process serves is unchanged.
pub fn listener(path: &Path) -> Result<(Listener, Vec<KeptSocket>), ListenError> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut passed = ListenFd::from_env();
    let socket = passed.take_unix_listener(0).map_err(|source| ListenError::Passed { source })?;
    let names = names.split(':').map(str::to_owned).enumerate().skip(1);
    let kept = names.filter_map(|(at, name)| kept_socket(&mut passed, at, name)).collect();
    let listener = match socket {
        Some(socket) => Listener { socket, _file: None },
        None => bind(path)?,
    };
    Ok((listener, kept))
}

/// A socket of another type is closed with the process.
fn kept_socket(passed: &mut ListenFd, at: usize, name: String) -> Option<KeptSocket> {
    if let Ok(Some(socket)) = passed.take_udp_socket(at) {
        return Some(KeptSocket::Udp(name, socket));
    }
    passed.take_tcp_listener(at).ok().flatten().map(|socket| KeptSocket::Tcp(name, socket))
}

fn bind(path: &Path) -> Result<Listener, ListenError> {
    ensure_unused(path)?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(at("create directory", parent))?;
    let directory = PrivateDir::beside(path)?;
    let fresh = directory.path.join("s");
    let socket = UnixListener::bind(&fresh).map_err(at("bind", &fresh))?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o600)).map_err(at("set the mode of", &fresh))?;
    fs::rename(&fresh, path).map_err(at("replace", path))?;
    let file = SocketFile::at(path)?;
    Ok(Listener { socket, _file: Some(file) })
}

/// Refuses a path that is in use. A socket file that nobody listens on is left over from a crash, and is replaced.
fn ensure_unused(path: &Path) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(at("stat", path)(source)),
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(ListenError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(source) => Err(at("connect to", path)(source)),
        Ok(_) => Err(ListenError::InUse { path: path.to_owned() }),
    }
}

/// A directory that only this user can enter. The socket gets its mode there before anybody can connect to it: the
/// umask is a property of the whole process and cannot be changed for one call.
struct PrivateDir {
    path: PathBuf,
}

impl PrivateDir {
    fn beside(path: &Path) -> Result<Self, ListenError> {
        let directory = Self { path: path.with_file_name(format!(".{}", std::process::id())) };
        // may be left over from a crashed process with the same ID
        let _ = fs::remove_dir_all(&directory.path);
        let created = DirBuilder::new().mode(0o700).create(&directory.path);
        created.map_err(at("create directory", &directory.path))?;
        Ok(directory)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The file of a socket created here, identified by its inode: another process may have replaced the file.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> Result<Self, ListenError> {
        let inode = inode_of(path).map_err(at("stat", path))?;
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
        let (listener, _) = listener(&path).unwrap();
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
        let (first, _) = listener(&path).unwrap();
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
        let (first, _) = listener(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _second = listener(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
    }
}
