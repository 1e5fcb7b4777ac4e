//! Runs a program in the container.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{ConsoleError, Next, RETRY_BACKOFF, Session};
use crate::console::ExitReason;
use crate::console::look::look;
use crate::console::shell::Shell;
use crate::console::status::Situation;
use crate::engine::{EngineError, Found, Phase};

impl Session<'_> {
    /// Runs a program in the container.
    pub(super) async fn shell(&mut self, found: &Found) -> Result<Next, ConsoleError> {
        let words = self.options.exec.as_deref().unwrap_or_default();
        let mark = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let shell =
            Shell::new(words, self.local.keyboard.interactive, mark << 32 | u128::from(std::process::id()));
        let engine = self.engine;
        let connecting = async {
            let exec = shell.prepare(engine, &found.id).await?;
            Ok::<_, EngineError>((engine.begin(&exec).await?, exec))
        };
        let (channel, exec) = match self.local.soon(self.screen, connecting).await {
            Ok(connected) => connected?,
            Err(left) => return Ok(Next::Leave(left)),
        };
        self.events = None;
        self.arrive(found).await;
        let left = self.pump_shell(&exec, channel).await;
        let ended = if left.is_none() { engine.ended(&exec).await.ok().flatten() } else { None };
        match (left, ended) {
            (None, Some(ended)) if !ended.running && ended.never_ran => {
                Err(ConsoleError::Program { node: self.node.to_owned(), program: shell.name().to_owned() })
            }
            (None, Some(ended)) if !ended.running => {
                self.situation = Situation::Ended;
                let same = self.still_runs(found, ended.code).await;
                Ok(if same { Next::Leave(ExitReason::Ended(ended.code)) } else { Next::Again })
            }
            (left, _) => {
                self.situation = Situation::Ended;
                shell.hang_up(engine, &found.id).await;
                Ok(left.map_or(Next::Again, Next::Leave))
            }
        }
    }

    /// Whether the container still runs after the program ended.
    async fn still_runs(&self, found: &Found, code: i64) -> bool {
        // the kernel kills all processes of a container when its first process ends, before the engine reports it
        if code == 128 + 9 {
            tokio::time::sleep(RETRY_BACKOFF).await;
        }
        match look(self.engine, self.node).await {
            Ok(Ok(now)) => now.phase == Phase::Running && now.id == found.id && now.started == found.started,
            Ok(Err(_)) => false,
            // unknown, so assume that it runs
            Err(_) => false,
        }
    }
}
