//! Programs that run in a container on our terminal.

use std::time::Duration;

use crate::engine::{ContainerId, Engine, EngineError, Exec, Run};

/// Starts the first available shell in the container's search path.
const FIND: &str =
    "for shell in bash ash; do command -v $shell >/dev/null 2>&1 && exec $shell; done; exec sh";

/// Variable that marks the processes of a console, to end them with it.
const MARK: &str = "XDOCK_CONSOLE";

/// Sends SIGHUP to marked processes, like the kernel when a terminal is closed.
const HANG_UP: &str = "for own in /proc/[0-9]*; do \
    tr '\\0' '\\n' 2>/dev/null <$own/environ | grep -qx \"$1\" && kill -HUP ${own#/proc/}; done; :";

/// Timeout for ending a program.
const HANG_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shell {
    words: Vec<String>,
    env: Vec<String>,
    tty: bool,
}

impl Shell {
    /// Runs `words`, or a shell if empty. `mark` is unique for a console.
    pub(super) fn new(words: &[String], tty: bool, mark: u128) -> Self {
        let found = || ["sh", "-c", FIND].map(str::to_owned).to_vec();
        let mut env = vec![format!("{MARK}={mark:x}")];
        // only terminals have a TERM
        let kind = tty.then(|| std::env::var("TERM").ok()).flatten();
        env.extend(kind.map(|kind| format!("TERM={kind}")));
        Self { words: if words.is_empty() { found() } else { words.to_vec() }, env, tty }
    }

    /// Name for messages.
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("sh", String::as_str)
    }

    /// Creates the exec in a container.
    pub(super) async fn prepare(&self, engine: &Engine, id: &ContainerId) -> Result<Exec, EngineError> {
        let run = Run { words: &self.words, tty: self.tty, input: true, env: &self.env };
        engine.prepare(id, &run).await
    }

    /// Ends it: the engine keeps a program running when its client disconnects (moby issue 9098).
    pub(super) async fn hang_up(&self, engine: &Engine, id: &ContainerId) {
        let Some(mark) = self.env.first() else { return };
        let words = ["sh", "-c", HANG_UP, "sh", mark].map(str::to_owned);
        let run = Run { words: &words, tty: false, input: false, env: &[] };
        let ending = async {
            let exec = engine.prepare(id, &run).await?;
            engine.begin_detached(&exec).await
        };
        // nothing to do if the container has no shell, does not run or cannot be reached
        let _ = tokio::time::timeout(HANG_UP_TIMEOUT, ending).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_as_it_is_and_a_shell_is_looked_for() {
        let words = ["redis-cli".to_owned(), "-n".to_owned()];
        let shell = Shell::new(&words, false, 0xab);
        assert_eq!(
            (shell.words.as_slice(), shell.env.as_slice()),
            (&words[..], &["XDOCK_CONSOLE=ab".to_owned()][..])
        );
        assert_eq!(Shell::new(&[], false, 1).words[..2], ["sh", "-c"]);
    }
}
