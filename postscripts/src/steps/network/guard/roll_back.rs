//! The rollback of a change. Any process may run it, any number of times.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::time::sleep;

use super::cleanup;
use super::decide::Scope;
use super::record::{Record, RecordError, Undo};
use super::state_dir::{Stage, StateDir};
use crate::log::Log;

/// Retry delays while the caller waits.
pub const RUN_BACKOFF: [Duration; 4] = [ms(0), ms(200), ms(1_000), ms(3_000)];
/// Retry delays of the guard of a host that may be unreachable.
pub const GUARD_BACKOFF: [Duration; 8] =
    [ms(0), ms(200), ms(1_000), ms(3_000), ms(10_000), ms(30_000), ms(60_000), ms(60_000)];
/// After this many attempts without a failed step, missing facts are no longer awaited.
const ATTEMPTS_FOR_FACTS: usize = 3;
/// Timeout of a step, which changes only this host's kernel or switch.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// Timeout of the network manager, which may wait for a DHCP server.
const ADOPT_TIMEOUT: Duration = Duration::from_secs(120);

const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Error of a backend.
pub type BackendError = Box<dyn std::error::Error + Send + Sync>;

/// Changes this host's network during a rollback. No operation but the probe may use the network: no names,
/// no other host.
pub trait RollbackBackend {
    /// Executes a step of the rollback ([`super::Undo::step`]). Idempotent. It also succeeds if the original
    /// step was never executed.
    fn act(&self, step: &Value) -> impl Future<Output = Result<(), BackendError>>;

    /// Reloads the network manager after its previous files were restored.
    fn adopt(&self, manager: &str) -> impl Future<Output = Result<(), BackendError>>;

    /// The current network, one line per fact.
    fn facts(&self) -> impl Future<Output = Result<Vec<String>, BackendError>>;

    /// Waits until all probe targets ([`super::Intent::probes`]) answer; the error names the first that does
    /// not.
    fn probe(&self, probes: &Value, limit: Duration) -> impl Future<Output = Result<(), BackendError>>;
}

/// All attempts of the rollback failed.
#[derive(Debug, Error)]
#[error("cannot roll back to the previous network: {remaining}; the next boot uses its files")]
pub struct RollbackFailed {
    /// The remaining steps and their errors.
    remaining: String,
}

/// Result of one attempt.
#[derive(Debug, Default)]
struct Remaining {
    /// Failed steps.
    failed: Vec<String>,
    /// Facts of the previous network that are missing although all steps succeeded.
    missing: Vec<String>,
}

impl Remaining {
    fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.missing.is_empty()
    }
}

/// Rolls back a change and removes its record. A fact that is missing although all steps succeeded (such as
/// an address whose lease has expired) is reported and is not an error.
///
/// # Errors
/// A step failed in every attempt. The record remains.
pub async fn roll_back(
    state_dir: &StateDir,
    record: &Record,
    backend: &impl RollbackBackend,
    scope: Scope,
    attempts: &[Duration],
) -> Result<String, RollbackFailed> {
    let log = state_dir.log();
    let mut remaining = Remaining::default();
    for (count, wait) in attempts.iter().enumerate() {
        sleep(*wait).await;
        remaining = attempt(state_dir, record, backend, scope, &log).await;
        if remaining.is_empty() || (remaining.failed.is_empty() && count >= ATTEMPTS_FOR_FACTS) {
            break;
        }
    }
    if remaining.failed.is_empty() {
        match cleanup::of_change(state_dir, record, scope).and_then(|ops| cleanup::execute(&ops)) {
            Ok(()) => return Ok(summary(&remaining.missing)),
            Err(error) => remaining.failed.push(chain::chain(&error)),
        }
    }
    Err(RollbackFailed { remaining: remaining.failed.join("; ") })
}

fn summary(missing: &[String]) -> String {
    match missing {
        [] => "rolled back to the previous network".to_owned(),
        missing => format!("rolled back to the previous network, without: {}", missing.join(", ")),
    }
}

/// One attempt, which continues after errors. Kernel and switch come first, because they make the host
/// reachable; then the files for the next boot.
async fn attempt(
    state_dir: &StateDir,
    record: &Record,
    backend: &impl RollbackBackend,
    scope: Scope,
    log: &Log,
) -> Remaining {
    let mut remaining = Remaining::default();
    if scope == Scope::Running {
        remaining.failed = steps(&record.undo, backend, log).await;
    }
    let mut changed = state_dir.wrote(&record.id).exists();
    for file in &record.files {
        match file.restore() {
            Ok(restored) => changed |= restored,
            Err(error) => remaining.failed.push(chain::chain(&error)),
        }
    }
    if scope == Scope::Running {
        if changed {
            let adopted = within(ADOPT_TIMEOUT, backend.adopt(&record.manager)).await;
            remaining.failed.extend(adopted.err().map(|why| format!("reload {}: {why}", record.manager)));
        }
        match within(STEP_TIMEOUT, backend.facts()).await {
            Ok(now) => {
                remaining.missing = record.facts.iter().filter(|fact| !now.contains(fact)).cloned().collect();
            }
            Err(why) => remaining.failed.push(format!("observe the network: {why}")),
        }
    }
    remaining
}

