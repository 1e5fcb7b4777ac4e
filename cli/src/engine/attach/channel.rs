//! A connection that has become the two ends of a program.

use std::io;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};

use super::frames::{Frames, Piece};

/// Bytes read at a time.
const PIECE: usize = 32 * 1024;

/// What comes out of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A terminal's bytes.
    Raw,
    /// Two streams in frames.
    Framed,
}

/// Both ends.
#[derive(Debug)]
pub(crate) struct Channel {
    /// What it writes.
    pub(crate) output: Output,
    /// What it reads.
    pub(crate) input: Input,
}

impl Channel {
    pub(super) fn new(upgraded: Upgraded, form: Form) -> Self {
        let (read, write) = split(TokioIo::new(upgraded));
        let frames = (form == Form::Framed).then(Frames::default);
        Self { output: Output { read, frames, held: BytesMut::new() }, input: Input(write) }
    }
}

/// What a program writes.
#[derive(Debug)]
pub(crate) struct Output {
    read: ReadHalf<TokioIo<Upgraded>>,
    frames: Option<Frames>,
    held: BytesMut,
}

impl Output {
    /// The next bytes as they came; `None`: it is the end. May be given up at any time: nothing is lost.
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

/// What a program reads.
#[derive(Debug)]
pub(crate) struct Input(WriteHalf<TokioIo<Upgraded>>);

impl Input {
    /// Gives it bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Tells it that there is no more. On a terminal the engine would end its output too.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}
