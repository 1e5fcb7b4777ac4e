//! Checks a container after start or stop: the engine reports success, but the container may end a moment later.

use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::TryStreamExt as _;

use super::logs::Lines;
use crate::engine::{ContainerId, Engine, EngineError, Inspected, Span};
use crate::fleet::Outcome;
use crate::host::Host;

/// How long a container must run after its start to count as started. A wrong command or a missing file or library ends a program
/// within some ten milliseconds. How long its engine takes to notice grows with the load, as the time of a start does. The engine's
/// event comes no earlier than `inspect` shows the end. With 100 containers on two cores at load 20, after at most 500 ms 0 to 1 %
/// of the dead ones were still reported as running; after 250 ms 2 to 9 %, after 100 ms 12 to 37 %.
const SETTLE_TIME: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_millis(500);

/// Wait time after a start of this duration.
fn settle(took: Duration) -> Duration {
    (took / 2).clamp(*SETTLE_TIME.start(), *SETTLE_TIME.end())
}

/// The engine may set StartedAt up to this long after the program's first output.
const STARTED_AT_DELAY: Duration = Duration::from_secs(1);

/// Log lines to show of a failed container.
const LOG_LINES: u64 = 10;

/// Checks that a container is still up after its start. The error contains the end of its log.
pub(in crate::commands) async fn ensure_up(
    host: &Host,
    node: &str,
    id: &ContainerId,
    took: Duration,
) -> Result<(), Outcome> {
    tokio::time::sleep(settle(took)).await;
    let _permit = host.request().await;
    let found = host.engine.inspect(id).await.map_err(|error| Outcome::failed(&error))?;
    match end(&found) {
        None => Ok(()),
        Some(how) => {
            let last = last_lines(&host.engine, id, &found, took).await.unwrap_or_default();
            Err(Outcome::Failed(died(&how, &last), Some(format!("xdock logs {node} shows its whole log"))))
        }
    }
}

/// Whether a container is in one of `states`.
pub(in crate::commands) async fn ensure_state(
    host: &Host,
    id: &ContainerId,
    states: &[&str],
) -> Result<(), Outcome> {
    let _permit = host.request().await;
    let found = host.engine.inspect(id).await.map_err(|error| Outcome::failed(&error))?;
    if states.contains(&found.state.as_str()) {
        return Ok(());
    }
    let wanted = states.first().copied().unwrap_or_default();
    Err(Outcome::Failed(format!("the container is {}, not {wanted}", found.state), None))
}

/// Reason why a started container failed; `None`: it runs, or its job is done.
fn end(found: &Inspected) -> Option<String> {
    let runs = matches!(found.state.as_str(), "running" | "paused");
    if found.restarts == 0 && (runs || is_done(found)) {
        return None;
    }
    let again = if found.restarts > 0 || found.state == "restarting" {
        " and Docker restarts it repeatedly (restart=)"
    } else {
        ""
    };
    let why = match (found.oom_killed, found.error.is_empty()) {
        (true, _) => "it needs more memory than vm.memory allows".to_owned(),
        (false, false) => found.error.clone(),
        // after a restart the exit status is unknown
        (false, true) if runs => return Some(format!("it ended immediately{again}")),
        (false, true) => status(found.exit_code),
    };
    Some(format!("it ended immediately{again}: {why}"))
}

/// A job: its program ended without an error.
fn is_done(found: &Inspected) -> bool {
    found.state == "exited" && found.exit_code == 0 && !found.oom_killed && found.error.is_empty()
}

/// The engine reports 128 + N for a program that signal N ended.
fn status(code: i64) -> String {
    let signal = match code {
        132 => " (SIGILL)",
        134 => " (SIGABRT)",
        135 => " (SIGBUS)",
        136 => " (SIGFPE)",
        137 => " (SIGKILL)",
        139 => " (SIGSEGV)",
        143 => " (SIGTERM)",
        126 => " (the program is not executable)",
        127 => " (program not found)",
        _ => "",
    };
    format!("exit status {code}{signal}")
}

fn died(how: &str, last: &[String]) -> String {
    if last.is_empty() {
        return format!("{how}; its log is empty");
    }
    let lines: Vec<String> = last.iter().map(|line| format!("\n  {line}")).collect();
    format!("{how}; the end of its log:{}", lines.concat())
}

/// Its last log lines, of the failed run if it ran only once.
async fn last_lines(
    engine: &Engine,
    id: &ContainerId,
    found: &Inspected,
    took: Duration,
) -> Result<Vec<String>, EngineError> {
    let Some(of) = engine.find(id).await? else { return Ok(Vec::new()) };
    let started = of.started.map(|started| started.before(took.min(STARTED_AT_DELAY)));
    let since = if found.restarts == 0 { started } else { None };
    let mut pieces = engine.past(&of, Span { since, until: None, tail: Some(LOG_LINES) }).await?;
    let (mut lines, mut half) = (Vec::new(), Lines::default());
    while let Some(piece) = pieces.try_next().await? {
        lines.extend(half.take(&piece));
    }
    lines.extend(half.rest());
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(state: &str, exit_code: i64) -> Inspected {
        Inspected { state: state.into(), exit_code, ..Inspected::default() }
    }

    #[test]
    fn a_busy_engine_gets_more_time_to_notice_an_end() {
        let waits = |took| settle(Duration::from_millis(took)).as_millis();
        assert_eq!([0, 150, 300, 700, 9000].map(waits), [100, 100, 150, 350, 500]);
    }

    #[test]
    fn what_runs_or_has_done_its_job_did_not_fail() {
        assert_eq!(end(&found("running", 0)), None);
        assert_eq!(end(&found("paused", 0)), None);
        assert_eq!(end(&found("exited", 0)), None);
    }

    #[test]
    fn how_a_container_ended_is_told() {
        let told = |found: Inspected| end(&found).unwrap();
        assert_eq!(told(found("exited", 3)), "it ended immediately: exit status 3");
        let looping = Inspected { restarts: 1, ..found("exited", 0) };
        assert_eq!(
            told(looping),
            "it ended immediately and Docker restarts it repeatedly (restart=): exit status 0"
        );
        let killed = Inspected { oom_killed: true, ..found("exited", 0) };
        assert_eq!(told(killed), "it ended immediately: it needs more memory than vm.memory allows");
        let broken = Inspected { error: "no such device".into(), ..found("exited", 0) };
        assert_eq!(told(broken), "it ended immediately: no such device");
        assert_eq!(told(found("exited", 127)), "it ended immediately: exit status 127 (program not found)");
        let oom = Inspected { oom_killed: true, ..found("exited", 137) };
        assert_eq!(told(oom), "it ended immediately: it needs more memory than vm.memory allows");
        let error = Inspected { error: "no such device".into(), ..found("exited", 128) };
        assert_eq!(told(error), "it ended immediately: no such device");
        let again = Inspected { restarts: 2, ..found("restarting", 3) };
        assert_eq!(
            told(again),
            "it ended immediately and Docker restarts it repeatedly (restart=): exit status 3"
        );
        let up = Inspected { restarts: 2, ..found("running", 0) };
        assert_eq!(told(up), "it ended immediately and Docker restarts it repeatedly (restart=)");
    }

    #[test]
    fn the_end_of_the_log_stands_below() {
        assert_eq!(died("it ended", &[]), "it ended; its log is empty");
        assert_eq!(
            died("it ended", &["a".to_owned(), "b".to_owned()]),
            "it ended; the end of its log:\n  a\n  b"
        );
    }
}
