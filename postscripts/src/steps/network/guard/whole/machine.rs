//! A kernel and a switch made of numbers. The acting process may die at any operation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;

use crate::steps::network::guard::{BackendError, RollbackBackend};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) of_switch: bool,
    pub(super) name: String,
    pub(super) to: u32,
}

/// Kernel and switch. After a number of operations the acting process is dead.
#[derive(Default)]
pub(super) struct Machine {
    kernel: RefCell<BTreeMap<String, u32>>,
    switch: RefCell<BTreeMap<String, u32>>,
    pub(super) answers: Cell<bool>,
    lives: Cell<Option<u32>>,
    died: Notify,
}

impl Machine {
    async fn perhaps_die(&self) {
        match self.lives.get() {
            Some(0) => {
                self.died.notify_one();
                std::future::pending::<()>().await;
            }
            left => self.lives.set(left.map(|left| left - 1)),
        }
    }

    pub(super) fn set(&self, step: &Step) {
        let of = if step.of_switch { &self.switch } else { &self.kernel };
        of.borrow_mut().insert(step.name.clone(), step.to);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let all = [("kernel", &self.kernel), ("switch", &self.switch)];
        all.iter()
            .flat_map(|(of, values)| {
                let values = values.borrow();
                values.iter().map(|(name, value)| format!("{of} {name} {value}")).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Runs `work`; `None` if the process died.
    pub(super) async fn unless_dead<T>(
        &self,
        lives: Option<u32>,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.lives.set(lives);
        let done = tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = work => Some(done),
        };
        self.lives.set(None);
        done
    }
}

impl RollbackBackend for Machine {
    async fn act(&self, step: &Value) -> Result<(), BackendError> {
        self.perhaps_die().await;
        self.set(&Step::deserialize(step)?);
        Ok(())
    }

    async fn adopt(&self, _manager: &str) -> Result<(), BackendError> {
        self.perhaps_die().await;
        Ok(())
    }

    async fn facts(&self) -> Result<Vec<String>, BackendError> {
        self.perhaps_die().await;
        Ok(self.lines())
    }

    async fn probe(&self, _probes: &Value, _patience: Duration) -> Result<(), BackendError> {
        self.perhaps_die().await;
        if self.answers.get() { Ok(()) } else { Err("silence".into()) }
    }
}
