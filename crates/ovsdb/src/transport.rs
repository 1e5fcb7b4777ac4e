//! Streams to servers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use crate::error::ConnectionError;
use crate::options::Resolver;
use crate::remote::{Host, Remote};

/// A bidirectional byte stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The result of a handshake.
pub(crate) type HandshakeFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// Encrypts a connection.
pub(crate) trait Handshake: Send + Sync {
    /// Runs the handshake with the server of this name.
    fn handshake<'a>(&'a self, host: &Host, stream: TcpStream) -> HandshakeFuture<'a>;
}

/// Connects to remotes.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) tls: Option<Arc<dyn Handshake>>,
    pub(crate) resolver: Option<Arc<Resolver>>,
}

impl Dialer {
    pub(crate) async fn dial(&self, remote: &Remote) -> Result<Box<dyn Stream>, ConnectionError> {
        let failed = |source| ConnectionError::Connect { remote: remote.clone(), source: Arc::new(source) };
        match remote {
            Remote::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(failed)?)),
            Remote::Tcp(host, port) => Ok(Box::new(self.tcp(host, *port).await.map_err(failed)?)),
            Remote::Ssl(host, port) => {
                let tls = self.tls.as_ref().ok_or_else(|| ConnectionError::NoTls(remote.clone()))?;
                let stream = self.tcp(host, *port).await.map_err(failed)?;
                let failed =
                    |source| ConnectionError::Handshake { remote: remote.clone(), source: Arc::new(source) };
                tls.handshake(host, stream).await.map_err(failed)
            }
        }
    }

    async fn tcp(&self, host: &Host, port: u16) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
        for address in self.addresses(host, port).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn addresses(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        let name = match host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
            Host::Name(name) => name.clone(),
        };
        match self.resolver.clone() {
            None => Ok(lookup_host((name, port)).await?.collect()),
            Some(resolve) => {
                let found = tokio::task::spawn_blocking(move || resolve(&name)).await;
                let found = found.unwrap_or_else(|error| Err(io::Error::other(error)))?;
                Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
            }
        }
    }
}
