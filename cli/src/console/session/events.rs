//! Events of a container.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::engine::{Engine, EngineError};

/// First interval: events before the engine's first answer are not reported.
const FIRST_INTERVAL: Duration = Duration::from_millis(300);

/// Check interval without events: events may be lost with a connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Event stream of a container.
pub(super) struct ContainerEvents<'a> {
    stream: BoxStream<'a, Result<(), EngineError>>,
    interval: Duration,
}

impl<'a> ContainerEvents<'a> {
    /// Events of the container with this name, which need not exist yet.
    pub(super) fn new(engine: &'a Engine, name: &str) -> Self {
        Self { stream: engine.container_events(name).boxed(), interval: FIRST_INTERVAL }
    }

    /// Returns when the container must be checked. Cancel safe.
    pub(super) async fn next(&mut self) {
        let event = tokio::time::timeout(self.interval, self.stream.next()).await;
        self.interval = CHECK_INTERVAL;
        if let Ok(None | Some(Err(_))) = event {
            // without the connection only the interval remains
            self.interval = FIRST_INTERVAL;
            tokio::time::sleep(FIRST_INTERVAL).await;
        }
    }
}
