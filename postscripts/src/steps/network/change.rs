//! The change: steps and files, supervised by the guard. It takes effect as a whole and is confirmed by the
//! probes, or it is rolled back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::Change;
use inventory::IfName;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::Outcome;
use super::backend::{HostBackend, facts};
use super::error::{ChangeError, NetworkError};
use super::execute::{Backends, apply};
use super::guard::install::{UNITS, install};
use super::guard::{Guarded, Intent, StateDir, Undo, begin};
use super::heal;
use super::host_state::observe_network;
use super::knock::Knock;
use super::manager::adopt::adopt;
use super::manager::{DroppedSetting, Manager};
use super::observe::Observed;
use super::plan::{DaemonStep, Removal, Step, inverses, plan, removal};
use super::probe::{NoAnswer, Probes, answers};
use super::references::{Moved, Survey};
use super::resolved::{Device, Kind, ResolvedNetwork};
use super::ssh_access::SshAccess;
use crate::files::{DesiredFile, changed};
use crate::render::Templates;

/// Timeout of the management node's answer before the change.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The same if the confirmed network is only repaired: the repair also runs if the management node does not
/// answer.
const REPAIR_ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of the network manager to reach the new state after it has reloaded its files.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Time for steps, files and the network manager, without the probes, in seconds.
const WORK_TIMEOUT: u64 = 180;

/// All inputs and outputs of one change.
pub(super) struct NetworkChange {
    pub(super) network: ResolvedNetwork,
    /// Devices that earlier runs created.
    pub(super) created: ResolvedNetwork,
    pub(super) steps: Vec<Step>,
    /// Files that differ.
    pub(super) files: Vec<DesiredFile>,
    /// The plan as files. They are written with the others, but are not a change by themselves.
    pub(super) saved: [DesiredFile; 2],
    /// The record of the manager's files, written likewise.
    pub(super) confirmed_files: DesiredFile,
    /// Settings of replaced files that our files do not have.
    pub(super) lost: Vec<DroppedSetting>,
    pub(super) probes: Probes,
    /// Devices whose packets will be received through another device.
    pub(super) moved: Vec<Moved>,
    /// Firewall rules, sysctl settings and services that name these devices.
    pub(super) survey: Survey,
    /// Request to the management node to test new ssh connections.
    pub(super) knock: Knock,
    /// Skip the test of new ssh connections (`firewall=ignore`).
    pub(super) ignore_firewall: bool,
    pub(super) manager: Manager,
    /// A bridge is replaced by another one, and netd moves its containers.
    pub(super) has_replaced: bool,
    /// Probe timeout in seconds.
    pub(super) confirm: u64,
    /// The network is already confirmed and is only repaired.
    pub(super) is_repair: bool,
    /// Summary of the change, if it is not the list of devices.
    pub(super) summary: Option<String>,
}

impl NetworkChange {
    pub(super) async fn execute(
        &self,
        backends: &Backends,
        templates: &Templates,
        before: &Observed,
    ) -> Result<Outcome, NetworkError> {
        // also without a change: boot, enrolment and people run this copy, and nothing else installs a new
        // release
        let program = install(&StateDir::host(), templates, Path::new(UNITS)).await?;
        let watch = heal::service::install(&StateDir::host(), templates, program).await?;
        let own = if watch == Change::Written { watch } else { program };
        if self.steps.is_empty() && self.files.is_empty() {
            self.save()?;
            return Ok(match own {
                Change::None => Outcome::NothingToDo,
                Change::Written => Outcome::Done("nothing to change; installed xdockhost".to_owned()),
            });
        }
        // ssh may end with its terminal while the NIC moves; the change must be completed or rolled back
        let _ignored = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let master: SocketAddr = self.probes.master;
        let answered =
            answers(master, if self.is_repair { REPAIR_ANSWER_TIMEOUT } else { ANSWER_TIMEOUT }).await;
        if !answered && !self.is_repair {
            return Err(NetworkError::SilentBefore(master));
        }
        let ssh_access = self.ssh_access(answered).await?;
        let probes =
            Probes { knock: ssh_access.knock(), ..self.probes.clone().without_unreachable(before).await };
        let mut guarded = begin(&StateDir::host(), &self.intent(&probes, before)?).await?;
        // a host that reaches nobody cannot lose anything by a repair, so it is not probed
        match self.guarded(&mut guarded, backends, Some(&probes).filter(|_| answered)).await {
            Ok(()) if answered || answers(master, ANSWER_TIMEOUT).await => {
                let note = ssh_access.note().filter(|_| answered).map(str::to_owned);
                Ok(Outcome::Done(
                    [Some(self.summary()), note].into_iter().flatten().collect::<Vec<_>>().join("; "),
                ))
            }
            Ok(()) => Ok(Outcome::Done(format!(
                "{}; the management node does not answer at {master}",
                self.summary()
            ))),
            Err(error) => Err(rolled_back(guarded, &error).await),
        }
    }

