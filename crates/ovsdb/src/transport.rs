//! A connected stream to a remote, whatever is under it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::error::ConnectionError;
use crate::options::Resolver;
use crate::remote::{Host, Remote};

/// Anything that bytes go through in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What is needed to connect, beside the remote.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) resolver: Option<Arc<Resolver>>,
}

impl Dialer {
    pub(crate) async fn dial(&self, remote: &Remote) -> Result<Box<dyn Stream>, ConnectionError> {
        let failed = |source| ConnectionError::Connect { remote: remote.clone(), source: Arc::new(source) };
        match remote {
            Remote::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(failed)?)),
            Remote::Tcp(host, port) => Ok(Box::new(self.tcp(host, *port).await.map_err(failed)?)),
            Remote::Ssl(host, port) => {
                let config = self.tls.clone().ok_or_else(|| ConnectionError::NoTls(remote.clone()))?;
                let stream = self.tcp(host, *port).await.map_err(failed)?;
                let shaken = TlsConnector::from(config).connect(server_name(host), stream).await;
                let handshake =
                    |source| ConnectionError::Handshake { remote: remote.clone(), source: Arc::new(source) };
                Ok(Box::new(shaken.map_err(handshake)?))
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

/// Only told to the server (SNI): it is not verified, see `tls.rs`.
fn server_name(host: &Host) -> ServerName<'static> {
    let unnamed = ServerName::IpAddress(IpAddr::from([0, 0, 0, 0]).into());
    match host {
        Host::Address(address) => ServerName::IpAddress((*address).into()),
        Host::Name(name) => ServerName::try_from(name.clone()).unwrap_or(unnamed),
    }
}
