//! The change: steps and files under guard. All of it, confirmed by those who must answer, or none.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::Change;
use inventory::IfName;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::Outcome;
use super::error::{Flaw, NetworkError};
use super::execute::{Means, apply};
use super::found::look;
use super::guard::install::{UNITS, install};
use super::guard::{Guarded, Intent, Place, Undo, begin};
use super::hands::{ThisMachine, facts};
use super::knock::Knock;
use super::manager::adopt::adopt;
use super::manager::{Lost, Manager};
use super::observe::Observed;
use super::plan::{Leaving, Step, inverses, leaving, plan};
use super::probe::{Probes, Silence, answers};
use super::references::{Moved, Survey};
use super::stack::{Device, Kind, Stack};
use super::way_in::WayIn;
use crate::files::{Wanted, changed};
use crate::render::Templates;

/// How long the management node may take to answer before anything is changed.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where it is the confirmed network that is put right: then nothing depends on the answer but what is insisted on.
const BRIEF: Duration = Duration::from_secs(1);
/// How long the manager may take to settle after it was told.
const SETTLED: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(50);
/// How long steps, files and manager may take besides the waiting for answers, in seconds.
const WORK: u64 = 180;

/// All that the step found and will do.
pub(super) struct Work {
    pub(super) stack: Stack,
    /// What earlier runs made.
    pub(super) made: Stack,
    pub(super) steps: Vec<Step>,
    /// Those that differ.
    pub(super) files: Vec<Wanted>,
    /// The plan as files: written with the others, but no change by themselves.
    pub(super) saved: [Wanted; 2],
    /// Options of replaced files that are not in ours.
    pub(super) lost: Vec<Lost>,
    pub(super) probes: Probes,
    /// Devices whose packets come in through others afterwards.
    pub(super) moved: Vec<Moved>,
    /// What names them.
    pub(super) survey: Survey,
    /// How the management node is asked to try the way in.
    pub(super) knock: Knock,
    /// Whether the way in does not matter.
    pub(super) ignore_firewall: bool,
    pub(super) manager: Manager,
    /// Whether a bridge makes way for another, whose containers netd moves.
    pub(super) has_replaced: bool,
    /// How long who must answer may take, in seconds.
    pub(super) confirm: u64,
    /// Whether this is the network that was confirmed already, and only put right.
    pub(super) is_repair: bool,
    /// What is told of it in the end, where that is not what is there.
    pub(super) summary: Option<String>,
}

impl Work {
    pub(super) async fn execute(
        &self,
        means: &Means,
        templates: &Templates,
        before: &Observed,
    ) -> Result<Outcome, NetworkError> {
        // also where there is no change: it is what boots, enrolment and people run, and a new release comes by no other way
        let own = install(&Place::host(), templates, Path::new(UNITS)).await?;
        if self.steps.is_empty() && self.files.is_empty() {
            self.keep()?;
            return Ok(match own {
                Change::None => Outcome::NothingToDo,
                Change::Written => Outcome::Done("nothing to change; installed xdockhost".to_owned()),
            });
        }
        // ssh may go away with its terminal while the NIC moves; the change ends, one way or the other
        let _deaf = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let master: SocketAddr = self.probes.master;
        let answered = answers(master, if self.is_repair { BRIEF } else { PATIENCE }).await;
        if !answered && !self.is_repair {
            return Err(NetworkError::SilentBefore(master));
        }
        let way_in = self.way_in(answered).await?;
        let probes = Probes { knock: way_in.knock(), ..self.probes.clone().without_silent(before).await };
        let mut guarded = begin(&Place::host(), &self.intent(&probes, before)?).await?;
        // the confirmed network on a host that reaches nobody can not be worse than what is, whoever is silent then
        match self.guarded(&mut guarded, means, Some(&probes).filter(|_| answered)).await {
            Ok(()) if answered || answers(master, PATIENCE).await => {
                let note = way_in.note().filter(|_| answered).map(str::to_owned);
                Ok(Outcome::Done(
                    [Some(self.summary()), note].into_iter().flatten().collect::<Vec<_>>().join("; "),
                ))
            }
            Ok(()) => Ok(Outcome::Done(format!(
                "{}; the management node does not answer at {master}",
                self.summary()
            ))),
            Err(flaw) => Err(taken_back(guarded, &flaw).await),
        }
    }

    /// Tries the way in before anything is changed.
    async fn way_in(&self, answered: bool) -> Result<WayIn, NetworkError> {
        // who reaches nobody cannot ask
        let way_in = WayIn::before(self.knock, self.ignore_firewall || !answered).await;
        match way_in.refusal(&self.survey, &self.moved) {
            Some(refusal) => Err(NetworkError::CutsWayIn(refusal)),
            None => Ok(way_in),
        }
    }

    fn intent(&self, probes: &Probes, before: &Observed) -> Result<Intent, serde_json::Error> {
        let undo = inverses(&self.steps).into_iter().map(|step| {
            Undo::of(&step, step.is_durable()).map(|undo| Undo { takes_away: step.takes_away(), ..undo })
        });
        let touched = |name: &IfName| self.stack.device(name).is_some() || self.made.device(name).is_some();
        let intent = Intent {
            undo: undo.collect::<Result<_, _>>()?,
            facts: facts(before, touched),
            manager: self.manager.to_string(),
            probes: serde_json::to_value(probes)?,
            confirm: self.confirm,
            limit: WORK + 2 * self.confirm,
            ..Intent::default()
        };
        Ok(intent.with_files(&self.all_files()))
    }

