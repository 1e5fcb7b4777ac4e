//! Byte streams below an engine's HTTP.

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

use super::connect::{ConnectError, ConnectFailed};
use super::ssh::Preamble;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to an engine over any transport.
pub(crate) struct EngineStream(TokioIo<Box<dyn Duplex>>);

impl EngineStream {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(TokioIo::new(Box::new(stream)))
    }
}

impl Connection for EngineStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for EngineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, to)
    }
}

impl hyper::rt::Write for EngineStream {
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

/// Input and output of a program as one stream. If it ends without output, its error output becomes the error instead
/// of "connection closed".
pub(crate) struct ChildStream {
    // killed when the stream is dropped
    _child: Child,
    // closed when dropped: tokio's shutdown of a pipe only flushes
    input: Option<ChildStdin>,
    output: ChildStdout,
    stderr: Option<JoinHandle<String>>,
    name: String,
    /// Output before the program's own; `None` after it.
    preamble: Option<Preamble>,
    /// Output that arrived with the end of the preamble and is not read yet.
    early: Vec<u8>,
    /// Whether the program wrote anything.
    heard: bool,
}

impl ChildStream {
    pub(super) fn new(
        mut child: Child,
        stderr: Option<JoinHandle<String>>,
        name: String,
    ) -> io::Result<Self> {
        let pipe = || io::Error::other("a pipe of the program is missing");
        let input = child.stdin.take().ok_or_else(pipe)?;
        let output = child.stdout.take().ok_or_else(pipe)?;
        let (preamble, early) = (Some(Preamble::default()), Vec::new());
        Ok(Self { _child: child, input: Some(input), output, stderr, name, preamble, early, heard: false })
    }

    fn explain(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let text = match self.stderr.as_mut() {
            Some(stderr) => ready!(Pin::new(stderr).poll(context)).unwrap_or_default(),
            None => String::new(),
        };
        self.stderr = None;
        let before = self.preamble.as_ref().and_then(Preamble::error);
        let message = why(text.trim(), &self.name)
            .or(before)
            .unwrap_or_else(|| "it ended without an error message".to_owned());
        Poll::Ready(self.error(message))
    }

    fn error(&self, message: String) -> io::Error {
        let error = ConnectError::Session { name: self.name.clone(), message };
        io::Error::new(io::ErrorKind::ConnectionAborted, ConnectFailed(Arc::new(error)))
    }

    /// Reads until the program's own output starts.
    fn poll_preamble(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(preamble) = self.preamble.as_mut() {
            let mut piece = [0; 4096];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.output).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                return self.explain(context).map(Err);
            }
            match preamble.take(piece.filled()) {
                Ok(None) => {}
                Ok(Some(rest)) => {
                    self.early = rest;
                    self.preamble = None;
                }
                Err(message) => return Poll::Ready(Err(self.error(message))),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Returns output that arrived with the end of the preamble; `false`: none.
    fn give_early(&mut self, to: &mut ReadBuf<'_>) -> bool {
        let length = self.early.len().min(to.remaining());
        let given: Vec<u8> = self.early.drain(..length).collect();
        to.put_slice(&given);
        length > 0
    }
}

/// Parses a program's error output; `None`: it is empty. A host may have an engine without a client, as they are
/// separate packages.
fn why(stderr: &str, name: &str) -> Option<String> {
    let host = name.rsplit('@').next().unwrap_or(name);
    match stderr {
        "" => None,
        text if text.ends_with("docker: not found") => Some(format!(
            "the docker command, which xdock needs over ssh, is not installed; run \"updatenode {host} -P xdock\""
        )),
        text => Some(text.to_owned()),
    }
}

impl AsyncRead for ChildStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_preamble(context))?;
        if self.give_early(to) {
            self.heard = true;
            return Poll::Ready(Ok(()));
        }
        let before = to.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(context, to))?;
        self.heard |= to.filled().len() > before;
        if self.heard { Poll::Ready(Ok(())) } else { self.explain(context).map(Err) }
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
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.heard => {
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
