//! Opens connections to an engine, one way an address form, as hyper's pool asks for them.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OnceCell;

use super::ssh::{Ssh, SshError};
use super::stream::Wire;
use super::tls::{self, TlsError, Trust};

/// How long a connection may be silent before the kernel asks whether its other end is still there, how soon it asks
/// again, and how often (tcp(7), TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
const QUIET: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_secs(5);
const UNANSWERED: u32 = 3;

/// Where connections go to.
#[derive(Debug)]
pub(super) enum Way {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A session over root ssh.
    Ssh(Ssh),
    /// TCP with mutual TLS.
    Tcp(Box<Tcp>),
}

/// An engine's port, at an address of the tables. This binary is static: it asks no name service of libc.
#[derive(Debug)]
pub(super) struct Tcp {
    /// The name that the engine's certificate must have.
    name: String,
    /// Its address.
    address: SocketAddr,
    /// Who is trusted there.
    trust: Trust,
    /// That as rustls has it; made at the first connection.
    config: OnceCell<Arc<ClientConfig>>,
    /// How long a connection may take.
    timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// A socket.
    #[error("cannot connect to {}", path.display())]
    Unix {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A TCP port.
    #[error("cannot connect to {name} at {address}")]
    Tcp {
        /// The engine's host.
        name: String,
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A TCP port that said nothing.
    #[error("no connection to {name} at {address} within {} s", timeout.as_secs())]
    Silent {
        /// The engine's host.
        name: String,
        /// Where.
        address: SocketAddr,
        /// How long it had.
        timeout: Duration,
    },
    /// TLS over it.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Root ssh.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// A session that ended before the engine said anything: no docker there, or no engine behind it.
    #[error("{name}: {told}")]
    Session {
        /// `ssh USER@HOST`.
        name: String,
        /// What it wrote to standard error.
        told: String,
    },
}

impl Way {
    pub(super) fn tcp(name: String, ip: IpAddr, port: u16, trust: Trust, timeout: Duration) -> Self {
        let address = SocketAddr::new(ip, port);
        Self::Tcp(Box::new(Tcp { name, address, trust, config: OnceCell::new(), timeout }))
    }

    async fn open(&self) -> Result<Wire, ConnectError> {
        match self {
            Self::Unix(path) => UnixStream::connect(path)
                .await
                .map(Wire::new)
                .map_err(|source| ConnectError::Unix { path: path.clone(), source }),
            Self::Ssh(ssh) => Ok(Wire::new(ssh.dial().await?)),
            Self::Tcp(tcp) => tcp.open().await,
        }
    }
}

impl Tcp {
    async fn open(&self) -> Result<Wire, ConnectError> {
        let Self { name, address, trust, config, timeout } = self;
        let both = async {
            let config = config.get_or_try_init(|| async { tls::client(trust) }).await?;
            let stream = plain(name, *address).await?;
            Ok(Wire::new(tls::secure(stream, name, Arc::clone(config), trust).await?))
        };
        let silent = || ConnectError::Silent { name: name.clone(), address: *address, timeout: *timeout };
        tokio::time::timeout(*timeout, both).await.unwrap_or_else(|_| Err(silent()))
    }
}

async fn plain(name: &str, address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let refused = |source| ConnectError::Tcp { name: name.to_owned(), address, source };
    let stream = TcpStream::connect(address).await.map_err(refused)?;
    // requests are small and wait for each other's answers
    stream.set_nodelay(true).map_err(refused)?;
    // a console or a log may be quiet for days: a host that lost power is found out within half a minute
    let alive = TcpKeepalive::new().with_time(QUIET).with_interval(AGAIN).with_retries(UNANSWERED);
    SockRef::from(&stream).set_tcp_keepalive(&alive).map_err(refused)?;
    Ok(stream)
}

/// The [`Way`] as hyper's pool wants it.
#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Arc<Way>);

/// The error comes back through two libraries as a `dyn Error`: shared, so that it can be taken out whole.
#[derive(Debug, Clone, Error)]
#[error(transparent)]
pub(crate) struct Unconnected(pub(crate) Arc<ConnectError>);

impl tower_service::Service<Uri> for Connector {
    type Response = Wire;
    type Error = Unconnected;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, Unconnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unconnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move { way.open().await.map_err(|error| Unconnected(Arc::new(error))) })
    }
}
