//! The way back: whoever goes it, and however often it was begun before.

use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;

use super::decide::Scope;
use super::ending;
use super::hands::{Hands, Trouble};
use super::intent::Undo;
use super::place::{Place, Stage};
use super::record::{Record, RecordError};
use crate::log::Log;

/// How long to wait before each attempt, for who made the change and is there to tell of it.
pub const BRIEF: [Duration; 4] = [ms(0), ms(200), ms(1_000), ms(3_000)];
/// For the guard, which is alone with a host that perhaps nobody reaches.
pub const LONG: [Duration; 8] =
    [ms(0), ms(200), ms(1_000), ms(3_000), ms(10_000), ms(30_000), ms(60_000), ms(60_000)];
/// After so many attempts, what is missing though all was done will not come.
const WAITED_FOR: usize = 3;
/// A step talks to the kernel or to the switch on this machine.
const STEP: Duration = Duration::from_secs(20);
/// The manager may ask a DHCP server for an address.
const ADOPT: Duration = Duration::from_secs(120);

const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// The way back was gone as far as it could be.
#[derive(Debug, Error)]
#[error("the old network could not be put back: {rest}; the next boot has its files")]
pub struct Stuck {
    /// What is still to do, and why it could not be done.
    rest: String,
}

/// What one attempt left.
#[derive(Debug, Default)]
struct Rest {
    /// What could not be done.
    failed: Vec<String>,
    /// What was there before the change and is not now, although everything was done.
    missing: Vec<String>,
}

impl Rest {
    fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.missing.is_empty()
    }
}

/// Takes a change back and ends its record. What is missing afterwards although all was done (an address whose lease is
/// over) is told, and is no failure.
///
/// # Errors
/// Something could not be done in any attempt. The record stays.
pub async fn take_back(
    place: &Place,
    record: &Record,
    hands: &impl Hands,
    scope: Scope,
    attempts: &[Duration],
) -> Result<String, Stuck> {
    let log = place.log();
    let mut rest = Rest::default();
    for (count, wait) in attempts.iter().enumerate() {
        sleep(*wait).await;
        rest = attempt(place, record, hands, scope, &log).await;
        if rest.is_empty() || (rest.failed.is_empty() && count >= WAITED_FOR) {
            break;
        }
    }
    if rest.failed.is_empty() {
        match ending::of_change(place, record, scope).and_then(|ops| ending::execute(&ops)) {
            Ok(()) => return Ok(told(&rest.missing)),
            Err(error) => rest.failed.push(chain::chain(&error)),
        }
    }
    Err(Stuck { rest: rest.failed.join("; ") })
}

fn told(missing: &[String]) -> String {
    match missing {
        [] => "the old network is back".to_owned(),
        missing => format!("the old network is back, without: {}", missing.join(", ")),
    }
}

/// Everything once, past errors. Kernel and switch first: that is what brings the host back; then what boots.
async fn attempt(place: &Place, record: &Record, hands: &impl Hands, scope: Scope, log: &Log) -> Rest {
    let mut rest = Rest::default();
    if scope == Scope::Running {
        rest.failed = steps(&record.undo, hands, log).await;
    }
    let mut changed = place.wrote(&record.id).exists();
    for file in &record.files {
        match file.restore() {
            Ok(restored) => changed |= restored,
            Err(error) => rest.failed.push(chain::chain(&error)),
        }
    }
    if scope == Scope::Running {
        if changed {
            let adopted = within(ADOPT, hands.adopt(&record.manager)).await;
            rest.failed.extend(adopted.err().map(|why| format!("tell {}: {why}", record.manager)));
        }
        match within(STEP, hands.facts()).await {
            Ok(now) => {
                rest.missing = record.facts.iter().filter(|fact| !now.contains(fact)).cloned().collect();
            }
            Err(why) => rest.failed.push(format!("look again: {why}")),
        }
    }
    rest
}

/// The steps of the way back, past errors. What could not be done. When the old bridge could not be made (ovs-vswitchd is gone), the
/// NIC keeps the address that the bridge could not get.
async fn steps(undo: &[Undo], hands: &impl Hands, log: &Log) -> Vec<String> {
    let mut failed: Vec<String> = Vec::new();
    for one in undo {
        match one.takes_away && !failed.is_empty() {
            true => failed.push(format!("{}: not before the steps that failed", one.text)),
            false => failed.extend(step(one, hands, log).await.err()),
        }
    }
    failed
}

