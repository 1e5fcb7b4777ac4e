//! The service `xdock-network-watch`: waits for the kernel's and the switch's notifications, and compares.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use hostnet::ovs::{self, Watch};
use hostnet::{EventsError, NetworkEvents};
use tokio::time::{Instant, timeout};

use super::hold::Hold;
use super::repair::{Found, RepairError, Repairer, words};
use super::report::Report;
use super::{PAUSE, Repair, TIMES};
use crate::log::{Log, date};

const NAME: &str = "network";
/// A burst of notifications is one change when it is over for this long.
const QUIET: Duration = Duration::from_millis(100);
/// The longest burst.
const BURST: Duration = Duration::from_millis(500);
/// Without notifications: sysctl settings have none.
const INTERVAL: Duration = Duration::from_secs(30);
/// While something is missing and a change or the manager is at work, and after a repair or an error.
const SHORT_INTERVAL: Duration = Duration::from_secs(1);

/// Watches until it is stopped.
pub async fn run(log: &Log) -> ExitCode {
    let ran = async {
        let service = Service {
            repairer: Repairer::open(ovs::REMOTE)?,
            report: Report { problems: Vec::new(), ..Report::read() },
            switch: None,
            log,
        };
        service.run().await
    };
    match ran.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.failure(NAME, &*error);
            ExitCode::FAILURE
        }
    }
}

struct Service<'a> {
    repairer: Repairer,
    report: Report,
    /// Notifications of Open vSwitch, if the network has a bridge of it and its database answers.
    switch: Option<Watch>,
    log: &'a Log,
}

impl Service<'_> {
    async fn run(mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut events = NetworkEvents::open()?;
        self.report()?;
        let mut interval = Duration::ZERO;
        loop {
            self.change(&mut events, interval).await?;
            interval = self.look().await;
        }
    }

    /// Waits for a change and the end of its burst.
    async fn change(&mut self, events: &mut NetworkEvents, interval: Duration) -> Result<(), EventsError> {
        let Ok(changed) = timeout(interval, self.notified(events)).await else { return Ok(()) };
        changed?;
        let end = Instant::now() + BURST;
        while Instant::now() < end
            && let Ok(changed) = timeout(QUIET, self.notified(events)).await
        {
            changed?;
        }
        Ok(())
    }

    async fn notified(&mut self, events: &mut NetworkEvents) -> Result<(), EventsError> {
        let Some(switch) = &mut self.switch else { return events.changed().await };
        tokio::select! {
            changed = events.changed() => changed,
            changed = switch.changed() => {
                if changed.is_err() {
                    self.switch = None;
                }
                Ok(())
            }
        }
    }

    /// Looks once. Returns how long to wait for a notification.
    async fn look(&mut self) -> Duration {
        self.watch_switch().await;
        let began = Instant::now();
        let (problems, interval) = match self.repairer.look().await {
            Ok(Found::Nothing) => (Vec::new(), INTERVAL),
            Ok(Found::Good(repair)) => (self.of_good(&repair).await, INTERVAL),
            Ok(Found::Held(hold)) => {
                let interval = if hold.is_short() { SHORT_INTERVAL } else { INTERVAL };
                (vec![held(&hold)], interval)
            }
            Ok(Found::Restored { repair, problems }) => {
                let steps = words(&repair);
                self.log.summary(NAME, format!("restored in {} ms: {steps}", began.elapsed().as_millis()));
                problems.iter().for_each(|problem| self.log.summary(NAME, problem));
                self.report.restored(date(SystemTime::now()), steps);
                (left_alone(&repair).into_iter().collect(), SHORT_INTERVAL)
            }
            Err(error) => (vec![failed(&error)], SHORT_INTERVAL),
        };
        self.become_known(problems);
        interval
    }

    async fn of_good(&self, repair: &Repair) -> Vec<String> {
        let mut problems: Vec<String> = left_alone(repair).into_iter().collect();
        problems.extend(repair.absent.iter().map(|nic| format!("interface {nic} does not exist")));
        if repair.lacks_switch {
            problems.push("Open vSwitch does not run".to_owned());
        }
        match self.repairer.files().await {
            Ok(hold) => problems.extend(hold.map(|hold| held(&hold))),
            Err(error) => problems.push(failed(&error)),
        }
        problems
    }

    /// Logs a problem once, and writes the report if it changed.
    fn become_known(&mut self, problems: Vec<String>) {
        for problem in problems.iter().filter(|problem| !self.report.problems.contains(problem)) {
            self.log.summary(NAME, problem);
        }
        self.report.problems = problems;
        if let Err(error) = self.report() {
            self.log.failure(NAME, &error);
        }
    }

    fn report(&self) -> Result<(), durable::FileError> {
        self.report.write()
    }

    /// Subscribes to Open vSwitch's database once the network has a bridge of it.
    async fn watch_switch(&mut self) {
        let has_ovs = self.repairer.saved().is_ok_and(|saved| saved.is_some_and(|network| network.has_ovs()));
        if !has_ovs {
            self.switch = None;
        } else if self.switch.is_none()
            && let Ok(switch) = self.repairer.backends.switch().await
        {
            self.switch = switch.watch().await.ok();
        }
    }
}

fn held(hold: &Hold) -> String {
    format!("the network is not restored: {hold}")
}

fn left_alone(repair: &Repair) -> Option<String> {
    let objects: Vec<String> = repair.left_alone.iter().map(ToString::to_string).collect();
    (!objects.is_empty()).then(|| {
        format!(
            "{} was restored {TIMES} times within a minute and is missing again; it is left alone for {} minutes: \
             find the program that removes it",
            objects.join(", "),
            PAUSE.as_secs() / 60
        )
    })
}

fn failed(error: &RepairError) -> String {
    chain::chain(error)
}
