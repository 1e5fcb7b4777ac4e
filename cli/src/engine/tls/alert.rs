//! TLS stream that reports the engine's alert for our certificate as such.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::messages::refused;
use crate::engine::connect::{ConnectError, ConnectFailed};

/// The stream and our certificate.
#[derive(Debug)]
pub(in crate::engine) struct TlsAlertStream {
    stream: TlsStream<TcpStream>,
    cert: PathBuf,
}

impl TlsAlertStream {
    pub(super) fn new(stream: TlsStream<TcpStream>, cert: PathBuf) -> Self {
        Self { stream, cert }
    }
}

impl AsyncRead for TlsAlertStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, to);
        read.map_err(|error| match refused(&error, &self.cert) {
            Some(refused) => io::Error::other(ConnectFailed(Arc::new(ConnectError::Tls(refused)))),
            None => error,
        })
    }
}

impl AsyncWrite for TlsAlertStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
