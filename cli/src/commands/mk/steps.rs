//! Executes the steps of one node. After the first failure it executes the plan's undo steps.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use crate::commands::start_check;
use crate::delivery::TableSync;
use crate::engine::{ContainerId, Engine, EngineError, Network, NetworkId, Removal};
use crate::fleet::Outcome;
use crate::host::Host;
use crate::plan::{self, Fault, Replaced, Step, Subject};
use chain::chain;
use serde_json::Value;

/// State that all nodes of a host share.
pub(in crate::commands) struct Site<'a, 't> {
    /// The host.
    pub(in crate::commands) host: &'a Host,
    /// Snapshot delivery to its netd.
    pub(in crate::commands) tables: TableSync<'a, 't>,
    /// Its networks by name, including those that this command creates.
    networks: RefCell<HashMap<String, NetworkId>>,
}

impl<'a, 't> Site<'a, 't> {
    /// A host without known networks.
    pub(in crate::commands) fn new(host: &'a Host, tables: TableSync<'a, 't>) -> Self {
        Self { host, tables, networks: RefCell::default() }
    }

    /// Adds existing networks. If several have one name, ours wins.
    pub(in crate::commands) fn knows(&self, listed: &[Network]) {
        for network in listed {
            if plan::is_ours(network) || !self.networks.borrow().contains_key(&network.name) {
                self.has(&network.name, network.id.clone());
            }
        }
    }

    /// Adds a network.
    pub(super) fn has(&self, name: &str, id: NetworkId) {
        self.networks.borrow_mut().insert(name.to_owned(), id);
    }
}

/// Executes steps in order. `say` gets the parts of a request that the engine ignored.
pub(in crate::commands) async fn run(
    site: &Site<'_, '_>,
    node: &str,
    steps: &[Step],
    replaces: Option<&Replaced>,
    say: &dyn Fn(String),
) -> Result<(), Outcome> {
    let mut work = Work { site, node, replaces, say, made: Made::Nothing };
    for (at, step) in steps.iter().enumerate() {
        if let Err(failure) = work.one(step).await {
            let undo = plan::back(node, steps, at, replaces);
            let undone = work.undo(&undo).await;
            return Err(with_rollback(failure, &undo, undone, replaces));
        }
    }
    Ok(())
}

/// Adds the name of the container whose endpoint the error names.
pub(in crate::commands) async fn named(engine: &Engine, error: EngineError) -> EngineError {
    let EngineError::Refused { status, message } = error else { return error };
    let listed = match plan::names_endpoint(&message) {
        true => engine.containers().await.unwrap_or_default(),
        false => Vec::new(),
    };
    let message = match plan::holder(&message, &listed) {
        Some(container) => format!("{message}; that is the container {}", container.name),
        None => message,
    };
    EngineError::Refused { status, message }
}

/// Result of [`Step::Create`].
enum Made {
    /// No container.
    Nothing,
    /// A container.
    Container(ContainerId),
    /// Unknown: the answer for this create body was lost.
    Unknown(Value),
}

/// Execution of one node's steps.
struct Work<'a, 's, 't> {
    site: &'a Site<'s, 't>,
    node: &'a str,
    replaces: Option<&'a Replaced>,
    say: &'a dyn Fn(String),
    made: Made,
}

