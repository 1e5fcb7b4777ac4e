//! Does the steps of one node. The first failure ends it, and then what the plan says to take it back is done.

use std::time::Instant;

use crate::commands::power::truth::Slots;
use crate::commands::sync::Bringing;
use crate::engine::{Engine, EngineError, Removal};
use crate::fleet::Outcome;
use crate::host::Host;
use crate::plan::{self, Replaced, Step};
use chain::chain;
use serde_json::Value;

/// What all nodes of a host share.
pub(super) struct Site<'a, 't> {
    /// Its engine, as many requests at a time as it takes.
    pub(super) slots: Slots<'a>,
    /// The tables for its netd.
    pub(super) tables: Bringing<'a, 't>,
}

/// One after the other. What the engine did not take of what it was asked for is told by `say`.
pub(super) async fn run(
    site: &Site<'_, '_>,
    node: &str,
    steps: &[Step],
    replaces: Option<&Replaced>,
    say: &dyn Fn(String),
) -> Result<(), Outcome> {
    for (at, step) in steps.iter().enumerate() {
        if let Err(failure) = one(site, node, step, replaces.is_some(), say).await {
            let undo = plan::back(node, steps, at, replaces);
            let undone = undo_all(&site.slots.host.engine, node, &undo).await;
            return Err(told(failure, &undo, undone, replaces));
        }
    }
    Ok(())
}

async fn one(
    Site { slots, tables }: &Site<'_, '_>,
    node: &str,
    step: &Step,
    replaces: bool,
    say: &dyn Fn(String),
) -> Result<(), Outcome> {
    if *step == Step::Tables {
        return tables.ended().await;
    }
    let slot = slots.one().await;
    let begun = Instant::now();
    let done = match step {
        Step::Create { body, .. } => create(slots.host, node, body, say).await,
        step => apply(&slots.host.engine, node, step).await,
    };
    done.map_err(|error| failed(node, step, &error, replaces))?;
    let took = begun.elapsed();
    // settling takes time, not the engine's
    drop(slot);
    if *step == Step::Start { slots.is_up(node, took).await } else { Ok(()) }
}

async fn create(host: &Host, node: &str, body: &Value, say: &dyn Fn(String)) -> Result<(), EngineError> {
    let name = &host.name;
    for warning in host.engine.create(node, body).await? {
        say(format!("the engine of {name} warns: {warning}"));
    }
    if !plan::is_plain(body) {
        for field in plan::ignored(body, &host.engine.inspect(node).await?.has) {
            say(format!("the engine of {name} ignores {field}"));
        }
    }
    // a remote network driver maps no port by itself (moby libnetwork/drivers/remote), and netd's bridges need none
    let published = body.pointer("/HostConfig/PortBindings").and_then(Value::as_object);
    for port in published.into_iter().flat_map(|ports| ports.keys()) {
        say(format!(
            "{port} is not published on {name}: a container of these networks is reached at its own address"
        ));
    }
    Ok(())
}

fn failed(node: &str, step: &Step, error: &EngineError, replaces: bool) -> Outcome {
    let why = chain(error);
    match step {
        Step::Connect { network, .. } => {
            Outcome::Failed(format!("cannot connect it to {network}: {why}"), None)
        }
        Step::Start => {
            let hint = format!("it is made; xdock power {node} on starts it");
            Outcome::Failed(format!("cannot start it: {why}"), (!replaces).then_some(hint))
        }
        Step::Rename { from, to } => Outcome::Failed(format!("cannot rename {from} to {to}: {why}"), None),
        Step::Stop(name) => Outcome::Failed(format!("cannot stop {name}: {why}"), None),
        Step::Remove(name) => {
            let hint = format!("xdock mk --replace {node} tries again");
            Outcome::Failed(format!("it is made anew, but {name} cannot be removed: {why}"), Some(hint))
        }
        _ => Outcome::failed(error),
    }
}

/// The first that fails ends it: what follows would meet it in its way.
async fn undo_all(engine: &Engine, node: &str, undo: &[Step]) -> Result<(), EngineError> {
    for step in undo {
        apply(engine, node, step).await?;
    }
    Ok(())
}

/// The failure, and what it left.
fn told(
    failure: Outcome,
    undo: &[Step],
    undone: Result<(), EngineError>,
    replaces: Option<&Replaced>,
) -> Outcome {
    if undo.is_empty() {
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
        (Err(error), None) => format!("; it is still there: {}", chain(&error)),
        (Ok(()), Some(_)) => "; the old container is back".to_owned(),
        (Err(error), Some(old)) => {
            format!("; the old container is {}, and cannot be brought back: {}", old.aside, chain(&error))
        }
    };
    let rest = rest.map(|rest| format!("\n{rest}")).unwrap_or_default();
    // what it wrote went with it
    let hint = hint.filter(|_| replaces.is_none());
    let first = match (first.strip_suffix("; the end of its log:"), replaces) {
        (Some(how), Some(_)) => format!("the new container: {how}{left}; the end of its log:"),
        (None, Some(_)) => format!("the new container: {first}{left}"),
        _ => format!("{first}{left}"),
    };
    Outcome::Failed(format!("{first}{rest}"), hint)
}

async fn apply(engine: &Engine, node: &str, step: &Step) -> Result<(), EngineError> {
    match step {
        Step::CreateNetwork { body, .. } => engine.create_network(body).await,
        Step::PullImage(image) => engine.pull(image).await,
        Step::Create { body, .. } => engine.create(node, body).await.map(drop),
        Step::Connect { network, endpoint } => engine.connect(network, node, endpoint).await,
        Step::Rename { from, to } => engine.rename(from, to).await,
        Step::Stop(name) => engine.stop(name).await.map(drop),
        Step::Start => engine.start(node).await.map(drop),
        // no call of the engine
        Step::Tables => Ok(()),
        Step::Remove(name) => engine.remove(name, Removal { force: true, volumes: false }).await.map(drop),
        Step::Discard(name) => match engine.remove(name, Removal { force: true, volumes: true }).await {
            Err(error) if !error.is_absence() => Err(error),
            _ => Ok(()),
        },
    }
}