/// Executes the steps, continues after errors and returns the errors. If the previous bridge cannot be
/// created (ovs-vswitchd is not running), the NIC keeps the address.
async fn steps(undo: &[Undo], backend: &impl RollbackBackend, log: &Log) -> Vec<String> {
    let mut failed: Vec<String> = Vec::new();
    for one in undo {
        match one.cuts_access && !failed.is_empty() {
            true => failed.push(format!("{}: skipped, because earlier steps failed", one.text)),
            false => failed.extend(step(one, backend, log).await.err()),
        }
    }
    failed
}

/// Executes one step and logs it.
async fn step(undo: &Undo, backend: &impl RollbackBackend, log: &Log) -> Result<(), String> {
    log.note("network", format!("rollback: {}", undo.text));
    within(STEP_TIMEOUT, backend.act(&undo.step)).await.map_err(|why| format!("{}: {why}", undo.text))
}

async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, BackendError>>,
) -> Result<T, String> {
    match tokio::time::timeout(deadline, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(chain::chain(error.as_ref())),
        Err(_) => Err(format!("not finished within {} s", deadline.as_secs())),
    }
}

/// Rolls back the steps in Open vSwitch's database of changes that were rolled back at boot. Called when Open
/// vSwitch runs. `None` if there are none.
///
/// # Errors
/// A record cannot be read, or a step failed. The record remains.
pub async fn roll_back_switch(
    state_dir: &StateDir,
    backend: &impl RollbackBackend,
) -> Result<Option<String>, SwitchRollbackError> {
    let mut done = Vec::new();
    let log = state_dir.log();
    for (id, stage) in state_dir.records()?.into_iter().filter(|(_, stage)| *stage == Stage::SwitchPending) {
        let path = state_dir.record(&stage, &id);
        let Some(record) = Record::read(&path)? else { continue };
        for undo in record.undo.iter().filter(|undo| undo.outlives_boot) {
            step(undo, backend, &log).await.map_err(SwitchRollbackError::Step)?;
            done.push(undo.text.clone());
        }
        durable::remove(&path).map_err(RecordError::from)?;
    }
    Ok((!done.is_empty()).then(|| done.join(", ")))
}

/// Steps in Open vSwitch's database cannot be rolled back.
#[derive(Debug, Error)]
pub enum SwitchRollbackError {
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The records cannot be listed.
    #[error(transparent)]
    StateDir(#[from] super::state_dir::StateDirError),
    /// A step failed.
    #[error("cannot roll back the changes in Open vSwitch: {0}")]
    Step(String),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test")]
mod tests {
    use std::cell::RefCell;

    use serde_json::Value;

    use super::*;

    /// A host on which some steps fail.
    #[derive(Default)]
    struct Host {
        failing: Vec<&'static str>,
        done: RefCell<Vec<String>>,
    }

    impl RollbackBackend for Host {
        async fn act(&self, step: &Value) -> Result<(), BackendError> {
            let step = step.as_str().unwrap();
            if self.failing.contains(&step) {
                return Err("no answer".into());
            }
            self.done.borrow_mut().push(step.to_owned());
            Ok(())
        }
        async fn adopt(&self, _: &str) -> Result<(), BackendError> {
            Ok(())
        }
        async fn facts(&self) -> Result<Vec<String>, BackendError> {
            Ok(Vec::new())
        }
        async fn probe(&self, _: &Value, _: Duration) -> Result<(), BackendError> {
            Ok(())
        }
    }

    /// The rollback from a Linux bridge to an Open vSwitch bridge.
    fn undo() -> Vec<Undo> {
        let step = |text: &str, cuts_access| Undo {
            text: text.to_owned(),
            step: Value::from(text),
            outlives_boot: false,
            cuts_access,
        };
        vec![
            step("add 10.99.0.11/16 to eth0", false),
            step("remove 10.99.0.11/16 from mynet0", true),
            step("add Open vSwitch bridge mynet0", false),
            step("add 10.99.0.11/16 to mynet0", false),
            step("remove 10.99.0.11/16 from eth0", true),
            step("isolate eth0 from the host's IP stack", true),
        ]
    }

    fn roll_back_with(failing: &[&'static str]) -> (Vec<String>, Vec<String>) {
        let host = Host { failing: failing.to_vec(), ..Host::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let log = StateDir::custom(directory.path(), std::path::Path::new("/none")).log();
        let failed = runtime.block_on(steps(&undo(), &host, &log));
        (host.done.into_inner(), failed)
    }

    #[test]
    fn the_nic_keeps_its_address_until_the_bridge_has_it() {
        let (done, failed) =
            roll_back_with(&["add Open vSwitch bridge mynet0", "add 10.99.0.11/16 to mynet0"]);
        assert_eq!(done, ["add 10.99.0.11/16 to eth0", "remove 10.99.0.11/16 from mynet0"]);
        let later = ["remove 10.99.0.11/16 from eth0", "isolate eth0 from the host's IP stack"]
            .map(|step| format!("{step}: skipped, because earlier steps failed"));
        assert_eq!(failed[2..], later);
        let (done, failed) = roll_back_with(&[]);
        assert_eq!((done.len(), failed.len()), (6, 0));
    }

    #[test]
    fn the_bridge_keeps_its_address_until_the_nic_has_it() {
        let (done, failed) = roll_back_with(&["add 10.99.0.11/16 to eth0"]);
        assert_eq!(done, ["add Open vSwitch bridge mynet0", "add 10.99.0.11/16 to mynet0"]);
        assert_eq!(failed.len(), 4);
    }
}
