//! What taking back needs of the network: the guard knows files and processes, and nothing of bridges.

use std::error::Error;
use std::time::Duration;

use serde_json::Value;

/// Why something was not done.
pub type BackendError = Box<dyn Error + Send + Sync>;

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