    /// Writes what is remembered of a network in which nothing is to be changed.
    pub(super) fn keep(&self) -> Result<(), NetworkError> {
        self.saved.iter().try_for_each(|saved| saved.write().map(drop)).map_err(NetworkError::Keep)
    }

    /// What earlier runs made and the tables do not have any more.
    pub(super) fn left(&self, observed: &Observed) -> Leaving {
        leaving(&self.made, &self.stack, observed)
    }

    fn all_files(&self) -> Vec<Wanted> {
        self.files.iter().chain(&self.saved).cloned().collect()
    }

    /// The change itself. The files are written when the new network has been seen to work, and the manager told; then all is
    /// looked at once more.
    async fn guarded(
        &self,
        guarded: &mut Guarded,
        means: &Means,
        probes: Option<&Probes>,
    ) -> Result<(), Flaw> {
        if !self.steps.is_empty() {
            guarded.during(apply(means, &self.steps, |_| {})).await??;
            guarded.during(self.probe(probes)).await??;
        }
        guarded.write(&self.all_files())?;
        guarded.during(self.adopt()).await??;
        // NetworkManager puts a device that it starts into the default zone, unless the profile names another
        guarded.during(apply(means, &self.zones(), |_| {})).await??;
        guarded.during(self.probe(probes)).await??;
        guarded.during(self.verify(means)).await??;
        guarded.confirm()?;
        Ok(())
    }

    fn zones(&self) -> Vec<Step> {
        self.steps.iter().filter(|step| matches!(step, Step::AddToZone { .. })).cloned().collect()
    }

    async fn probe(&self, probes: Option<&Probes>) -> Result<(), Flaw> {
        let Some(probes) = probes else { return Ok(()) };
        let answered = probes.answer(Duration::from_secs(self.confirm)).await;
        answered.map_err(|silence| self.silent(silence))
    }

    fn silent(&self, silence: Silence) -> Flaw {
        let (seconds, suspects) = (self.confirm, self.survey.suspects());
        match silence {
            Silence::WayIn(_) if !suspects.is_empty() => Flaw::CutOff { silence, seconds, suspects },
            silence => Flaw::Silence { silence, seconds },
        }
    }

    /// Makes the manager believe what is.
    async fn adopt(&self) -> Result<(), Flaw> {
        let changed: Vec<PathBuf> = self.files.iter().map(|file| file.path.clone()).collect();
        Ok(adopt(self.manager, &self.stack, &changed, self.has_replaced).await?)
    }

    /// A new plan has nothing to do, and the files are as they shall be. A manager that was told may work on for a moment:
    /// networkd takes addresses away and gives them again when it reads its files anew.
    async fn verify(&self, means: &Means) -> Result<(), Flaw> {
        let end = Instant::now() + SETTLED;
        loop {
            match self.verify_once(means).await {
                Err(Flaw::Unfinished(_)) if Instant::now() < end => sleep(AGAIN).await,
                verified => return verified,
            }
        }
    }

    async fn verify_once(&self, means: &Means) -> Result<(), Flaw> {
        let observed = match look(means, self.stack.has_ovs()).await {
            Ok(observed) => observed,
            Err(NetworkError::Observe(error)) => return Err(error.into()),
            Err(NetworkError::Switch(error)) => return Err(error.into()),
            Err(other) => return Err(Flaw::Unfinished(chain::chain(&other))),
        };
        let steps = plan(&self.stack, &observed).iter().map(ToString::to_string).collect::<Vec<_>>();
        let files = changed(self.all_files()).map_err(|error| Flaw::Unfinished(chain::chain(&error)))?;
        let rest: Vec<String> = steps
            .into_iter()
            .chain(files.iter().map(|file| format!("write {}", file.path.display())))
            .collect();
        if rest.is_empty() { Ok(()) } else { Err(Flaw::Unfinished(rest.join(", "))) }
    }

    fn summary(&self) -> String {
        if let Some(summary) = &self.summary {
            return summary.clone();
        }
        let mut parts: Vec<String> = self.stack.devices.iter().filter_map(described).collect();
        let backup = self.files.iter().find_map(|file| file.backup.as_ref());
        if let (false, Some(backup)) = (self.lost.is_empty(), backup) {
            let lost: Vec<&str> = self.lost.iter().map(|lost| lost.setting.as_str()).collect();
            parts.push(format!("not taken over from {}: {}", backup.display(), lost.join(", ")));
        }
        parts.join("; ")
    }
}

async fn taken_back(guarded: Guarded, flaw: &Flaw) -> NetworkError {
    let why = chain::chain(flaw);
    let hands = match ThisMachine::open() {
        Ok(hands) => hands,
        // the guard is told by our end
        Err(error) => return NetworkError::TakenBack { why, back: chain::chain(&error) },
    };
    match guarded.roll_back(&hands).await {
        Ok(back) => NetworkError::TakenBack { why, back },
        Err(stuck) => NetworkError::Stuck { why, stuck },
    }
}

/// A device for the summary; none for a NIC that is only a port.
fn described(device: &Device) -> Option<String> {
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
        _ => Some(format!("{} {} over {}{with}", device.word(), device.name, below.join(", "))),
    }
}
