//! Publishes ports: the only writer of their rules.
//!
//! Starts of containers and reconciliation write at any time, and each write replaces all rules. So one lock orders the
//! writes, and each writes the newest desired state for all that wait: thirty starts need a few writes.

use std::sync::{Arc, Mutex, PoisonError};

use chain::chain;
use hostnet::publish::{self, Observed, Publication};
use hostnet::{Kernel, Link};
use tracing::warn;

use crate::publish::{HostAddresses, Selection, Wanted, select};

/// A version of the desired state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u64);

/// What is published and what should be, at one time.
#[derive(Debug, Clone)]
pub(crate) struct PublishView {
    /// The desired state that it was made from.
    pub(crate) generation: Generation,
    /// The ports to publish.
    pub(crate) published: Vec<Publication>,
    /// Ports that cannot be published.
    pub(crate) problems: Vec<String>,
    /// The rules of the host.
    pub(crate) observed: Observed,
}

/// Writes the rules of published ports.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    kernel: Kernel,
    newest: Arc<Mutex<(Generation, Arc<Wanted>)>>,
    /// The last generation that was written.
    written: Arc<tokio::sync::Mutex<Generation>>,
}

impl Publisher {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel, newest: Arc::default(), written: Arc::default() }
    }

    /// Sets the desired state. `false`: it is the same as before.
    pub(crate) fn set(&self, wanted: Wanted) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if *newest.1 == wanted {
            return false;
        }
        *newest = (Generation(newest.0.0.saturating_add(1)), Arc::new(wanted));
        true
    }

    fn newest(&self) -> (Generation, Arc<Wanted>) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the desired state at the time of the call, or a newer one, is written.
    pub(crate) async fn settled(&self) -> Result<(), String> {
        let (generation, _) = self.newest();
        let mut written = self.written.lock().await;
        if *written >= generation {
            return Ok(());
        }
        let links = self.kernel.links().await.map_err(|error| chain(&error))?;
        let view = self.view(&links).await?;
        for step in publish::plan(&view.published, &view.observed) {
            publish::apply(&self.kernel, &step).await.map_err(|error| chain(&error))?;
        }
        *written = view.generation;
        Ok(())
    }

    /// The same, and an error is only logged: reconciliation retries.
    pub(crate) async fn settled_or_logged(&self) {
        if let Err(error) = self.settled().await {
            warn!("{error}");
        }
    }

    /// Observes what is published.
    pub(super) async fn view(&self, links: &[Link]) -> Result<PublishView, String> {
        let (generation, wanted) = self.newest();
        let addresses = self.kernel.all_addresses().await.map_err(|error| chain(&error))?;
        let Selection { published, problems } =
            select(&wanted, &HostAddresses { links, addresses: &addresses });
        let observed = publish::observe(&self.kernel, &published).await.map_err(|error| chain(&error))?;
        Ok(PublishView { generation, published, problems, observed })
    }

    /// Executes a step of reconciliation. `false`: its plan is out of date.
    pub(super) async fn repair(&self, generation: Generation, step: &publish::Step) -> Result<bool, String> {
        let _written = self.written.lock().await;
        if self.newest().0 != generation {
            return Ok(false);
        }
        publish::apply(&self.kernel, step).await.map(|()| true).map_err(|error| chain(&error))
    }
}
