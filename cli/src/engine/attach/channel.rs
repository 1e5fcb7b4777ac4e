//! A connection to standard input and output of a program.

use std::io;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};

use super::frames::{Frames, Piece};

/// Bytes read at a time.
const PIECE: usize = 32 * 1024;

/// Format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes of a terminal.
    Raw,
    /// Two framed streams.
    Framed,
}

/// Input and output of a program.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Its output.
    pub(crate) output: Output,
    /// Its input.
    pub(crate) input: Input,
}

impl Channel {
    pub(super) fn new(upgraded: Upgraded, form: Form) -> Self {
        let (read, write) = split(TokioIo::new(upgraded));
        let frames = (form == Form::Framed).then(Frames::default);
        Self { output: Output { read, frames, held: BytesMut::new() }, input: Input(write) }
    }
}

/// Output of a program.
#[derive(Debug)]
pub(crate) struct Output {
    read: ReadHalf<TokioIo<Upgraded>>,
    frames: Option<Frames>,
    held: BytesMut,
}

impl Output {
    /// The next bytes; `None`: end. Cancel safe.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.frames.as_mut().and_then(Frames::next) {
                return Ok(Some(piece));
            }
            self.held.reserve(PIECE);
            if self.read.read_buf(&mut self.held).await? == 0 {
                return Ok(None);
            }
            let bytes: Bytes = self.held.split().freeze();
            match &mut self.frames {
                Some(frames) => frames.push(&bytes),
                None => return Ok(Some(Piece { from_stderr: false, bytes })),
            }
        }
    }
}

/// Input of a program.
#[derive(Debug)]
pub(crate) struct Input(WriteHalf<TokioIo<Upgraded>>);

impl Input {
    /// Sends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Sends end of file. On a terminal the engine would also end the output.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}
