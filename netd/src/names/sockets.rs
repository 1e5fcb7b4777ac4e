//! The sockets of a container, in its network namespace.
//!
//! The socket identifies the consumer: only processes in the namespace reach it, so no source address needs to be checked.
//! A socket keeps its namespace alive: it must be closed when the container ends.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use hostnet::listen;
use hostnet::netns::{Namespace, NamespaceError};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use thiserror::Error;
use tokio::sync::oneshot;

/// Address of netd in each container. Docker uses 127.0.0.11.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
const PORT: u16 = 53;
/// TCP connections that wait to be accepted.
const BACKLOG: i32 = 16;
/// Requests that arrive while netd restarts wait in this buffer, and those of a burst: 2,700 of them (the kernel doubles it, and
/// counts 768 bytes for a small packet).
const RECEIVE_BUFFER: usize = 1 << 20;
/// Prefix of the names under which the service manager keeps the sockets.
const STORED: &str = "dns-";

/// The sockets of a sandbox.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) udp: UdpSocket,
    pub(crate) tcp: TcpListener,
    /// Inode of their namespace.
    pub(crate) namespace: u64,
}

/// Why sockets were not opened.
#[derive(Debug, Error)]
pub(crate) enum SocketsError {
    /// The namespace was not entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The sockets were not created.
    #[error("cannot listen on {ADDRESS}:{PORT} in {}", sandbox.display())]
    Bind {
        sandbox: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The thread that enters namespaces ended.
    #[error("the thread that enters the namespaces of containers ended; restart netd")]
    Ended,
}

type Request = (PathBuf, oneshot::Sender<Result<Sockets, SocketsError>>);

/// The only thread that may enter namespaces: it keeps `CAP_SYS_ADMIN`, all others drop it.
#[derive(Debug, Clone)]
pub(crate) struct Opener(mpsc::Sender<Request>);

impl Opener {
    /// Starts the thread. Call it before the capability is dropped.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, requests) = mpsc::channel::<Request>();
        let serve = move || {
            for (sandbox, answer) in requests {
                // fails if nobody waits any longer
                let _ = answer.send(open(&sandbox));
            }
        };
        thread::Builder::new()
            .name("namespaces".to_owned())
            .stack_size(crate::THREAD_STACK_SIZE)
            .spawn(serve)?;
        Ok(Self(sender))
    }

    /// Opens the sockets of a sandbox.
    pub(crate) async fn open(&self, sandbox: &Path) -> Result<Sockets, SocketsError> {
        let (answer, opened) = oneshot::channel();
        self.0.send((sandbox.to_owned(), answer)).map_err(|_| SocketsError::Ended)?;
        opened.await.unwrap_or(Err(SocketsError::Ended))
    }
}

fn open(sandbox: &Path) -> Result<Sockets, SocketsError> {
    let namespace = Namespace::open(sandbox)?;
    let inode = namespace.inode();
    let bound = namespace.run(|| {
        let address = SocketAddr::from((ADDRESS, PORT));
        // `bind` accepts any address before `lo` was up for the first time (`inet_addr_type`: no local table), and answers would then
        // have another source address
        listen::require_route(address)?;
        let udp = listen::udp_socket(address, RECEIVE_BUFFER)?;
        let tcp = listen::tcp_listener(address, BACKLOG)?;
        Ok((udp, tcp, inode?))
    })?;
    let (udp, tcp, namespace) =
        bound.map_err(|source| SocketsError::Bind { sandbox: sandbox.to_owned(), source })?;
    Ok(Sockets { udp, tcp, namespace })
}

impl Sockets {
    /// Whether both are still bound: an administrator can close them (`ss --kill`).
    pub(crate) fn is_bound(local: io::Result<SocketAddr>) -> bool {
        local.is_ok_and(|local| local == SocketAddr::from((ADDRESS, PORT)))
    }
}

/// The namespace at the path of a sandbox. `None`: there is none, or dockerd unmounted it.
pub(crate) fn namespace_at(sandbox: &Path) -> Option<u64> {
    let is_namespace = statfs(sandbox).ok()?.filesystem_type() == NSFS_MAGIC;
    is_namespace.then(|| fs::metadata(sandbox).ok().map(|meta| meta.ino())).flatten()
}

/// Name under which the service manager keeps the sockets of a sandbox.
pub(crate) fn stored_name(sandbox: &Path, namespace: u64) -> Option<String> {
    let id = sandbox.file_name()?.to_str()?;
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric()) && id.len() <= 64;
    is_plain.then(|| format!("{STORED}{id}-{namespace}"))
}

/// Namespace of a stored socket, and whether it is one of netd's.
pub(crate) fn stored_namespace(name: &str) -> Option<u64> {
    name.strip_prefix(STORED)?.rsplit_once('-')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_has_sandbox_and_namespace() {
        let sandbox = Path::new("/var/run/docker/netns/1960dd7fab00");
        assert_eq!(stored_name(sandbox, 402).as_deref(), Some("dns-1960dd7fab00-402"));
        assert_eq!(stored_namespace("dns-1960dd7fab00-402"), Some(402));
        assert_eq!((stored_namespace("netd.socket"), stored_namespace("dns-x-")), (None, None));
        assert_eq!(stored_name(Path::new("/x/a:b"), 1), None, "a colon would end the name");
    }

    #[test]
    fn a_plain_file_is_no_namespace() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(namespace_at(file.path()), None);
        assert_eq!(namespace_at(Path::new("/no/such")), None);
        assert!(namespace_at(Path::new("/proc/self/ns/net")).is_some());
    }
}
