//! One repair, under the lock that a change of the network takes.

use std::fs::File;
use std::time::Duration;

use hostnet::NetError;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use super::super::error::NetworkError;
use super::super::execute::{Backends, StepError, apply};
use super::super::guard::StateDir;
use super::super::host_state::{HostPaths, observe_network};
use super::super::manager::Tree;
use super::super::manager::adopt::adopt;
use super::super::observe::Observed;
use super::super::resolved::ResolvedNetwork;
use super::super::saved;
use super::hold::{self, Hold, HoldError};
use super::{LastGood, Limiter, Repair, lease, plan};
use crate::lock::{self, LockError};

/// A change holds the lock for longer; an interrupted run releases it at once.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// NetworkManager may wait for a DHCP server.
const ADOPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long something must be missing. A manager that reads its files again removes addresses for a moment.
const MISSING_FOR: Duration = Duration::from_millis(700);

/// A repair that failed.
#[derive(Debug, Error)]
pub enum RepairError {
    /// The observation, or the saved network.
    #[error(transparent)]
    Network(#[from] Box<NetworkError>),
    /// The reason for holding.
    #[error(transparent)]
    Hold(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A step.
    #[error("cannot restore the network")]
    Step(#[from] StepError),
    /// No netlink socket.
    #[error("cannot read this machine's network")]
    Open(#[from] NetError),
}

impl From<NetworkError> for RepairError {
    fn from(error: NetworkError) -> Self {
        Self::Network(Box::new(error))
    }
}

impl From<HoldError> for RepairError {
    fn from(error: HoldError) -> Self {
        Self::Hold(Box::new(error))
    }
}

/// What one look at the network found, or did.
#[derive(Debug)]
pub(super) enum Found {
    /// No network was ever confirmed here.
    Nothing,
    /// Nothing is missing, except for what waits or is left alone.
    Good(Repair),
    /// Something is missing, and nothing may be restored now.
    Held(Hold),
    /// It was restored.
    Restored {
        /// What was missing, and the steps that restored it.
        repair: Repair,
        /// What the manager did not follow.
        problems: Vec<String>,
    },
}

/// What is restored, and by what.
#[derive(Debug)]
pub(super) struct Repairer {
    pub(super) host: HostPaths,
    pub(super) state_dir: StateDir,
    pub(super) backends: Backends,
    pub(super) limiter: Limiter,
    last_good: LastGood,
    /// The network of `last_good`.
    known: Option<ResolvedNetwork>,
}

impl Repairer {
    pub(super) fn open(remote: &str) -> Result<Self, RepairError> {
        Ok(Self {
            host: HostPaths::host(),
            state_dir: StateDir::host(),
            backends: Backends::open(remote)?,
            limiter: Limiter::default(),
            last_good: LastGood::default(),
            known: None,
        })
    }

    /// The confirmed network.
    pub(super) fn saved(&self) -> Result<Option<ResolvedNetwork>, RepairError> {
        let saved = saved::read(&self.host.state).map_err(NetworkError::from)?;
        Ok(saved.filter(|network| !network.devices.is_empty()))
    }

    /// Looks once, and restores what is missing and stays missing.
    pub(super) async fn look(&mut self) -> Result<Found, RepairError> {
        let Some(network) = self.saved()? else { return Ok(Found::Nothing) };
        let (repair, _) = self.compare(&network).await?;
        if repair.steps.is_empty() {
            return Ok(Found::Good(repair));
        }
        sleep(MISSING_FOR).await;
        if let Some(hold) = hold::by_change(&self.state_dir)? {
            return Ok(Found::Held(hold));
        }
        let Some(_lock) = self.lock().await? else { return Ok(Found::Held(Hold::Change)) };
        self.restore().await
    }

    /// Whether the files are still those of the confirmed network.
    pub(super) async fn files(&self) -> Result<Option<Hold>, RepairError> {
        let Some(network) = self.saved()? else { return Ok(None) };
        let observed = observe_network(&self.backends, false).await?;
        Ok(hold::by_files(&self.host, &network, &observed)?.err())
    }

    async fn lock(&self) -> Result<Option<File>, LockError> {
        timeout(LOCK_TIMEOUT, lock::take(&self.state_dir.lock())).await.ok().transpose()
    }

    /// Under the lock. A change may have been confirmed or rolled back before it was taken, so everything is read again.
    async fn restore(&mut self) -> Result<Found, RepairError> {
        if let Some(hold) = hold::by_change(&self.state_dir)? {
            return Ok(Found::Held(hold));
        }
        let Some(network) = self.saved()? else { return Ok(Found::Nothing) };
        let (repair, observed) = self.compare(&network).await?;
        if repair.steps.is_empty() {
            return Ok(Found::Good(repair));
        }
        let tree = match hold::by_files(&self.host, &network, &observed)? {
            Ok(tree) => tree,
            Err(hold) => return Ok(Found::Held(hold)),
        };
        if let Some(hold) = hold::by_services(tree.manager(), &repair.objects).await? {
            return Ok(Found::Held(hold));
        }
        self.limiter.count(Instant::now(), &repair.objects);
        apply(&self.backends, &repair.steps, |_| {}).await?;
        let problems = Self::inform(&tree, &network, &repair).await;
        Ok(Found::Restored { repair, problems })
    }

    /// Informs the manager, and renews leases. Returns what failed; the network works until the manager is restarted, or the
    /// lease ends.
    async fn inform(tree: &Tree, network: &ResolvedNetwork, repair: &Repair) -> Vec<String> {
        let manager = tree.manager();
        let adopted = timeout(ADOPT_TIMEOUT, adopt(manager, network, &[], false)).await;
        let mut problems: Vec<String> = match adopted {
            Ok(adopted) => adopted.err().map(|error| chain::chain(&error)).into_iter().collect(),
            Err(_) => vec![format!(
                "{manager} did not take over the restored devices within {} s",
                ADOPT_TIMEOUT.as_secs()
            )],
        };
        for device in lease::to_renew(tree, &repair.objects) {
            if let Err(error) = lease::renew(&device).await {
                problems.push(format!("the DHCP lease of {device} is not renewed: {}", chain::chain(&error)));
            }
        }
        problems
    }

    /// Compares the saved network with the running one, and pauses objects that were restored too often.
    async fn compare(&mut self, network: &ResolvedNetwork) -> Result<(Repair, Observed), RepairError> {
        if self.known.as_ref() != Some(network) {
            (self.known, self.last_good) = (Some(network.clone()), LastGood::default());
        }
        let observed = observe_network(&self.backends, network.has_ovs()).await?;
        let now = Instant::now();
        let mut repair = plan(network, &observed, &self.last_good, &self.limiter.paused(now));
        if !self.limiter.pause(now, &repair.objects).is_empty() {
            repair = plan(network, &observed, &self.last_good, &self.limiter.paused(now));
        }
        if repair.is_empty() && repair.absent.is_empty() && !repair.lacks_switch {
            self.last_good = LastGood::of(network, &observed);
        }
        Ok((repair, observed))
    }
}

/// Restores the whole network once: for `xdockhost restore`. Returns the steps.
///
/// # Errors
/// See [`RepairError`].
pub async fn restore_now(remote: &str) -> Result<Option<String>, RepairError> {
    match Repairer::open(remote)?.look().await? {
        Found::Restored { repair, .. } => Ok(Some(words(&repair))),
        Found::Good(_) | Found::Nothing | Found::Held(Hold::Booting) => Ok(None),
        Found::Held(hold) => Ok(Some(format!("nothing was restored: {hold}"))),
    }
}

/// The steps of a repair.
pub(super) fn words(repair: &Repair) -> String {
    repair.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
