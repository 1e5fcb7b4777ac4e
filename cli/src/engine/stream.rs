//! The byte streams that an engine's HTTP runs over.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;

use super::connect::{ConnectError, Unconnected};

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One connection to an engine, whatever it runs over.
pub(crate) struct Wire(TokioIo<Box<dyn Duplex>>);

impl Wire {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(TokioIo::new(Box::new(stream)))
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, to)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A program's input and output as one stream. When it ends before it said anything, what it wrote to its standard
/// error is the error: else "connection closed" would be all that a person learns.
pub(crate) struct ChildStream {
    // dropped with the stream, and killed by that
    _child: Child,
    // closed by being dropped: tokio's shutdown of a pipe only flushes
    input: Option<ChildStdin>,
    output: ChildStdout,
    told: Option<JoinHandle<String>>,
    name: String,
    spoke: bool,
}

impl ChildStream {
    pub(super) fn new(mut child: Child, told: Option<JoinHandle<String>>, name: String) -> io::Result<Self> {
        let pipe = || io::Error::other("a pipe of the program is missing");
        let input = child.stdin.take().ok_or_else(pipe)?;
        let output = child.stdout.take().ok_or_else(pipe)?;
        Ok(Self { _child: child, input: Some(input), output, told, name, spoke: false })
    }

    fn explain(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let text = match self.told.as_mut() {
            Some(told) => ready!(Pin::new(told).poll(context)).unwrap_or_default(),
            None => String::new(),
        };
        self.told = None;
        let told = if text.trim().is_empty() { "it ended without a word" } else { text.trim() };
        let error = ConnectError::Session { name: self.name.clone(), told: told.to_owned() };
        Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, Unconnected(Arc::new(error))))
    }
}

impl AsyncRead for ChildStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(context, to))?;
        self.spoke |= to.filled().len() > before;
        if self.spoke { Poll::Ready(Ok(())) } else { self.explain(context).map(Err) }
    }
}

impl AsyncWrite for ChildStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(input) = self.input.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        match ready!(Pin::new(input).poll_write(context, bytes)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.spoke => {
                self.explain(context).map(Err)
            }
            other => Poll::Ready(other),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.input.as_mut() {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}