    /// Tests new ssh connections before the change.
    async fn ssh_access(&self, answered: bool) -> Result<SshAccess, NetworkError> {
        // a host that does not reach the management node cannot ask it for a test
        let ssh_access = SshAccess::before(self.knock, self.ignore_firewall || !answered).await;
        match ssh_access.refusal(&self.survey, &self.moved) {
            Some(refusal) => Err(NetworkError::CutsSshAccess(refusal)),
            None => Ok(ssh_access),
        }
    }

    fn intent(&self, probes: &Probes, before: &Observed) -> Result<Intent, serde_json::Error> {
        let undo = inverses(&self.steps).into_iter().map(|step| {
            Undo::of(&step, step.outlives_boot()).map(|undo| Undo { cuts_access: step.cuts_access(), ..undo })
        });
        let touched =
            |name: &IfName| self.network.device(name).is_some() || self.created.device(name).is_some();
        let intent = Intent {
            undo: undo.collect::<Result<_, _>>()?,
            facts: facts(before, touched),
            manager: self.manager.to_string(),
            probes: serde_json::to_value(probes)?,
            confirm: self.confirm,
            limit: WORK_TIMEOUT + 2 * self.confirm,
            ..Intent::default()
        };
        Ok(intent.with_files(&self.all_files()))
    }

    /// Writes the saved plan if the network itself does not change.
    pub(super) fn save(&self) -> Result<(), NetworkError> {
        let records = self.saved.iter().chain([&self.confirmed_files]);
        records.into_iter().try_for_each(|record| record.write().map(drop)).map_err(NetworkError::Keep)
    }

    /// Removal of the devices that earlier runs created and that are no longer in the tables.
    pub(super) fn removal(&self, observed: &Observed) -> Removal {
        removal(&self.created, &self.network, observed)
    }

    fn all_files(&self) -> Vec<DesiredFile> {
        self.files.iter().chain(&self.saved).chain([&self.confirmed_files]).cloned().collect()
    }

    /// The change itself. The files are written and the manager is reloaded after the probes were answered
    /// through the new network. Then probes and state are checked again.
    async fn guarded(
        &self,
        guarded: &mut Guarded,
        backends: &Backends,
        probes: Option<&Probes>,
    ) -> Result<(), ChangeError> {
        if !self.steps.is_empty() {
            guarded.during(apply(backends, &self.steps, |_| {})).await??;
            guarded.during(self.probe(probes)).await??;
        }
        guarded.write(&self.all_files())?;
        guarded.during(self.adopt()).await??;
        // NetworkManager adds a device that it activates to the default zone, unless the profile names
        // another
        guarded.during(apply(backends, &self.zones(), |_| {})).await??;
        guarded.during(self.probe(probes)).await??;
        guarded.during(self.verify(backends)).await??;
        guarded.confirm()?;
        Ok(())
    }

    fn zones(&self) -> Vec<Step> {
        self.steps
            .iter()
            .filter(|step| matches!(step, Step::Daemon(DaemonStep::AddToZone { .. })))
            .cloned()
            .collect()
    }

    async fn probe(&self, probes: Option<&Probes>) -> Result<(), ChangeError> {
        let Some(probes) = probes else { return Ok(()) };
        let answered = probes.answer(Duration::from_secs(self.confirm)).await;
        answered.map_err(|no_answer| self.no_answer(no_answer))
    }

