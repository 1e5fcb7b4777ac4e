//! Events of a container.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::engine::{Engine, EngineError};

/// First interval: events before the engine's first answer are not reported.
const FIRST: Duration = Duration::from_millis(300);

/// Check interval without events: events may be lost with a connection.
const LOOK: Duration = Duration::from_secs(30);

/// Event stream of a container.
pub(super) struct Happenings<'a> {
    stream: BoxStream<'a, Result<(), EngineError>>,
    patience: Duration,
}

impl<'a> Happenings<'a> {
    /// Events of the container with this name, which need not exist yet.
    pub(super) fn new(engine: &'a Engine, name: &str) -> Self {
        Self { stream: engine.happenings(name).boxed(), patience: FIRST }
    }

    /// Returns when the container must be checked. Cancel safe.
    pub(super) async fn next(&mut self) {
        let told = tokio::time::timeout(self.patience, self.stream.next()).await;
        self.patience = LOOK;
        if let Ok(None | Some(Err(_))) = told {
            // without the connection only the interval remains
            self.patience = FIRST;
            tokio::time::sleep(FIRST).await;
        }
    }
}
