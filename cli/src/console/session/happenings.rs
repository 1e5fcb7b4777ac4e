//! Waiting for something to happen to a container.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::engine::{Engine, EngineError};

/// The first wait: what happened between the last look and the engine's first word is told by nobody.
const FIRST: Duration = Duration::from_millis(300);

/// A look though nothing was told: a word may be lost with its connection.
const LOOK: Duration = Duration::from_secs(30);

/// What the engine tells of a container.
pub(super) struct Happenings<'a> {
    stream: BoxStream<'a, Result<(), EngineError>>,
    patience: Duration,
}

impl<'a> Happenings<'a> {
    /// Of the container with that name, also before there is one.
    pub(super) fn new(engine: &'a Engine, name: &str) -> Self {
        Self { stream: engine.happenings(name).boxed(), patience: FIRST }
    }

    /// Ends when it is time to look at the container. May be given up.
    pub(super) async fn next(&mut self) {
        let told = tokio::time::timeout(self.patience, self.stream.next()).await;
        self.patience = LOOK;
        if let Ok(None | Some(Err(_))) = told {
            // the connection has ended: looks take the place of words
            self.patience = FIRST;
            tokio::time::sleep(FIRST).await;
        }
    }
}