impl Work<'_, '_, '_> {
    async fn one(&mut self, step: &Step) -> Result<(), Outcome> {
        if *step == Step::Tables {
            return self.site.tables.done().await;
        }
        let slot = self.site.host.request().await;
        let begun = Instant::now();
        if let Err(error) = self.apply(step).await {
            let error = named(&self.site.host.engine, error).await;
            return Err(failed(self.node, step, &error, self.replaces.is_some()));
        }
        let took = begun.elapsed();
        // waiting needs no request
        drop(slot);
        match step {
            Step::Start(of) => match self.subject(of) {
                Some(id) => start_check::ensure_up(self.site.host, self.node, &id, took).await,
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Executes undo steps until one fails: the following steps depend on it.
    async fn undo(&mut self, undo: &[Step]) -> Result<(), EngineError> {
        for step in undo {
            self.apply(step).await?;
        }
        Ok(())
    }

    fn subject(&self, of: &Subject) -> Option<ContainerId> {
        match (of, &self.made) {
            (Subject::Listed(id), _) | (Subject::Made, Made::Container(id)) => Some(id.clone()),
            (Subject::Made, Made::Nothing | Made::Unknown(_)) => None,
        }
    }

    fn network(&self, name: &str) -> Result<NetworkId, EngineError> {
        let known = self.site.networks.borrow().get(name).cloned();
        known.ok_or_else(|| EngineError::absent(format!("network {name} not found")))
    }

    fn absent(&self) -> EngineError {
        EngineError::absent(format!("No such container: {}", self.node))
    }

    async fn apply(&mut self, step: &Step) -> Result<(), EngineError> {
        let engine = &self.site.host.engine;
        match step {
            Step::CreateNetwork { body, .. } => engine.create_network(body).await.map(drop),
            Step::PullImage(image) => engine.pull(image).await,
            Step::Create { body, .. } => self.create(body).await,
            Step::Connect { of, network, endpoint } => match self.subject(of) {
                Some(of) => engine.connect(&self.network(network)?, &of, endpoint).await,
                None => Err(self.absent()),
            },
            Step::Compare { of, body } => match self.subject(of) {
                Some(of) => compare(self.site.host, &of, body, self.say).await,
                None => Err(self.absent()),
            },
            Step::Disconnect { of, network } => engine.disconnect(&self.network(network)?, of).await,
            Step::Rename { of, to, .. } => engine.rename(of, to).await,
            Step::Stop { of, .. } => engine.stop(of).await.map(drop),
            Step::Start(of) => match self.subject(of) {
                Some(of) => engine.start(&of).await.map(drop),
                None => Err(self.absent()),
            },
            // not a request
            Step::Tables => Ok(()),
            Step::Remove { of, .. } => {
                engine.remove(of, Removal { force: true, volumes: false }).await.map(drop)
            }
            Step::Discard(_) => self.discard().await,
        }
    }

    async fn create(&mut self, body: &Value) -> Result<(), EngineError> {
        let host = self.site.host;
        let (id, warnings) = match host.engine.create(self.node, body).await {
            Ok(made) => made,
            Err(error) => {
                // a refused request created nothing; a lost answer may have
                let refused = matches!(error, EngineError::Refused { .. } | EngineError::Unreachable { .. });
                self.made = if refused { Made::Nothing } else { Made::Unknown(body.clone()) };
                return Err(error);
            }
        };
        self.made = Made::Container(id.clone());
        for warning in warnings {
            (self.say)(format!("the engine of {} warns: {warning}", host.name));
        }
        Ok(())
    }

    /// Removes the created container with its volumes. Other containers stay, even if one has got the node's name.
    async fn discard(&mut self) -> Result<(), EngineError> {
        let engine = &self.site.host.engine;
        let id = match std::mem::replace(&mut self.made, Made::Nothing) {
            Made::Nothing => None,
            Made::Container(id) => Some(id),
            Made::Unknown(body) => {
                let listed = engine.containers().await?;
                listed
                    .iter()
                    .find(|found| plan::is_made_from(found, self.node, &body))
                    .map(|found| found.id.clone())
            }
        };
        let Some(id) = id else { return Ok(()) };
        match engine.remove(&id, Removal { force: true, volumes: true }).await {
            Err(error) if !error.is_absence() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Reports deviations of a container's networks after the repair. `warn` gets those that stay. dockerd never reuses an
/// interface name in a running container (moby `libnetwork/osl`, `nextIfIndex`).
pub(in crate::commands) fn reported(
    (faults, runs): (&[Fault], bool),
    say: &dyn Fn(String),
    warn: &dyn Fn(String),
) {
    let name = if runs { ", its interface has a new name until the next start" } else { "" };
    for fault in faults {
        match fault.kind.is_mended() {
            true => say(format!("{fault}; reconnected{name}")),
            false => warn(format!("{fault}; not changed")),
        }
    }
}

/// Reports fields of the create body that the engine ignored.
async fn compare(
    host: &Host,
    id: &ContainerId,
    body: &Value,
    say: &dyn Fn(String),
) -> Result<(), EngineError> {
    let name = &host.name;
    for field in plan::ignored(body, &host.engine.inspect(id).await?.has) {
        say(format!("the engine of {name} ignores {field}"));
    }
    Ok(())
}

fn failed(node: &str, step: &Step, error: &EngineError, replaces: bool) -> Outcome {
    let why = chain(error);
    match step {
        Step::Connect { network, .. } => {
            Outcome::Failed(format!("cannot connect it to {network}: {why}"), None)
        }
        Step::Disconnect { network, .. } => {
            Outcome::Failed(format!("cannot disconnect it from {network}: {why}"), None)
        }
        Step::Start(_) => {
            let hint = format!("the container exists: fix the cause, then run \"xdock power {node} on\"");
            Outcome::Failed(format!("cannot start it: {why}"), (!replaces).then_some(hint))
        }
        Step::Rename { from, to, .. } => {
            Outcome::Failed(format!("cannot rename {from} to {to}: {why}"), None)
        }
        Step::Stop { name, .. } => Outcome::Failed(format!("cannot stop {name}: {why}"), None),
        Step::Remove { name, .. } => {
            let hint = format!("run \"xdock mk --replace {node}\" again");
            Outcome::Failed(format!("it is replaced, but {name} cannot be removed: {why}"), Some(hint))
        }
        _ => Outcome::failed(error),
    }
}

/// Adds the result of the undo steps to a failure.
fn with_rollback(
    failure: Outcome,
    undo: &[Step],
    undone: Result<(), EngineError>,
    replaces: Option<&Replaced>,
) -> Outcome {
    if undo.is_empty() {
        return failure;
    }
    // nothing of this node is left: the reason is still that of its host
    if matches!((&failure, &undone, replaces), (Outcome::OfHost(..), Ok(()), None)) {
        return failure;
    }
    let (text, hint) = match failure.failure() {
        Ok(failure) => failure,
        Err(other) => return other,
    };
    let (first, rest) =
        text.split_once('\n').map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
    let left = match (undone, replaces) {
        (Ok(()), None) => String::new(),
        (Err(error), None) => format!("; the container was not removed: {}", chain(&error)),
        (Ok(()), Some(_)) => "; the old container is restored".to_owned(),
        (Err(error), Some(old)) => {
            format!("; the old container is {}, and cannot be restored: {}", old.aside, chain(&error))
        }
    };
    let rest = rest.map(|rest| format!("\n{rest}")).unwrap_or_default();
    // its log was removed with the container
    let hint = hint.filter(|_| replaces.is_none());
    let first = match (first.strip_suffix("; the end of its log:"), replaces) {
        (Some(how), Some(_)) => format!("the new container: {how}{left}; the end of its log:"),
        (None, Some(_)) => format!("the new container: {first}{left}"),
        _ => format!("{first}{left}"),
    };
    Outcome::Failed(format!("{first}{rest}"), hint)
}