/// One step of the way back, told.
async fn step(undo: &Undo, hands: &impl Hands, log: &Log) -> Result<(), String> {
    log.note("network", format!("back: {}", undo.text));
    within(STEP, hands.act(&undo.step)).await.map_err(|why| format!("{}: {why}", undo.text))
}

async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, String> {
    match tokio::time::timeout(deadline, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(trouble)) => Err(chain::chain(trouble.as_ref())),
        Err(_) => Err(format!("not done within {} s", deadline.as_secs())),
    }
}

/// What the records of an earlier boot have of the switch's database, now that it runs. `None`: nothing.
///
/// # Errors
/// A record can not be read, or a step of it could not be done; the record stays.
pub async fn take_back_late(place: &Place, hands: &impl Hands) -> Result<Option<String>, LateError> {
    let mut told = Vec::new();
    let log = place.log();
    for (id, stage) in place.records()?.into_iter().filter(|(_, stage)| *stage == Stage::Late) {
        let path = place.record(&stage, &id);
        let Some(record) = Record::read(&path)? else { continue };
        for undo in record.undo.iter().filter(|undo| undo.outlives_boot) {
            step(undo, hands, &log).await.map_err(LateError::Step)?;
            told.push(undo.text.clone());
        }
        durable::remove(&path).map_err(RecordError::from)?;
    }
    Ok((!told.is_empty()).then(|| told.join(", ")))
}

/// The switch has still what a change gave it that was taken back.
#[derive(Debug, Error)]
pub enum LateError {
    /// The records.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// They can not be listed.
    #[error(transparent)]
    Place(#[from] super::place::PlaceError),
    /// A step.
    #[error("cannot take back what a change left in the switch: {0}")]
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

    impl Hands for Host {
        async fn act(&self, step: &Value) -> Result<(), Trouble> {
            let step = step.as_str().unwrap();
            if self.failing.contains(&step) {
                return Err("no answer".into());
            }
            self.done.borrow_mut().push(step.to_owned());
            Ok(())
        }
        async fn adopt(&self, _: &str) -> Result<(), Trouble> {
            Ok(())
        }
        async fn facts(&self) -> Result<Vec<String>, Trouble> {
            Ok(Vec::new())
        }
        async fn probe(&self, _: &Value, _: Duration) -> Result<(), Trouble> {
            Ok(())
        }
    }

    /// The way back from a Linux bridge to an Open vSwitch bridge.
    fn undo() -> Vec<Undo> {
        let step = |text: &str, takes_away| Undo {
            text: text.to_owned(),
            step: Value::from(text),
            outlives_boot: false,
            takes_away,
        };
        vec![
            step("add 10.99.0.11/16 to eth0", false),
            step("remove 10.99.0.11/16 from mynet0", true),
            step("add Open vSwitch bridge mynet0", false),
            step("add 10.99.0.11/16 to mynet0", false),
            step("remove 10.99.0.11/16 from eth0", true),
            step("have only the switch hear eth0", true),
        ]
    }

    fn went(failing: &[&'static str]) -> (Vec<String>, Vec<String>) {
        let host = Host { failing: failing.to_vec(), ..Host::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let log = Place::elsewhere(directory.path(), std::path::Path::new("/none")).log();
        let failed = runtime.block_on(steps(&undo(), &host, &log));
        (host.done.into_inner(), failed)
    }

    #[test]
    fn the_nic_keeps_its_address_until_the_bridge_has_it() {
        let (done, failed) = went(&["add Open vSwitch bridge mynet0", "add 10.99.0.11/16 to mynet0"]);
        assert_eq!(done, ["add 10.99.0.11/16 to eth0", "remove 10.99.0.11/16 from mynet0"]);
        let later = ["remove 10.99.0.11/16 from eth0", "have only the switch hear eth0"]
            .map(|step| format!("{step}: not before the steps that failed"));
        assert_eq!(failed[2..], later);
        let (done, failed) = went(&[]);
        assert_eq!((done.len(), failed.len()), (6, 0));
    }

    #[test]
    fn the_bridge_keeps_its_address_until_the_nic_has_it() {
        let (done, failed) = went(&["add 10.99.0.11/16 to eth0"]);
        assert_eq!(done, ["add Open vSwitch bridge mynet0", "add 10.99.0.11/16 to mynet0"]);
        assert_eq!(failed.len(), 4);
    }
}
