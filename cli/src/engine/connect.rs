//! Opens connections to an engine for hyper's pool, one way per address form.

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
use super::stream::EngineStream;
use super::tls::{self, TlsError, Trust};

/// TCP keepalive: idle time, interval and number of probes (tcp(7), TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// Transport to an engine.
#[derive(Debug)]
pub(super) enum Way {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A session over root ssh.
    Ssh(Ssh),
    /// TCP with mutual TLS.
    Tcp(Box<Tcp>),
}

/// TCP port of an engine. The address is from the tables: this static binary has no libc name service.
#[derive(Debug)]
pub(super) struct Tcp {
    /// Name in the engine's certificate.
    name: String,
    address: SocketAddr,
    /// Trusted certificates.
    trust: Trust,
    /// rustls configuration, created by the first connection.
    config: OnceCell<Arc<ClientConfig>>,
    /// Connection timeout.
    timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// Unix socket.
    #[error("cannot connect to {}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// TCP.
    #[error("cannot connect to {name} at {address}")]
    Tcp {
        /// Host name.
        name: String,
        /// Address.
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    /// No answer from the TCP port.
    #[error("no connection to {name} at {address} within {} s", timeout.as_secs())]
    Silent {
        /// Host name.
        name: String,
        /// Address.
        address: SocketAddr,
        /// The timeout.
        timeout: Duration,
    },
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Root ssh.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// The session ended before the engine answered: Docker is not installed or not running.
    #[error("{name}: {message}")]
    Session {
        /// `ssh USER@HOST`.
        name: String,
        /// Standard error.
        message: String,
    },
}

impl Way {
    pub(super) fn tcp(name: String, ip: IpAddr, port: u16, trust: Trust, timeout: Duration) -> Self {
        let address = SocketAddr::new(ip, port);
        Self::Tcp(Box::new(Tcp { name, address, trust, config: OnceCell::new(), timeout }))
    }

    async fn open(&self) -> Result<EngineStream, ConnectError> {
        match self {
            Self::Unix(path) => UnixStream::connect(path)
                .await
                .map(EngineStream::new)
                .map_err(|source| ConnectError::Unix { path: path.clone(), source }),
            Self::Ssh(ssh) => Ok(EngineStream::new(ssh.dial().await?)),
            Self::Tcp(tcp) => tcp.open().await,
        }
    }
}

impl Tcp {
    async fn open(&self) -> Result<EngineStream, ConnectError> {
        let Self { name, address, trust, config, timeout } = self;
        let both = async {
            let config = config.get_or_try_init(|| async { tls::client(trust) }).await?;
            let stream = plain(name, *address).await?;
            Ok(EngineStream::new(tls::secure(stream, name, Arc::clone(config), trust).await?))
        };
        let silent = || ConnectError::Silent { name: name.clone(), address: *address, timeout: *timeout };
        tokio::time::timeout(*timeout, both).await.unwrap_or_else(|_| Err(silent()))
    }
}

async fn plain(name: &str, address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let refused = |source| ConnectError::Tcp { name: name.to_owned(), address, source };
    let stream = TcpStream::connect(address).await.map_err(refused)?;
    // requests are small and sequential
    stream.set_nodelay(true).map_err(refused)?;
    // consoles and logs may be idle for days: detect a dead host within half a minute
    let alive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(&stream).set_tcp_keepalive(&alive).map_err(refused)?;
    Ok(stream)
}

/// Connector of hyper's pool.
#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Arc<Way>);

/// Shared, because the error passes two libraries as `dyn Error` and is recovered whole.
#[derive(Debug, Clone, Error)]
#[error(transparent)]
pub(crate) struct ConnectFailed(pub(crate) Arc<ConnectError>);

impl tower_service::Service<Uri> for Connector {
    type Response = EngineStream;
    type Error = ConnectFailed;
    type Future = Pin<Box<dyn Future<Output = Result<EngineStream, ConnectFailed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move { way.open().await.map_err(|error| ConnectFailed(Arc::new(error))) })
    }
}
