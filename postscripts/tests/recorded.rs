//! The record of a pending change that an earlier release wrote is read and rolled back.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::Duration;

use postscripts::steps::network::guard::boot::roll_back_pending;
use postscripts::steps::network::guard::{BackendError, RollbackBackend, StateDir};
use postscripts::steps::network::plan::Step;
use postscripts::steps::network::probe::Probes;
use serde::Deserialize as _;
use serde_json::Value;

/// Has every step of the recorded release, with all fields.
const RECORD: &str = include_str!("recorded/change.json");

/// Notes the steps that it could read.
#[derive(Default)]
struct Reader {
    steps: RefCell<Vec<Step>>,
    manager: RefCell<String>,
}

impl RollbackBackend for Reader {
    async fn act(&self, step: &Value) -> Result<(), BackendError> {
        let parsed = Step::deserialize(step)?;
        assert_eq!(serde_json::to_value(&parsed)?, *step, "the same on disk");
        self.steps.borrow_mut().push(parsed);
        Ok(())
    }

    async fn adopt(&self, manager: &str) -> Result<(), BackendError> {
        manager.clone_into(&mut self.manager.borrow_mut());
        Ok(())
    }

    async fn facts(&self) -> Result<Vec<String>, BackendError> {
        Ok(vec!["10.99.0.11/16 on eth0".to_owned()])
    }

    async fn probe(&self, _: &Value, _: Duration) -> Result<(), BackendError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_change_that_an_earlier_release_recorded_is_rolled_back() {
    let directory = tempfile::tempdir().unwrap();
    let state_dir = StateDir::custom(&directory.path().join("state"), Path::new("/bin/false"));
    fs::create_dir(&state_dir.state).unwrap();
    let here = RECORD
        .replace("/etc/network", &directory.path().display().to_string())
        .replace("e5a8c3f0-0000-4000-8000-000000000001", &state_dir.boot);
    fs::write(state_dir.change(), &here).unwrap();
    let [old, new] = ["interfaces", "mynet0"].map(|name| directory.path().join(name));
    fs::write(&old, "auto mynet0\n").unwrap();
    fs::write(&new, "# Written by xdockhost\n").unwrap();

    let record: Value = serde_json::from_str(&here).unwrap();
    Probes::deserialize(&record["probes"]).unwrap();
    let recorded = record["undo"].as_array().unwrap().len();
    let backend = Reader::default();
    let done = roll_back_pending(&state_dir, &backend).await.unwrap();

    assert_eq!(
        done.as_deref(),
        Some("a network change was interrupted; rolled back to the previous network")
    );
    assert_eq!((backend.steps.borrow().len(), recorded), (34, 34));
    assert_eq!(backend.manager.into_inner(), "ifupdown");
    assert_eq!(fs::read_to_string(&old).unwrap(), "auto eth0\n");
    assert!(!new.exists() && !state_dir.change().exists());
}