    fn no_answer(&self, no_answer: NoAnswer) -> ChangeError {
        let (seconds, suspects) = (self.confirm, self.survey.suspects());
        match no_answer {
            NoAnswer::SshAccess(_) if !suspects.is_empty() => {
                ChangeError::CutOff { no_answer, seconds, suspects }
            }
            no_answer => ChangeError::NoAnswer { no_answer, seconds },
        }
    }

    /// Reloads the network manager, so that its state matches the kernel.
    async fn adopt(&self) -> Result<(), ChangeError> {
        let changed: Vec<PathBuf> = self.files.iter().map(|file| file.path.clone()).collect();
        Ok(adopt(self.manager, &self.network, &changed, self.has_replaced).await?)
    }

    /// Checks that a new plan has no steps and that all files have the desired content. A reloaded manager
    /// may still be working: networkd removes and adds addresses when it reads its files.
    async fn verify(&self, backends: &Backends) -> Result<(), ChangeError> {
        let end = Instant::now() + SETTLE_TIMEOUT;
        loop {
            match self.verify_once(backends).await {
                Err(ChangeError::Unfinished(_)) if Instant::now() < end => sleep(POLL_INTERVAL).await,
                verified => return verified,
            }
        }
    }

    async fn verify_once(&self, backends: &Backends) -> Result<(), ChangeError> {
        let observed = match observe_network(backends, self.network.has_ovs()).await {
            Ok(observed) => observed,
            Err(NetworkError::Observe(error)) => return Err(error.into()),
            Err(NetworkError::Switch(error)) => return Err(error.into()),
            Err(other) => return Err(ChangeError::Unfinished(chain::chain(&other))),
        };
        let steps = plan(&self.network, &observed).iter().map(ToString::to_string).collect::<Vec<_>>();
        let files =
            changed(self.all_files()).map_err(|error| ChangeError::Unfinished(chain::chain(&error)))?;
        let rest: Vec<String> = steps
            .into_iter()
            .chain(files.iter().map(|file| format!("write {}", file.path.display())))
            .collect();
        if rest.is_empty() { Ok(()) } else { Err(ChangeError::Unfinished(rest.join(", "))) }
    }

    fn summary(&self) -> String {
        if let Some(summary) = &self.summary {
            return summary.clone();
        }
        let mut parts: Vec<String> = self.network.devices.iter().filter_map(summary_of).collect();
        let backup = self.files.iter().find_map(|file| file.backup.as_ref());
        if let (false, Some(backup)) = (self.lost.is_empty(), backup) {
            let lost: Vec<&str> = self.lost.iter().map(|lost| lost.setting.as_str()).collect();
            parts.push(format!("not taken over from {}: {}", backup.display(), lost.join(", ")));
        }
        parts.join("; ")
    }
}

async fn rolled_back(guarded: Guarded, error: &ChangeError) -> NetworkError {
    let why = chain::chain(error);
    let backend = match HostBackend::open() {
        Ok(backend) => backend,
        // when this process ends, the guard rolls back
        Err(error) => return NetworkError::RolledBack { why, back: chain::chain(&error) },
    };
    match guarded.roll_back(&backend).await {
        Ok(back) => NetworkError::RolledBack { why, back },
        Err(rollback) => NetworkError::RollbackFailed { why, rollback },
    }
}

/// Summary of a device; `None` for a NIC that is only a port.
fn summary_of(device: &Device) -> Option<String> {
    let below: Vec<&str> = device.below().into_iter().map(IfName::as_str).collect();
    let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
    let with = match (&device.kind, addresses.is_empty()) {
        (_, false) => format!(" with {}", addresses.join(" ")),
        (Kind::Bridge { .. } | Kind::OvsBridge { .. }, true) => " without an address".to_owned(),
        (_, true) => String::new(),
    };
    match &device.kind {
        Kind::Ethernet if addresses.is_empty() => None,
        Kind::Ethernet => Some(format!("{}{with}", device.name)),
        _ => Some(format!("{} {} over {}{with}", device.kind_name(), device.name, below.join(", "))),
    }
}
