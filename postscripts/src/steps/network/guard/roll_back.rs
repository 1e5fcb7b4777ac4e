//! The way back: whoever goes it, and however often it was begun before.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::time::sleep;

use super::cleanup;
use super::decide::Scope;
use super::record::{Record, RecordError, Undo};
use super::state_dir::{Stage, StateDir};
use crate::log::Log;

/// How long to wait before each attempt, for who made the change and is there to tell of it.
pub const RUN_BACKOFF: [Duration; 4] = [ms(0), ms(200), ms(1_000), ms(3_000)];
/// For the guard, which is alone with a host that perhaps nobody reaches.
pub const GUARD_BACKOFF: [Duration; 8] =
    [ms(0), ms(200), ms(1_000), ms(3_000), ms(10_000), ms(30_000), ms(60_000), ms(60_000)];
/// After so many attempts, what is missing though all was done will not come.
const ATTEMPTS_FOR_FACTS: usize = 3;
/// A step talks to the kernel or to the switch on this machine.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// The manager may ask a DHCP server for an address.
const ADOPT_TIMEOUT: Duration = Duration::from_secs(120);

const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Why something was not done.
pub type BackendError = Box<dyn std::error::Error + Send + Sync>;

/// Who can act on this machine's network. Nothing of it may need the network: no names, no other machine (but the probe).
pub trait RollbackBackend {
    /// Executes a step of the way back ([`super::Undo::step`]). The same in effect when repeated, and also when the step of
    /// which it is the inverse was never executed.
    fn act(&self, step: &Value) -> impl Future<Output = Result<(), BackendError>>;

    /// Tells the network manager that its files are the old ones again, and that the kernel is as they say.
    fn adopt(&self, manager: &str) -> impl Future<Output = Result<(), BackendError>>;

    /// The network as it is, a line each.
    fn facts(&self) -> impl Future<Output = Result<Vec<String>, BackendError>>;

    /// Whether who must answer ([`super::Intent::probes`]) does so within that time; the error says who did not.
    fn probe(&self, probes: &Value, limit: Duration) -> impl Future<Output = Result<(), BackendError>>;
}

/// The way back was gone as far as it could be.
#[derive(Debug, Error)]
#[error("cannot roll back to the previous network: {remaining}; the next boot uses its files")]
pub struct RollbackFailed {
    /// What is still to do, and why it could not be done.
    remaining: String,
}

/// What one attempt left.
#[derive(Debug, Default)]
struct Remaining {
    /// What could not be done.
    failed: Vec<String>,
    /// What was there before the change and is not now, although everything was done.
    missing: Vec<String>,
}

impl Remaining {
    fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.missing.is_empty()
    }
}

/// Takes a change back and ends its record. What is missing afterwards although all was done (an address whose lease is
/// over) is done, and is no failure.
///
/// # Errors
/// Something could not be done in any attempt. The record stays.
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

/// Everything once, past errors. Kernel and switch first: that is what brings the host back; then what boots.
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

/// The steps of the way back, past errors. What could not be done. When the old bridge could not be made (ovs-vswitchd is gone), the
/// NIC keeps the address that the bridge could not get.
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

/// One step of the way back, done.
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

/// What the records of an earlier boot have of the switch's database, now that it runs. `None`: nothing.
///
/// # Errors
/// A record can not be read, or a step of it could not be done; the record stays.
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

/// The switch has still what a change gave it that was taken back.
#[derive(Debug, Error)]
pub enum SwitchRollbackError {
    /// The records.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// They can not be listed.
    #[error(transparent)]
    StateDir(#[from] super::state_dir::StateDirError),
    /// A step.
    #[error("cannot roll back the changes in Open vSwitch: {0}")]
    Step(String),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can not go on fails")]
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

    /// The way back from a Linux bridge to an Open vSwitch bridge.
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
